"""Chaos runs: the demo's regression many times on one sandbox full of transient faults.

Each run is a root task with an image name of its own, hence with faults of its own: run 17 of seed
1 meets the same ones whatever runs beside it, as long as it asks the same questions.
"""

from __future__ import annotations

import json
import re
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from types import ModuleType
from typing import Any, Final

import v6client
from tests.chaos.warm import warm_entrypoint
from v6client.sandbox import Sandbox
from v6client.sandbox.faults import Faults, journal

EXAMPLES: Final = Path(__file__).parents[2] / "examples"
_KEY: Final = re.compile(r"\[v6c:([0-9a-f]{32})[ \]]")
# Also the last line of a traceback where the algorithm let an error of the client pass.
_MESSAGE: Final = re.compile(r"^(?:error > |v6client\.errors\.\w+: )(.*)$", re.MULTILINE)
_HOSPITALS: Final = 4
_LONGEST_RUN: Final = 900.0
_RESULT: Final = "exact result"
_WRONG: Final = "WRONG RESULT"
_UNTYPED: Final = "UNTYPED ERROR"
_ENDLESS: Final = "NO END"


@dataclass(frozen=True)
class ChaosRun:
    """What came of one regression.

    Parameters
    ----------
    number
        Which one.
    ending
        ``exact result``, the class of a typed error, or what must not be.
    problems
        What must not be, in words; empty where all is well.
    is_double
        Whether two tasks of one creation were adopted, or the results of both used.
    events
        The log events of the central container.
    tasks, twins
        How many subtasks the server has, and how many of them share their key with another.
    seconds
        From the creation of the root task to its end.
    message
        What a typed error says.
    """

    number: int
    ending: str
    problems: tuple[str, ...]
    is_double: bool
    events: tuple[dict[str, Any], ...] = field(repr=False)
    tasks: int
    twins: int
    seconds: float
    message: str

    @property
    def is_result(self) -> bool:
        """Whether it ended with the exact result."""
        return self.ending == _RESULT

    def count(self, event: str) -> int:
        """Count the log lines of an event."""
        return sum(one.get("event") == event for one in self.events)

    def last(self, name: str) -> int:
        """Give a number of the last log line."""
        return int(self.events[-1].get(name, 0)) if self.events else 0


@dataclass(frozen=True)
class Campaign:
    """A running sandbox on which regressions meet faults."""

    sandbox: Sandbox
    example: ModuleType
    databases: Sequence[dict[str, Path]]
    faults: Faults

    def runs(self, numbers: Sequence[int], *, at_once: int) -> Iterator[ChaosRun]:
        """Run regressions, some at a time; give each when it has ended."""
        pool = ThreadPoolExecutor(at_once)
        try:
            waiting = [pool.submit(self.run, number) for number in numbers]
            for one in as_completed(waiting):
                yield one.result()
        finally:
            pool.shutdown(wait=False, cancel_futures=True)

    def run(self, number: int) -> ChaosRun:
        """Run one regression and judge it."""
        researcher = self.sandbox.researcher
        began = time.monotonic()
        root = researcher.create_task(
            image_of(number),
            self.example.INPUT["method"],
            kwargs=self.example.INPUT["kwargs"],
            # Each hospital's proxy gets its share: it serves one request at a time.
            organizations=[1 + number % _HOSPITALS],
            name=f"chaos {number}",
            databases=["default"],
        )
        try:
            researcher.wait(root["id"], timeout=_LONGEST_RUN)
        except OSError as error:
            problem = f"task {root['id']}: {type(error).__name__}"
            return ChaosRun(number, _ENDLESS, (problem,), False, (), 0, 0, _LONGEST_RUN, "")
        seconds = time.monotonic() - began
        [run] = researcher.runs(root["id"])
        events = tuple(_events(run["log"] or ""))
        tasks = [one for one in researcher.tasks(root["job_id"]) if one["id"] != root["id"]]
        by_key = _by_key(tasks)
        ending, problems = self._ending(run["status"], root["id"], events)
        adoptions = adoption_problems(by_key, events, complete=ending == _RESULT)
        return ChaosRun(
            number=number,
            ending=ending,
            problems=(*problems, *adoptions),
            is_double=bool(adoptions),
            events=events,
            tasks=len(tasks),
            twins=sum(len(ids) - 1 for ids in by_key.values()),
            seconds=seconds,
            message="".join(_MESSAGE.findall(run["log"] or "")[-1:]),
        )

    def _ending(
        self, status: str, task_id: int, events: Sequence[dict[str, Any]]
    ) -> tuple[str, list[str]]:
        last = events[-1] if events else {}
        if status == "completed" and last.get("event") == "run.finished":
            [result] = self.sandbox.researcher.results(task_id)
            report, agree = self.example.report(result, self.databases)
            return (_RESULT, []) if agree else (_WRONG, [report])
        name = str(last.get("error_type", ""))
        error = getattr(v6client, name, None)
        if (
            last.get("event") == "run.failed"
            and isinstance(error, type)
            and issubclass(error, v6client.V6ClientError)
        ):
            return name, []
        return _UNTYPED, [f"status {status}, last event {last}"]


