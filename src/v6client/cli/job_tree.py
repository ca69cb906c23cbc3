"""The tree of a job as text: its tasks, their organizations and how long each took."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol


class Reader(Protocol):
    """What reads a job: a user of the API."""

    def task(self, task_id: int) -> dict[str, Any]:
        """Give one task."""

    def tasks(self, job_id: int | None = None) -> list[dict[str, Any]]:
        """Give the tasks of a job."""

    def runs(self, task_id: int) -> list[dict[str, Any]]:
        """Give the runs of a task."""


@dataclass(frozen=True, slots=True)
class TaskOfJob:
    """One task of a job, with its runs."""

    name: str
    status: str
    parent_id: int | None
    created_at: str
    runs: tuple[Mapping[str, Any], ...]

    @property
    def is_finished(self) -> bool:
        """Whether no run of it is open."""
        return bool(self.runs) and all(run["finished_at"] for run in self.runs)

    @property
    def seconds(self) -> float:
        """From its creation to the end of its last run; two clocks, here of one machine."""
        ends = [run["finished_at"] for run in self.runs if run["finished_at"]]
        return _between(self.created_at, max(ends)) if ends else 0.0


@dataclass(frozen=True, slots=True)
class Job:
    """A task and all its subtasks."""

    root: int
    tasks: Mapping[int, TaskOfJob]

    @classmethod
    def read(cls, reader: Reader, root: int) -> Job:
        """Read a job from the server."""
        job_id = reader.task(root)["job_id"]
        return cls(
            root,
            {
                row["id"]: TaskOfJob(
                    row["name"],
                    row["status"],
                    row["parent"]["id"] if row["parent"] else None,
                    row["created_at"],
                    tuple(reader.runs(row["id"])),
                )
                for row in reader.tasks(job_id=job_id)
            },
        )


def draw(job: Job) -> str:
    """Draw the tree: a line a task, with the seconds that each of its runs computed."""
    lines = list(_lines(job, job.root, "", ""))
    width = max(len(label) for label, _ in lines)
    return "\n".join(f"{label:<{width}}  {figures}" for label, figures in lines)


def _lines(job: Job, id_: int, first: str, rest: str) -> Iterator[tuple[str, str]]:
    task = job.tasks[id_]
    computed = "  ".join(_of_run(run) for run in task.runs)
    yield f"{first}task {id_} {task.name}", f"{task.status}, {task.seconds:5.1f} s: {computed}"
    children = sorted(one for one, task in job.tasks.items() if task.parent_id == id_)
    for child in children:
        is_last = child == children[-1]
        yield from _lines(
            job,
            child,
            f"{rest}{'└── ' if is_last else '├── '}",
            f"{rest}{'    ' if is_last else '│   '}",
        )


def _of_run(run: Mapping[str, Any]) -> str:
    who = f"#{run['organization']['id']}"
    if not run["started_at"] or not run["finished_at"]:
        return f"{who} {run['status']}"
    return f"{who} {_between(run['started_at'], run['finished_at']):.1f} s"


def _between(start: str, end: str) -> float:
    return (datetime.fromisoformat(end) - datetime.fromisoformat(start)).total_seconds()
