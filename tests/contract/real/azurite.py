"""Azurite, the emulator of Azure Blob Storage, as the blob store of the real vantage6 server.

``python tests/contract/real/azurite.py`` installs it with npm into the cache of the user, and needs
Node.js. It does nothing where it has been done before, and ends with 3 and one line where it cannot
be done on this machine.
"""

from __future__ import annotations

import base64
import ctypes
import fcntl
import os
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from types import TracebackType

    from typing_extensions import Self

VERSION = "3.35.0"
CANNOT_INSTALL = 3
CONTAINER = "blobs"
_ACCOUNT = "contract"
_MAIN = Path("node_modules") / "azurite" / "dist" / "src" / "blob" / "main.js"
_PR_SET_PDEATHSIG = 1
_START_TIMEOUT = 60.0


def folder() -> Path:
    """Give the folder outside the clone where it belongs, installed or not."""
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    return cache / "v6client" / f"azurite-{VERSION}"


def is_installed() -> bool:
    """Tell whether it was installed there to the end, and can run."""
    return (folder() / "v6client-installed").is_file() and shutil.which("node") is not None


def install() -> str:
    """Install it unless it is there already; give the reason where that cannot be done."""
    missing = [name for name in ("node", "npm") if shutil.which(name) is None]
    if missing:
        return f"{' and '.join(missing)} not found; Azurite needs Node.js"
    place = folder()
    place.parent.mkdir(parents=True, exist_ok=True)
    with place.with_name(f"{place.name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if is_installed():
            return ""
        shutil.rmtree(place, ignore_errors=True)
        place.mkdir()
        # Without their scripts: a test bench runs no code of packages but Azurite's own.
        options = ("--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error")
        done = subprocess.run(  # noqa: S603 - our own command
            ["npm", "install", f"azurite@{VERSION}", *options],  # noqa: S607 - wherever npm is
            cwd=place,
            check=False,
            capture_output=True,
            text=True,
        )
        if done.returncode:
            lines = [line for line in done.stderr.splitlines() if line.strip()]
            return lines[0] if lines else "npm failed"
        (place / "v6client-installed").touch()
    return ""


class Azurite:
    """A blob store in memory, on a free port of 127.0.0.1."""

    def __init__(self, log: Path) -> None:
        self._log = log
        self._key = base64.b64encode(secrets.token_bytes(32)).decode()
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self._port: int = free.getsockname()[1]
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def connection_string(self) -> str:
        """What the server's configuration names."""
        return (
            f"DefaultEndpointsProtocol=http;AccountName={_ACCOUNT};AccountKey={self._key};"
            f"BlobEndpoint=http://127.0.0.1:{self._port}/{_ACCOUNT};"
        )

    def start(self) -> None:
        """Start it, and wait until it listens."""
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(  # noqa: S603 - what we installed
                [
                    *("node", str(folder() / _MAIN)),
                    *("--blobHost", "127.0.0.1", "--blobPort", str(self._port)),
                    *("--inMemoryPersistence", "--skipApiVersionCheck", "--disableTelemetry"),
                    *("--silent", "--loose"),
                ],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                env={
                    "PATH": os.environ.get("PATH", os.defpath),
                    "AZURITE_ACCOUNTS": f"{_ACCOUNT}:{self._key}",
                },
                preexec_fn=_die_with_parent,  # noqa: PLW1509 - one call of the C library
            )
        deadline = time.monotonic() + _START_TIMEOUT
        while True:
            try:
                socket.create_connection(("127.0.0.1", self._port), timeout=1).close()
            except OSError:
                if self._process.poll() is not None or time.monotonic() > deadline:
                    raise RuntimeError(f"Azurite does not start: {self._log.read_text()}") from None
                time.sleep(0.05)
            else:
                return

    def stop(self) -> None:
        """Stop it; what it held is gone."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None

    def __enter__(self) -> Self:
        """Start."""
        self.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Stop."""
        self.stop()


def _die_with_parent() -> None:
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)


def main() -> int:
    """Install and give the exit code."""
    reason = install()
    if reason:
        print(f"Azurite {VERSION} cannot be installed: {reason}", file=sys.stderr)  # noqa: T201 - a command's own words
        return CANNOT_INSTALL
    print(f"Azurite {VERSION} is in {folder()}")  # noqa: T201 - a command's own words
    return 0


if __name__ == "__main__":
    sys.exit(main())