def image_of(number: int) -> str:
    """Name the image of a run."""
    return f"chaos/{number}"


def adoption_problems(
    by_key: dict[str, list[int]], events: Sequence[dict[str, Any]], *, complete: bool
) -> list[str]:
    """Compare what the client adopted and waited for with what the server has.

    Parameters
    ----------
    by_key
        The ids of the server's subtasks by the key in their descriptions.
    events
        The central container's log.
    complete
        Whether the algorithm ended with its result, so that each key must have been adopted.
    """
    adopted = [one["task_id"] for one in events if one.get("event") == "task.created"]
    used = [one["task_id"] for one in events if one.get("event") == "task.finished"]
    problems = []
    for key, ids in by_key.items():
        mine = [one for one in adopted if one in ids]
        if len(mine) > 1 or (complete and len(mine) != 1):
            problems.append(f"of the tasks {ids} with key {key}, {mine} were adopted")
        results = [one for one in used if one in ids]
        if len(results) > 1 or (complete and results != mine):
            problems.append(f"of the tasks {ids} with key {key}, {results} were used")
    unknown = set(adopted) - {one for ids in by_key.values() for one in ids}
    if unknown:
        problems.append(f"{sorted(unknown)} were adopted, but have no key at the server")
    return problems


def _by_key(tasks: Sequence[dict[str, Any]]) -> dict[str, list[int]]:
    by_key: dict[str, list[int]] = {}
    for task in tasks:
        mark = _KEY.search(task["description"])
        by_key.setdefault(mark.group(1) if mark else f"none: {task['id']}", []).append(task["id"])
    return by_key


def _events(log: str) -> Iterator[dict[str, Any]]:
    for line in log.splitlines():
        try:
            event = json.loads(line)
        except ValueError:
            continue
        if isinstance(event, dict) and "event" in event:
            yield event


@contextmanager
def campaign(
    directory: Path, numbers: Sequence[int], faults: Faults, example: ModuleType
) -> Iterator[Campaign]:
    """Start a sandbox with faults, ready for the runs of these numbers."""
    databases = example.prepare(directory / "data")
    with ExitStack() as stack:
        entrypoint = stack.enter_context(warm_entrypoint(directory, example.PACKAGE, [EXAMPLES]))
        sandbox = stack.enter_context(
            Sandbox(
                _HOSPITALS,
                databases=databases,
                algorithms={image_of(number): example.PACKAGE for number in numbers},
                python_path=[EXAMPLES],
                entrypoint=entrypoint,
                faults=faults,
            )
        )
        yield Campaign(sandbox, example, databases, faults)


def summary(runs: Sequence[ChaosRun], directory: Path, seconds: float) -> str:
    """Write the table of what happened."""
    endings = Counter(run.ending for run in runs)
    handled = list(journal(directory))
    by_leg = Counter(one.leg.value for one in handled)
    faults = Counter((one.leg.value, one.fault.value) for one in handled if one.fault)
    times = sorted(run.seconds for run in runs) or [0.0]
    share = endings[_RESULT] / max(1, len(runs))
    rows = [
        ("runs", f"{len(runs)}"),
        (_RESULT, f"{endings[_RESULT]} ({share:.1%})"),
        *(
            (f"`{name}`", f"{count}")
            for name, count in sorted(endings.items())
            if name not in {_RESULT, _WRONG, _UNTYPED, _ENDLESS}
        ),
        ("wrong results", f"{endings[_WRONG]}"),
        ("errors without a type", f"{endings[_UNTYPED]}"),
        ("runs without an end", f"{endings[_ENDLESS]}"),
        ("runs with a task adopted or used twice", f"{sum(run.is_double for run in runs)}"),
        ("subtasks at the server", f"{sum(run.tasks for run in runs)}"),
        ("of them twins, unadopted", f"{sum(run.twins for run in runs)}"),
        ("subtasks found by their key", f"{sum(run.count('task.found') for run in runs)}"),
        ("requests of central containers", f"{sum(run.last('requests') for run in runs)}"),
        ("of them retries", f"{sum(run.last('retries') for run in runs)}"),
        ("polls", f"{sum(run.last('polls') for run in runs)}"),
        ("polls without news", f"{sum(run.count('task.poll_failed') for run in runs)}"),
        ("a run: median, longest", f"{times[len(times) // 2]:.0f} s, {times[-1]:.0f} s"),
        ("all of them", f"{seconds:.0f} s"),
        *((f"requests {leg}", f"{count}") for leg, count in sorted(by_leg.items())),
        *((f"{leg}: {fault}", f"{count}") for (leg, fault), count in sorted(faults.items())),
    ]
    return "\n".join(["| what | number |", "|---|---|", *(f"| {a} | {b} |" for a, b in rows)])
