"""What the client's waiting methods do: checks, what is known of a task, and one wait."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from v6client.errors import InvalidArgument, V6ClientError
from v6client.http.endpoint import identifier
from v6client.settings import Settings
from v6client.tasks.creator import Creator
from v6client.tasks.results import RunResult
from v6client.tasks.runs import RunOutcome
from v6client.tasks.verdict import chosen_policy, seconds
from v6client.tasks.waiting import Waiter
from v6client.tasks.watched_task import WatchedTask


@dataclass(frozen=True, slots=True)
class Waits:
    """Waits for tasks by their ids; what ``AlgorithmClient``'s methods call, and document.

    Parameters
    ----------
    waiter
        Waits.
    creator
        Knows the tasks that this client created.
    settings
        The defaults.
    """

    waiter: Waiter
    creator: Creator
    settings: Settings

    def results(  # noqa: PLR0913 - those of wait_for_results
        self,
        task_id: object,
        interval: object,
        timeout: object,
        *,
        on_failure: object,
        wait_for: object,
        min_results: object,
        grace: object,
    ) -> list[Any]:
        """Wait for a task's results."""
        tasks = self._watched(task_id)
        policy = chosen_policy(
            self.settings,
            on_failure=on_failure,
            wait_for=wait_for,
            min_results=min_results,
            grace=grace,
            organizations=_count_of(tasks),
        )
        distance, limit = seconds(interval, "interval"), self._limit(timeout)
        failure: Exception | None = None
        results: list[Any] = []
        try:
            results = self.waiter.wait(tasks, policy, interval=distance, timeout=limit)
        except V6ClientError as error:
            failure = error
        self.creator.look_for_late_twins([tasks[0].task_id])
        if failure is not None:
            raise failure
        return results

    def as_completed(
        self, task_ids: object, interval: object, timeout: object
    ) -> Iterator[RunResult]:
        """Check everything now; wait when the first result is asked for."""
        given = list(task_ids) if isinstance(task_ids, Iterable) else [task_ids]
        tasks = [task for one in given for task in self._watched(one)]
        if not tasks:
            raise InvalidArgument("task_ids is empty: there is nothing to wait for.")
        if len({task.task_id for task in tasks}) < len(tasks):
            raise InvalidArgument("a task is there more than once in task_ids. Give each once.")
        distance, limit = seconds(interval, "interval"), self._limit(timeout)
        firsts = [identifier(one, "task id") for one in given]
        return self._stream(firsts, tasks, distance, limit)

    def _stream(
        self,
        firsts: Sequence[int],
        tasks: Sequence[WatchedTask],
        interval: float,
        timeout: float | None,
    ) -> Iterator[RunResult]:
        failure: Exception | None = None
        try:
            yield from self.waiter.as_completed(tasks, interval=interval, timeout=timeout)
        except V6ClientError as error:
            failure = error
        self.creator.look_for_late_twins(firsts)
        if failure is not None:
            raise failure

    def outcomes(self, task_id: object) -> list[RunOutcome]:
        """Ask once what became of each organization's run."""
        return self.waiter.outcomes(self._watched(task_id))

    def _watched(self, task_id: object) -> list[WatchedTask]:
        """Give a task, or the group of which it is the first, with what is known of it."""
        tasks = []
        for one in self.creator.group_of(identifier(task_id, "task id")):
            known = self.creator.known(one)
            if known is None:
                tasks.append(WatchedTask(one))
                continue
            tasks.append(
                WatchedTask(
                    one,
                    known.organizations,
                    created=known.at,
                    created_at=known.created_at,
                    trace=known.trace,
                    kind=known.kind,
                )
            )
        return tasks

    def _limit(self, timeout: object) -> float | None:
        limit = self.settings.wait_timeout if timeout == "default" else timeout
        return None if limit is None else seconds(limit, "timeout")


def _count_of(tasks: Sequence[WatchedTask]) -> int | None:
    """Count the organizations of a task or group; ``None`` where another client created it."""
    if any(task.organizations is None for task in tasks):
        return None
    return sum(len(task.organizations or ()) for task in tasks)
