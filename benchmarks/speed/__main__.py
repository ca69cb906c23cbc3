"""``python -m benchmarks.speed``: speed, measured side by side.

Every client is a process of its own; within a round they take turns, each time in another order,
and what is compared are the ratios within the rounds. Needs upstream's client ('make contract').
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Final

from benchmarks.speed import measures, sides
from benchmarks.speed.plot import draw
from benchmarks.speed.report import Measured, document, table

_BEGIN: Final = "<!-- measured: begin -->"
_END: Final = "<!-- measured: end -->"
_PAGE: Final = Path("docs/benchmarks.md")
_FIGURES: Final = _PAGE.with_suffix(".json")
_PICTURE: Final = _PAGE.with_suffix(".png")
_DRAWN: Final = (
    "CPU of a request, µs",
    "median of a request through the real proxy, µs",
    "task.create for 50 organizations, ms",
)
_WHAT: Final = ("cpu", "threads", "import", "counts", "sandbox", "real")


def main() -> int:
    """Measure, print, write; 1 where a goal is missed, 3 where upstream's client is not there."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.speed", description=__doc__, allow_abbrev=False
    )
    parser.add_argument("--rounds", type=int, default=7, help="rounds of each (%(default)s)")
    parser.add_argument(
        "--only", nargs="+", choices=_WHAT, default=_WHAT, help="what to measure (everything)"
    )
    parser.add_argument("--json", type=Path, help="write the figures there, too")
    parser.add_argument(
        "--write", action="store_true", help=f"put tables, figures and picture into {_PAGE}"
    )
    arguments = parser.parse_args()
    if arguments.rounds < 1:
        parser.error("--rounds has to be at least 1")
    if arguments.write and set(arguments.only) != set(_WHAT):
        parser.error("--write goes with everything, not with --only")
    if reason := sides.why_not():
        sys.stderr.write(f"{reason}: type 'make contract'\n")
        return 3
    measured = _measured(arguments.only, arguments.rounds)
    text = f"{_machine(arguments.rounds)}\n\n{table(measured)}"
    sys.stdout.write(f"{text}\n")
    if arguments.json:
        arguments.json.write_text(json.dumps(document(measured), indent=1) + "\n")
    if arguments.write:
        before, _, rest = _PAGE.read_text().partition(_BEGIN)
        _, _, after = rest.partition(_END)
        _PAGE.write_text(f"{before}{_BEGIN}\n\n{text}\n\n{_END}{after}")
        _FIGURES.write_text(json.dumps(document(measured), indent=1) + "\n")
        draw([one for one in measured.figures if one.what in _DRAWN], _PICTURE)
    missed = measured.missed()
    sys.stdout.write(f"\nGoals missed: {'; '.join(missed) or 'none'}.\n")
    return int(bool(missed))


def _measured(only: list[str], rounds: int) -> Measured:
    found = Measured([], [])
    with sides.stub() as place:
        steps: dict[str, Callable[[], Measured]] = {
            "cpu": lambda: measures.request_cpu(place, rounds),
            "threads": lambda: measures.threads(place, rounds),
            "import": lambda: measures.imports(place, rounds),
            "counts": lambda: measures.counts(place),
        }
        for name, step in steps.items():
            if name in only:
                sys.stderr.write(f"{name} ...\n")
                found += step()
    if "sandbox" in only:
        sys.stderr.write("sandbox ...\n")
        with measures.sandbox_proxy() as at:
            found += measures.latency(at, rounds, "the sandbox's proxy")
    if "real" in only:
        sys.stderr.write("the real server and proxy ...\n")
        with measures.real_proxy(50) as (at, others):
            found += measures.latency(at, rounds, "the real proxy")
            found += measures.creation(at, rounds, others)
    return found


def _machine(rounds: int) -> str:
    python = f"{platform.python_implementation()} {platform.python_version()}"
    return f"{rounds} rounds, {os.cpu_count()} cores, {python}, {platform.system()}."


if __name__ == "__main__":
    sys.exit(main())
