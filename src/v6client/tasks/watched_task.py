"""What is known of a task that is watched, and what its run rows add to it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from v6client.payload.rows import input_weight
from v6client.tasks.history import Kind
from v6client.tasks.runs import RunOutcome, State, runs_of, status_of, with_causes
from v6client.tasks.task_trace import TaskTrace

FIRST_LOOK: Final = 30.0
"""Seconds of a wait after which runs are looked at, though nothing is known to have changed."""

# Rows with so many characters of input are heavy: each is read once more, when its run has ended.
_HEAVY: Final = 2**20


@dataclass(slots=True)
class WatchedTask:
    """What is known of a task that is watched.

    Parameters
    ----------
    task_id
        The task.
    organizations
        Those that it was created for, in that order; ``None`` where another client created it.
    created
        When this client created it, in monotonic seconds; ``None`` where it did not.
    created_at
        The same as the server says it.
    trace
        Takes its runs as they end; ``None`` where another client created it.
    kind
        What earlier tasks took as long; ``None`` where that is not known.
    """

    task_id: int
    organizations: tuple[int, ...] | None = None
    created: float | None = None
    created_at: str | None = None
    trace: TaskTrace | None = field(default=None, repr=False)
    kind: Kind | None = field(default=None, repr=False)
    status: str = field(default="not known", init=False)
    runs: tuple[RunOutcome, ...] | None = field(default=None, init=False)
    open_runs: int | None = field(default=None, init=False)
    is_heavy: bool = field(default=False, init=False)
    next_look: float = field(default=FIRST_LOOK, init=False)
    refusals: int = field(default=0, init=False)

    @property
    def is_over(self) -> bool:
        """Whether its runs were read, and none of them is open."""
        return self.runs is not None and not any(run.is_open for run in self.runs)

    @property
    def has_one_run(self) -> bool:
        """Whether its status is the status of its only run."""
        return self.organizations is not None and len(self.organizations) == 1

    def outcomes(self) -> tuple[RunOutcome, ...]:
        """Give its runs; for one that was not read yet, that it is open."""
        if self.runs is not None:
            return self.runs
        return tuple(
            RunOutcome(one, self.task_id, None, self.status, State.RUNNING)
            for one in self.organizations or ()
        )

    def learn(self, rows: Sequence[Mapping[str, Any]]) -> list[RunOutcome] | None:
        """Take its run rows; give the runs that have ended since; nothing where nothing changed.

        Parameters
        ----------
        rows
            All of them; or those of runs that are known already, and have changed.
        """
        before: dict[int | None, RunOutcome] = {run.run_id: run for run in self.runs or ()}
        new = runs_of(rows, self.task_id, expected=self.organizations, created_at=self.created_at)
        if len(rows) < len(before):
            changed: dict[int | None, RunOutcome] = {
                run.run_id: run for run in new if run.run_id is not None
            }
            new = with_causes([changed.get(run.run_id, run) for run in before.values()])
        self.runs = new
        self.status = status_of(new)
        weight = sum(map(input_weight, rows))
        self.is_heavy = self.is_heavy or weight > _HEAVY
        if {run.run_id: run.status for run in new} == {
            run_id: run.status for run_id, run in before.items()
        }:
            return None
        return [
            run
            for run in new
            if not run.is_open and (run.run_id not in before or before[run.run_id].is_open)
        ]
