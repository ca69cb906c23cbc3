"""A server in memory and in simulated time: tasks whose runs start, end and fail by a plan."""
# ruff: noqa: ARG002 - it has the parameters of what it stands for

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta, timezone
from typing import Any, Literal

from v6client import DeadlineExceeded, RequestError, Settings
from v6client.tasks.questions import Questions
from v6client.tasks.runs import is_finished
from v6client.tasks.verdict import WaitPolicy
from v6client.tasks.waiting import Waiter
from v6client.tasks.watched_task import WatchedTask

EPOCH = datetime(2026, 1, 1, tzinfo=timezone.utc)
FAR = 1e12


def encoded(value: object) -> str:
    return base64.b64encode(json.dumps(value).encode()).decode()


@dataclass
class Run:
    """One organization's part: when it starts and ends (seconds from its creation), and how."""

    organization: int
    end: float = 0.0
    status: str = "completed"
    start: float = 0.0
    value: object = "default"
    result: str | None = None
    online: bool = True

    @property
    def started_at(self) -> float:
        """When it starts; never where the server fails it with another."""
        return FAR if self.status == "failed" else self.start


@dataclass
class Task:
    """A task's runs, by ascending id."""

    id: int
    runs: list[Run]
    created: float = 1000.0

    def run_id(self, run: Run) -> int:
        return self.id * 100 + self.runs.index(run) + 1


@dataclass
class World(Questions):
    """What a container can ask about its subtasks, at a moment of simulated time."""

    tasks: Mapping[int, Task]
    latency: float = 0.01
    now: float = 1000.0
    fails: Callable[[int, float], RequestError | None] = lambda _number, _now: None
    counts_open: bool = True
    input_: str = ""
    hangs: Collection[str] = ()
    asked: list[str] = field(default_factory=list)

    def _cost(self, what: str, within: float | None = None) -> None:
        self.asked.append(what)
        if what in self.hangs:
            self.now += 120.0 if within is None else min(120.0, within)
            raise DeadlineExceeded("hangs")
        self.now += self.latency
        error = self.fails(len(self.asked), self.now)
        if error:
            raise error

    def status_at(self, task: Task) -> str:
        statuses = [self.run_status(task, run) for run in task.runs]
        failures = {one for one in statuses if is_finished(one) and one != "completed"}
        if failures:
            return failures.pop() if len(failures) == 1 else "failed"
        for one in ("active", "initializing", "pending"):
            if one in statuses:
                return one
        return "completed"

    def run_status(self, task: Task, run: Run) -> str:
        age = self.now - task.created
        if age >= run.end:
            return run.status
        return "active" if age >= run.started_at else "pending"

    def status(self, task_id: int, within: float | None) -> tuple[str, float]:
        self._cost("status", within)
        return self.status_at(self.tasks[task_id]), self.latency

    def statuses(
        self, task_ids: Collection[int], within: float | None
    ) -> tuple[Mapping[int, str], float, int]:
        self._cost("statuses", within)
        pages = 1 + len(self.tasks) // 100
        return {one: self.status_at(self.tasks[one]) for one in task_ids}, self.latency, pages

    def open_runs(
        self,
        task_id: int,
        within: float | None,
        *,
        only_started: bool = False,
        organization_id: int | None = None,
    ) -> tuple[int | None, float]:
        self._cost("open_runs", within)
        task = self.tasks[task_id]
        statuses = [
            self.run_status(task, run)
            for run in task.runs
            if organization_id in {None, run.organization}
        ]
        count = sum(
            not is_finished(one) and not (only_started and one == "pending") for one in statuses
        )
        return (count if self.counts_open else None), self.latency

    def run_rows(self, task_id: int, within: float | None = None) -> list[dict[str, Any]]:
        self._cost("runs", within)
        task = self.tasks[task_id]
        return [self._row(task, run) for run in task.runs]

    def _row(self, task: Task, run: Run) -> dict[str, Any]:
        age = self.now - task.created
        return {
            "id": task.run_id(run),
            "organization": {"id": run.organization},
            "status": self.run_status(task, run),
            "started_at": self.at(task.created + run.started_at) if age >= run.started_at else None,
            "finished_at": self.at(task.created + run.end) if age >= run.end else None,
            "node": {"id": 1, "status": "online" if run.online else "offline"},
            "input": self.input_,
            "log": f"log of {run.organization}",
        }

    def result_rows(self, task_id: int, within: float | None = None) -> list[dict[str, Any]]:
        self._cost("results", within)
        task = self.tasks[task_id]
        return [
            {"id": task.run_id(run), "result": self._result(run)}
            for run in task.runs
            if self.run_status(task, run) == "completed"
        ]

    def row_at(  # noqa: PLR0913 - that of Questions
        self,
        kind: Literal["run", "result"],
        task_id: int,
        run_id: int,
        place: int,
        within: float | None = None,
        *,
        organization_id: int | None = None,
    ) -> dict[str, Any] | None:
        assert organization_id is None, "a wait knows the places of all"
        self._cost(kind, within)
        task = self.tasks[task_id]
        run = task.runs[::-1][place]
        if kind == "run":
            return self._row(task, run)
        return {"id": task.run_id(run), "result": self._result(run)}

    def created_at(self, task_id: int, within: float | None = None) -> str | None:
        self._cost("task")
        return self.at(self.tasks[task_id].created)

    def _result(self, run: Run) -> str:
        if run.result is not None:
            return run.result
        return encoded(f"of {run.organization}" if run.value == "default" else run.value)

    @staticmethod
    def at(seconds: float) -> str:
        moment = EPOCH + timedelta(seconds=min(seconds, 1e8))
        return moment.replace(tzinfo=None).isoformat()

    def sleep(self, seconds: float) -> None:
        assert seconds >= 0
        self.now += seconds

    @property
    def waiter(self) -> Waiter:
        return Waiter(self, Settings(), sleep=self.sleep, now=lambda: self.now)

    def watched(self, *, known: bool = True) -> list[WatchedTask]:
        return [
            WatchedTask(
                task.id,
                tuple(run.organization for run in task.runs),
                task.created,
                self.at(task.created),
            )
            if known
            else WatchedTask(task.id)
            for task in self.tasks.values()
        ]

    def wait(
        self,
        policy: WaitPolicy | None = None,
        *,
        interval: float = 1.0,
        timeout: float | None = None,
        known: bool = True,
    ) -> list[Any]:
        tasks = self.watched(known=known)
        return self.waiter.wait(tasks, policy or WaitPolicy(), interval=interval, timeout=timeout)


def world(*runs: Run, **more: Any) -> World:
    """Make a world with one task."""
    return World({5: Task(5, list(runs))}, **more)


def group(*runs: Run, **more: Any) -> World:
    """Make a world with one task for each run."""
    return World({10 + n: Task(10 + n, [run]) for n, run in enumerate(runs)}, **more)
