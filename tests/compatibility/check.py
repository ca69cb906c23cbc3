"""Ask pip whether v6client installs beside vantage6-algorithm-tools, on each supported Python.

``python tests/compatibility/check.py`` prints what it would install and ends with 1 where it
would not. Everything happens in a temporary folder; nothing is installed anywhere else.

Pip decides for each supported Python that is on this machine. For 3.10, the oldest, it does so
without one too, by ``--python-version``: it then takes the markers of requirements
(``python_version < "3.11"``) from the Python that it runs on, and wheels alone. SQLAlchemy, as
vantage6 pins it, has none for 3.12 and later, so those are checked only where they are.
"""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).parents[2]
TOOLS: Final = ("4.9.1", "4.11.0", "4.13.7", "4.15.2")
PYTHONS: Final = ("3.10", "3.11", "3.12", "3.13")
SHOWN: Final = (
    *("requests", "pyjwt", "cryptography", "opentelemetry-api", "opentelemetry-sdk"),
    *("structlog", "tenacity", "pandas"),
)
ALWAYS: Final = "3.10"
# Pinned by vantage6 in all these versions, and without any wheel.
WITHOUT_WHEEL: Final = ("qrcode==7.3.1",)
# The first one with --dry-run, --python and a --report of which the format is settled.
LEAST_PIP: Final = 23
LONGEST_MESSAGE: Final = 200
LEAST_WIDTH: Final = 8


class RefusedError(Exception):
    """Pip has refused, for the reason that the message gives."""


def main() -> int:
    """Check all combinations and give the exit code."""
    with tempfile.TemporaryDirectory(prefix="v6client-compatibility-") as folder:
        return Check(Path(folder)).all()


class Check:
    """The check, in a folder of its own.

    Parameters
    ----------
    folder
        An empty one.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._pip = [str(folder / "pip" / "bin" / "python"), "-m", "pip"]
        self._pip += ["--disable-pip-version-check", "--no-input"]

    def all(self) -> int:
        """Check all combinations, print a line for each, and give the exit code."""
        try:
            v6client = self._prepare()
        except RefusedError as reason:
            print(f"not checked: {reason}", file=sys.stderr)  # noqa: T201 - a command's own words
            return 1
        _print_row("tools", "python", "by", SHOWN)
        refused = 0
        for python in PYTHONS:
            options, by = self._options_for(python)
            if by == "wheels" and python != ALWAYS:
                _print_row("", python, "-", ("not on this machine: not checked",))
                continue
            for tools in TOOLS:
                try:
                    found = self._resolve(options, v6client, f"vantage6-algorithm-tools=={tools}")
                except RefusedError as reason:
                    refused += 1
                    _print_row(tools, python, by, (f"REFUSED: {reason}",))
                else:
                    _print_row(tools, python, by, [found.get(name, "-") for name in SHOWN])
        return 1 if refused else 0

    def _prepare(self) -> str:
        """Get a pip that is new enough, and wheels; give that of v6client."""
        _run([sys.executable, "-m", "venv", str(self._folder / "pip")])
        version = _run([*self._pip, "--version"]).split()[1]
        if int(version.split(".")[0]) < LEAST_PIP:
            _run([*self._pip, "install", "--quiet", f"pip>={LEAST_PIP}"])
        wheels = str(self._folder / "wheels")
        make = [*self._pip, "wheel", "--quiet", "--no-deps", "--wheel-dir", wheels]
        _run([*make, *WITHOUT_WHEEL, str(ROOT)])
        return str(next(Path(wheels).glob("v6client-*.whl")))

    def _options_for(self, python: str) -> tuple[list[str], str]:
        """Say how pip is to decide for a Python; and that in a word."""
        venv = str(self._folder / f"python{python}")
        interpreter = shutil.which(f"python{python}")
        if interpreter:
            try:
                _run([interpreter, "-m", "venv", "--without-pip", venv])
            except RefusedError:
                pass  # such as a version manager's command for a version that it has not
            else:
                return ["--python", venv, "install"], "itself"
        return [
            *("install", "--python-version", python, "--only-binary", ":all:"),
            *("--find-links", str(self._folder / "wheels"), "--target", venv),
        ], "wheels"

    def _resolve(self, options: list[str], *requirements: str) -> Mapping[str, str]:
        """Give the version of everything that pip would install."""
        report = self._folder / "report.json"
        asked = ["--dry-run", "--ignore-installed", "--report", str(report), *requirements]
        _run([*self._pip, *options, *asked])
        installs = json.loads(report.read_text())["install"]
        return {one["metadata"]["name"].lower(): one["metadata"]["version"] for one in installs}


def _run(command: list[str]) -> str:
    done = subprocess.run(  # noqa: S603 - our own command
        command, check=False, capture_output=True, text=True
    )
    if done.returncode:
        lines = [line for line in (done.stderr + done.stdout).splitlines() if line.strip()]
        raise RefusedError(_reason(lines))
    return done.stdout


def _reason(lines: list[str]) -> str:
    """Find in pip's words what it could not do: first the error, then who wants what."""
    errors = [line for line in lines if line.startswith("ERROR") and "Ignored" not in line]
    # Among them may be all the versions that there are.
    first = (errors or lines or ["no output"])[0].strip()[:LONGEST_MESSAGE]
    wishes = [line.strip() for line in lines if " depends on " in line or " requested " in line]
    return "; ".join([first, *wishes])


def _print_row(tools: str, python: str, by: str, cells: Sequence[str]) -> None:
    widths = [max(len(name), LEAST_WIDTH) for name in SHOWN]
    row = [f"{tools:8}", f"{python:7}", f"{by:7}"]
    row += [f"{cell:{width}}" for cell, width in zip(cells, widths, strict=False)]
    print(" ".join(row).rstrip(), flush=True)  # noqa: T201 - a command's own words


if __name__ == "__main__":
    sys.exit(main())
