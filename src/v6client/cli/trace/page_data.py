"""The tree of a job as the page's script reads it: short keys, seconds since its begin. Pure."""

from __future__ import annotations

import json
from collections.abc import Collection
from typing import Any, Final, NamedTuple

from v6client.cli.trace.findings import Role
from v6client.cli.trace.job import Job, Run, Task
from v6client.cli.trace.story import Story

_MICROSECOND: Final = 1_000
_PLACES: Final = 6


class _Marks(NamedTuple):
    """The identities of the runs on the critical path, and of those that failed in consequence."""

    critical: Collection[int]
    followed: Collection[int]


def data_of(story: Story) -> dict[str, Any]:
    """Give the data of a job."""
    job = story.job
    marks = _Marks(
        {id(stretch.run) for stretch in story.path},
        {id(one.run) for one in story.failures if one.role is Role.FOLLOWED},
    )
    length = max(_MICROSECOND, job.end - job.start) / 1e9
    tasks = [_task(task, job, marks, 0) for task in job.tasks]
    return {"length": round(length, _PLACES), "tasks": tasks}


def in_script(data: object) -> str:
    """Write JSON so that nothing in it can end a ``script`` element."""
    text = json.dumps(data, separators=(",", ":"), allow_nan=False)
    return text.replace("&", "\\u0026").replace("<", "\\u003c").replace(">", "\\u003e")


def _task(task: Task, job: Job, marks: _Marks, number: int) -> dict[str, Any]:
    return {
        "i": task.task_id,
        "b": _since(task.begin, job),
        "e": _since(task.ended, job),
        "z": len(task.runs) + task.missing,
        "r": [_run(run, job, marks) for run in task.runs],
        **({"n": number} if number else {}),
        **({"x": 1} if task.is_orphan else {}),
    }


def _run(run: Run, job: Job, marks: _Marks) -> dict[str, Any]:
    rounds = run.rounds
    tasks = [
        _task(task, job, marks, number if len(rounds) > 1 else 0)
        for number, one in enumerate(rounds, 1)
        for task in one
    ]
    found: dict[str, Any] = {
        "o": run.organization_id,
        "s": run.state.value,
        "b": _since(run.created, job),
        "t": _since(run.started, job),
        "e": _since(run.ended, job),
    }
    is_traced = run.is_traced or bool(run.requests or run.waits)
    more: dict[str, Any] = {
        "i": run.run_id,
        # Where the state says it, its word is enough.
        "w": "" if run.status == run.state.value else run.status,
        "y": run.error_type,
        "c": int(id(run) in marks.critical),
        "f": int(id(run) in marks.followed),
        "k2": int(run.is_skewed),
        "m": int(is_traced),
        "k": tasks,
    }
    counts = {"q": run.requests, "a": run.retries, "p": run.polls} if is_traced else {}
    return {**found, **{key: value for key, value in more.items() if value}, **counts}


def _since(moment: int | None, job: Job) -> float | None:
    return None if moment is None else round((moment - job.start) / 1e9, _PLACES)
