"""``python -m benchmarks.payload``: what a large result costs, ours against upstream's.

Each fetch is a process of its own; the clients take turns, against one server process. "plain" is
ours without the extra ``fast``. A floor is no client: ``json.loads(base64.b64decode(text))`` of
texts that are there already, with and without the extra's library. Memory is read from outside: the
growth of the process's peak (VmHWM) over what it had before.
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import jwt
from tests.contract.real.install import cached_venv, is_installed, python_of

from benchmarks.payload.scenarios import SCENARIOS, Scenario

_SIDE: Final = Path(__file__).with_name("side.py")
_CLIENTS: Final = ("ours", "plain", "upstream")
_SIDES: Final = (*_CLIENTS, "floor", "floor-plain")
_GOAL_MEMORY, _GOAL_CPU = 1.8, 0.5


@dataclass(frozen=True)
class Figures:
    """What one fetch took: seconds, CPU seconds, bytes of memory; and what came."""

    seconds: float
    cpu: float
    memory: int
    digest: str


def main() -> int:
    """Measure and print a table; 1 where a goal is missed."""
    parser = argparse.ArgumentParser(description=__doc__, allow_abbrev=False)
    parser.add_argument("--repeat", type=int, default=3, help="fetches of each (%(default)s)")
    parser.add_argument("--json", type=Path, help="write the figures there, too")
    arguments = parser.parse_args()
    if not is_installed(cached_venv()):
        print("upstream's client is not installed: type 'make contract'", file=sys.stderr)  # noqa: T201 - a command's own words
        return 3
    with subprocess.Popen(
        [sys.executable, "-m", "benchmarks.payload.server"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as server:
        port = int(_line(server))
        rows = [_measured(scenario, port, arguments.repeat) for scenario in SCENARIOS]
        _end(server)
    print(_table(rows))  # noqa: T201 - a command's own words
    if arguments.json:
        arguments.json.write_text(json.dumps(rows, indent=1))
    return int(not all(row["met"] for row in rows))


def _measured(scenario: Scenario, port: int, repeat: int) -> dict[str, Any]:
    figures: dict[str, list[Figures]] = {side: [] for side in _SIDES}
    for _ in range(repeat):
        for side in _SIDES:
            figures[side].append(_fetch(side, scenario, port))
    if len({one.digest for side in _SIDES for one in figures[side]}) != 1:
        raise SystemExit(f"{scenario.name}: the clients do not agree")
    row: dict[str, Any] = {"scenario": scenario.name}
    for side, some in figures.items():
        row[side] = {
            "seconds": statistics.median(one.seconds for one in some),
            "cpu": statistics.median(one.cpu for one in some),
            "memory": statistics.median(one.memory for one in some) / scenario.base64_bytes,
        }
    row["met"] = not scenario.has_goal or (
        row["ours"]["memory"] <= _GOAL_MEMORY
        and row["ours"]["cpu"] <= _GOAL_CPU * row["upstream"]["cpu"]
    )
    return row


def _fetch(side: str, scenario: Scenario, port: int) -> Figures:
    python = str(python_of(cached_venv())) if side == "upstream" else sys.executable
    subject = {"client_type": "container", "organization_id": 2, "collaboration_id": 1}
    subject |= {"node_id": 3, "task_id": 7, "image": "image"}
    token = jwt.encode({"sub": subject}, "nobody checks the signature of this token here")
    with subprocess.Popen(  # noqa: S603 - our own script
        [python, str(_SIDE), side, str(port), str(scenario.task_id), token],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    ) as process:
        if json.loads(_line(process)) != "ready":
            raise SystemExit(f"{side} is not ready")
        before = _status(process.pid, "VmRSS")
        # The peak so far is forgotten (proc(5), clear_refs).
        Path(f"/proc/{process.pid}/clear_refs").write_text("5")
        _go_on(process)
        figures = json.loads(_line(process))
        memory = _status(process.pid, "VmHWM") - before
        _go_on(process)
        digest = json.loads(_line(process))
        _end(process)
    return Figures(figures["seconds"], figures["cpu"], memory, digest)


def _status(pid: int, field: str) -> int:
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith(f"{field}:"):
            return int(line.split()[1]) * 1024
    raise SystemExit(f"no {field}: this needs Linux")


def _line(process: subprocess.Popen[str]) -> str:
    assert process.stdout is not None  # noqa: S101 - a pipe was asked for
    line = process.stdout.readline()
    if not line:
        raise SystemExit("a process of the benchmark ended early")
    return line


def _go_on(process: subprocess.Popen[str]) -> None:
    assert process.stdin is not None  # noqa: S101 - a pipe was asked for
    process.stdin.write("\n")
    process.stdin.flush()


def _end(process: subprocess.Popen[str]) -> None:
    assert process.stdin is not None  # noqa: S101 - a pipe was asked for
    process.stdin.close()
    process.wait(30)


def _table(rows: list[dict[str, Any]]) -> str:
    columns = [
        *(("seconds", side, "s, {}", "{:.3f}") for side in _CLIENTS),
        *(("cpu", side, "CPU s, {}", "{:.3f}") for side in _SIDES),
        *(("memory", side, "memory, {}", "{:.2f} x") for side in _SIDES),
    ]
    titles = ["result", *(title.format(side) for _, side, title, _ in columns)]
    lines = [f"| {' | '.join(titles)} |", "|---" * len(titles) + "|"]
    for row in rows:
        cells = [row["scenario"]]
        cells += [form.format(row[side][figure]) for figure, side, _, form in columns]
        lines.append(f"| {' | '.join(cells)} |")
    lines.append("")
    lines.append(f"Memory: times the base64. Goals: {_GOAL_MEMORY} x, and {_GOAL_CPU} of the CPU.")
    missed = [row["scenario"] for row in rows if not row["met"]]
    lines.append(f"Missed: {', '.join(missed) or 'none'}.")
    return "\n".join(lines)


if __name__ == "__main__":
    sys.exit(main())
