"""The table of the doctor: green and red, without rich, which a container may not have."""

from __future__ import annotations

import json
import shutil
import textwrap
from collections.abc import Mapping, Sequence
from typing import Final, TextIO

from v6client._version import __version__
from v6client.cli.doctor.check import Check, State

_SIGNS: Final = {State.GOOD: "✓", State.BAD: "✗", State.DOUBTFUL: "!", State.NOTE: "·"}
_PLAIN: Final = {State.GOOD: "ok", State.BAD: "NO", State.DOUBTFUL: "! ", State.NOTE: "- "}
_COLORS: Final = {State.GOOD: 32, State.BAD: 31, State.DOUBTFUL: 33, State.NOTE: 2}
_WIDEST: Final = 110


def write_table(
    checks: Sequence[Check], *, is_container: bool, file: TextIO, environ: Mapping[str, str]
) -> None:
    """Write the checks for a person.

    Parameters
    ----------
    checks
        What was found.
    is_container
        Whether this is a container.
    file
        Where to; colours only where it is a terminal, and ``NO_COLOR`` does not forbid them.
    environ
        For ``NO_COLOR`` (https://no-color.org).
    """
    is_colored = file.isatty() and not environ.get("NO_COLOR")
    signs = _SIGNS if _has_signs(file) else _PLAIN
    arrow = "→" if signs is _SIGNS else "->"
    width = min(_WIDEST, shutil.get_terminal_size((_WIDEST, 24)).columns)
    wide = max(len(one.name) for one in checks)
    where = "inside an algorithm container" if is_container else "not inside a container"
    lines = [f"v6client {__version__} doctor, {where}", ""]
    for one in checks:
        sign = signs[one.state]
        shown = f"\x1b[{_COLORS[one.state]}m{sign}\x1b[0m" if is_colored else sign
        left = " " * (len(sign) + wide + 6)
        text = textwrap.wrap(one.text, max(20, width - len(left)))
        lines.append(f"  {shown} {one.name.ljust(wide)}  {text[0]}")
        lines += [f"{left[1:]}{line}" for line in text[1:]]
        advice = textwrap.wrap(one.advice, max(20, width - len(left) - 2))
        for number, line in enumerate(advice):
            lines.append(f"{left[1:]}{arrow if number == 0 else ' ' * len(arrow)} {line}")
    lines += ["", _sum(checks)]
    text_out = "\n".join(lines) + "\n"
    if signs is _PLAIN:
        text_out = text_out.replace("…", "...")
    file.write(text_out)


def _has_signs(file: TextIO) -> bool:
    try:
        "✓✗→…".encode(file.encoding or "ascii")
    except (UnicodeEncodeError, LookupError):
        return False
    return True


def _sum(checks: Sequence[Check]) -> str:
    counts = {state: sum(one.state is state for one in checks) for state in State}
    if counts[State.BAD]:
        return f"{counts[State.BAD]} of {len(checks)} checks failed."
    if counts[State.DOUBTFUL]:
        return f"All works; {counts[State.DOUBTFUL]} not as it should."
    return "All is well."


def write_json(checks: Sequence[Check], *, is_container: bool, file: TextIO) -> None:
    """Write the checks for a program."""
    document = {
        "version": __version__,
        "is_container": is_container,
        "is_well": not any(one.state is State.BAD for one in checks),
        "checks": [
            {"name": one.name, "state": one.state.value, "text": one.text, "advice": one.advice}
            for one in checks
        ],
    }
    file.write(json.dumps(document, indent=2) + "\n")
