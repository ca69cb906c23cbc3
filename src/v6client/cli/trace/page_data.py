"""The tree of a job as the page's script reads it: short keys, seconds since its begin. Pure."""

from __future__ import annotations

import json
from collections.abc import Collection
from typing import Any, Final, NamedTuple

from v6client.cli.trace.findings import Role
from v6client.cli.trace.job import Run, Task
from v6client.cli.trace.story import Story

_MICROSECOND: Final = 1_000
_PLACES: Final = 6


class _Marks(NamedTuple):
    """When the job began; which runs are on the critical path, which failed in consequence."""

    start: int
    critical: Collection[int]
    followed: Collection[int]


def data_of(story: Story) -> dict[str, Any]:
    """Give the data of a job."""
    job = story.job
    marks = _Marks(
        job.start,
        {id(stretch.run) for stretch in story.path},
        {id(one.run) for one in story.failures if one.role is Role.FOLLOWED},
    )
    length = max(_MICROSECOND, job.end - job.start) / 1e9
    tasks = [_task(task, marks, 0) for task in job.tasks]
    return {"length": round(length, _PLACES), "tasks": tasks}


def in_script(data: object) -> str:
    """Write JSON so that nothing in it can end a ``script`` element."""
    text = json.dumps(data, separators=(",", ":"), allow_nan=False)
    return text.replace("&", "\\u0026").replace("<", "\\u003c").replace(">", "\\u003e")


def _task(task: Task, marks: _Marks, number: int) -> dict[str, Any]:
    return {
        "i": task.task_id,
        "b": _since(task.begin, marks),
        "e": _since(task.ended, marks),
        "z": len(task.runs) + task.missing,
        "r": [_run(run, marks) for run in task.runs],
        **({"n": number} if number else {}),
        **({"x": 1} if task.is_orphan else {}),
    }


def _run(run: Run, marks: _Marks) -> dict[str, Any]:
    rounds = run.rounds
    tasks = [
        _task(task, marks, number if len(rounds) > 1 else 0)
        for number, one in enumerate(rounds, 1)
        for task in one
    ]
    found: dict[str, Any] = {
        "o": run.organization_id,
        "s": run.state.value,
        "b": _since(run.created, marks),
        "t": _since(run.started, marks),
        "e": _since(run.ended, marks),
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


def _since(moment: int | None, marks: _Marks) -> float | None:
    return None if moment is None else round((moment - marks.start) / 1e9, _PLACES)
