"""Install the real vantage6 server, node and tools into a virtual environment of their own.

``python tests/contract/real/install.py [--version 4.15.2] [--venv DIR]`` needs Python with venv
and pip, nothing else. It does nothing where it has been done before, and ends with 3 and one line
where it cannot be done on this machine.
"""

from __future__ import annotations

import argparse
import fcntl
import hashlib
import os
import shutil
import subprocess
import sys
import time
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

VERSION = "4.15.2"
CANNOT_INSTALL = 3
SUITABLE = ("3.10", "3.11")
"""What vantage6's old pins (psutil, SQLAlchemy) have wheels for; later ones may need a compiler."""


class CannotInstallError(Exception):
    """It cannot be installed on this machine, for the reason that the message gives."""


def requirements_of(version: str) -> Path:
    """Give the file with the pins and hashes of a version."""
    return Path(__file__).with_name(f"requirements-{version}.txt")


def cached_venv(version: str = VERSION) -> Path:
    """Give the folder outside the clone where a version belongs, installed or not."""
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    return cache / "v6client" / f"vantage6-{version}-{_digest(version)[:12]}"


def python_of(venv: Path) -> Path:
    """Give the interpreter of a virtual environment."""
    return venv / "bin" / "python"


def is_installed(venv: Path, version: str = VERSION) -> bool:
    """Tell whether exactly these requirements were installed there to the end."""
    stamp = _stamp_of(venv)
    return stamp.is_file() and stamp.read_text() == _digest(version)


def install(version: str = VERSION, venv: Path | None = None) -> Path:
    """Install a version unless it is there already.

    Parameters
    ----------
    version
        One that has a requirements file here.
    venv
        The folder; the cache by default.

    Returns
    -------
    Path
        The folder.

    Raises
    ------
    CannotInstallError
        There is no such requirements file, no network or no wheel for this machine.
    """
    if not requirements_of(version).is_file():
        raise CannotInstallError(f"there is no {requirements_of(version).name}")
    venv = cached_venv(version) if venv is None else venv
    venv.parent.mkdir(parents=True, exist_ok=True)
    with _one_at_a_time(venv):
        if is_installed(venv, version):
            print(f"vantage6 {version} is in {venv}")  # noqa: T201 - a command's own words
            return venv
        _install(version, venv)
    return venv


def main() -> int:
    """Install and give the exit code."""
    parser = argparse.ArgumentParser(description=__doc__, allow_abbrev=False)
    parser.add_argument("--version", default=VERSION, help="of vantage6 (%(default)s)")
    parser.add_argument("--venv", type=Path, help="where to (a folder of the user's cache)")
    arguments = parser.parse_args()
    try:
        install(arguments.version, arguments.venv)
    except CannotInstallError as reason:
        print(  # noqa: T201 - a command's own words
            f"vantage6 {arguments.version} cannot be installed: {reason}", file=sys.stderr
        )
        return CANNOT_INSTALL
    return 0


def _install(version: str, venv: Path) -> None:
    interpreter = _suitable_interpreter()
    print(  # noqa: T201 - a command's own words
        f"installing vantage6 {version} with {interpreter} into {venv}", flush=True
    )
    started = time.monotonic()
    shutil.rmtree(venv, ignore_errors=True)
    _run(interpreter, "-m", "venv", str(venv))
    _run(
        str(python_of(venv)),
        *("-m", "pip", "install", "--disable-pip-version-check", "--no-input", "--quiet"),
        # The file has everything, and pip takes no pin of pyjwt for one of msal's pyjwt[crypto].
        *("--no-deps", "--require-hashes", "--requirement", str(requirements_of(version))),
    )
    _stamp_of(venv).write_text(_digest(version))
    print(f"done in {time.monotonic() - started:.0f} s")  # noqa: T201 - a command's own words


def _suitable_interpreter() -> str:
    if f"{sys.version_info.major}.{sys.version_info.minor}" in SUITABLE:
        return sys.executable
    for version in SUITABLE:
        found = shutil.which(f"python{version}")
        # A version manager has a command for each version, whether or not it can run.
        if found and _runs(found):
            return found
    return sys.executable


def _runs(interpreter: str) -> bool:
    done = subprocess.run(  # noqa: S603 - a Python on the path
        [interpreter, "-c", ""], check=False, capture_output=True
    )
    return done.returncode == 0


def _run(*command: str) -> None:
    try:
        done = subprocess.run(  # noqa: S603 - our own command
            command, check=False, capture_output=True, text=True
        )
    except OSError as error:
        raise CannotInstallError(str(error)) from None
    if done.returncode:
        lines = [line for line in (done.stderr + done.stdout).splitlines() if line.strip()]
        errors = [at for at, line in enumerate(lines) if line.lower().startswith("error")]
        # Some of pip's errors end with a colon and say what it is on the next line.
        told = lines[errors[-1] :][:2] if errors else lines[-1:]
        raise CannotInstallError(" ".join(line.strip() for line in told) or "no output")


def _digest(version: str) -> str:
    return hashlib.sha256(requirements_of(version).read_bytes()).hexdigest()


def _stamp_of(venv: Path) -> Path:
    return venv / "v6client-installed"


@contextmanager
def _one_at_a_time(venv: Path) -> Iterator[None]:
    with venv.with_name(f"{venv.name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


if __name__ == "__main__":
    sys.exit(main())
