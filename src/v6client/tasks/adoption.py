"""Creating a subtask so that at most one is adopted, whatever happens to the answer.

Nothing on this API makes a POST idempotent: the proxy repeats one that it got no good answer to,
and carries out one that its client has abandoned. So each creation carries a random key, and
after an answer that leaves doubt the task is looked up by it before anything is sent again. What
is promised is *at most one adopted, twins detected*, not exactly-once.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final

from v6client.errors import (
    ConnectionFailed,
    MaskedServerError,
    RequestError,
    StatusError,
    TaskPartiallyCreated,
)
from v6client.telemetry import logs, schema

Task = dict[str, Any]

# After an ambiguous answer: look, and look again after these seconds, before another POST.
SETTLE_WINDOW: Final = (1.0, 2.0, 4.0)
# A masked 500 that came sooner means that the server answered each of the proxy's three tries (the
# proxy sleeps a second after each try that got no answer), so nothing is under way any more.
_ANSWERED_EACH_TRY: Final = 3.0
_SERVER_ERROR: Final = 500
_TRANSIENT_REFUSALS: Final = frozenset({408, 429})


def is_ambiguous(error: RequestError) -> bool:
    """Tell whether a POST that ended with this error may have created the task."""
    if isinstance(error, ConnectionFailed):
        return error.sent
    if isinstance(error, StatusError) and error.status is not None:
        return error.status >= _SERVER_ERROR or error.status in _TRANSIENT_REFUSALS
    return True


def is_settled(error: RequestError) -> bool:
    """Tell whether nothing can be under way any more after this error."""
    return (
        isinstance(error, MaskedServerError)
        and error.server_answers
        and error.elapsed < _ANSWERED_EACH_TRY
    )


def is_complete(run_organizations: Sequence[int], wanted: Sequence[int]) -> bool:
    """Tell whether a task has exactly one run of each organization that was asked for."""
    return sorted(run_organizations) == sorted(wanted)


_LOOKED_FOR: Final = (
    "Afterwards it was looked for by its key, and is not there: as far as can be told it was not "
    "created."
)
_NOT_LOOKED_FOR: Final = "It could not be looked for afterwards either, so it may exist."


TO_GO_ON: Final = "To go on, call task.create with the same arguments"


def _with_key(error: RequestError, key: str, what_is_known: str) -> RequestError:
    error.key = key
    advice = f"{TO_GO_ON} and key={key!r}: it finds the task, or creates it."
    error.args = (f"{error} {what_is_known} {advice}",)
    return error


@dataclass(frozen=True, slots=True)
class TaskWire:
    """What a creation asks of the server.

    Parameters
    ----------
    prepare
        Does what has to be done before the first POST; not called where the task is found first.
    post
        Creates the task once.
    find
        Gives the tasks with a key, ascending.
    run_organizations
        Gives the organizations that a task has runs of.
    """

    prepare: Callable[[], None]
    post: Callable[[], Task]
    find: Callable[[str], Sequence[Task]]
    run_organizations: Callable[[int], Sequence[int]]


@dataclass(frozen=True, slots=True)
class Adopted:
    """The task that a creation ended with.

    Parameters
    ----------
    task
        The task as the server has it.
    twins
        The ids of the others with the same key.
    was_found
        Whether it was found by its key, instead of answered to the POST.
    """

    task: Task
    twins: tuple[int, ...]
    was_found: bool


@dataclass(frozen=True, slots=True)
class Creation:
    """One creation of a subtask.

    Parameters
    ----------
    wire
        Asks the server.
    key
        The creation's key.
    organizations
        What the task was asked for.
    posts
        How often it may be posted, each but the first after it was looked for and not found.
    left
        Gives the seconds that are left for the creation.
    sleep
        Time, to be replaced in tests.
    """

    wire: TaskWire
    key: str
    organizations: tuple[int, ...]
    posts: int
    left: Callable[[], float]
    sleep: Callable[[float], None] = time.sleep

    def run(self, *, resume: bool) -> Adopted:
        """Create the task, or find it.

        Parameters
        ----------
        resume
            Whether an earlier creation with this key may have succeeded: it is looked up first.

        Returns
        -------
        Adopted
            The task, and its twins.

        Raises
        ------
        TaskPartiallyCreated
            When the server has it, but not all of its runs, and that did not change.
        RequestError
            When it was not created; or, saying so, when nobody could tell. It has the ``key``.
        """
        found = self._look_up(patiently=False) if resume else None
        if found is None:
            self.wire.prepare()
        posts = 0
        while found is None:
            posts += 1
            try:
                task = self.wire.post()
            except RequestError as error:
                failure = error
            else:
                return Adopted(task, self._twins_of(task["id"]), was_found=False)
            if not is_ambiguous(failure):
                # What an earlier POST did may come to light yet.
                raise failure if posts == 1 else _with_key(failure, self.key, _LOOKED_FOR)
            found = self._reconcile(failure)
            if found is None and posts == self.posts:
                raise _with_key(failure, self.key, _LOOKED_FOR)
        logs.emit(schema.TASK_FOUND, task_id=found.task["id"], twins=len(found.twins))
        return found

    def _reconcile(self, failure: RequestError) -> Adopted | None:
        """Look for the task that a POST with an ambiguous answer may have made."""
        try:
            return self._look_up(patiently=not is_settled(failure))
        except RequestError:
            pass
        raise _with_key(failure, self.key, _NOT_LOOKED_FOR)

    def _look_up(self, *, patiently: bool) -> Adopted | None:
        """Look for a complete task now, and after each pause of the settle window.

        The window is used up where something may be under way, where a look-up failed, and where
        the task is incomplete, since its runs are saved one by one.
        """
        found: Sequence[Task] = ()
        failure: RequestError | None = None
        for pause in (0.0, *SETTLE_WINDOW):
            if pause >= self.left() and failure is not None:
                break
            if pause:
                self.sleep(max(0.0, min(pause, self.left())))
            try:
                found = self._find()
                adopted = self._complete_one(found)
            except RequestError as error:
                failure = error
                continue
            failure = None
            if adopted is not None or not (found or patiently):
                return adopted
        if failure is not None:
            raise failure
        if found:
            raise self._partially_created(found)
        return None

    def _find(self) -> list[Task]:
        # Whatever else a server makes of the query: only what carries the key is ours.
        return [one for one in self.wire.find(self.key) if self.key in str(one.get("description"))]

    def _complete_one(self, found: Sequence[Task]) -> Adopted | None:
        """Adopt the lowest id whose runs cover the organizations exactly."""
        for task in found:
            if is_complete(self.wire.run_organizations(task["id"]), self.organizations):
                twins = tuple(one["id"] for one in found if one["id"] != task["id"])
                self._report(task["id"], twins)
                return Adopted(task, twins, was_found=True)
        return None

    def _twins_of(self, task_id: int) -> tuple[int, ...]:
        """Count the twins that the proxy may have made; a failure is logged, never raised."""
        try:
            found = self._find()
        except RequestError as error:
            logs.emit(schema.TWINS_UNKNOWN, task_id=task_id, error_type=type(error).__name__)
            return ()
        twins = tuple(one["id"] for one in found if one["id"] != task_id)
        self._report(task_id, twins)
        return twins

    def _report(self, task_id: int, twins: tuple[int, ...]) -> None:
        if twins:
            # The researcher can kill them; a container cannot.
            logs.emit(schema.TASK_TWINS, task_id=task_id, twin_ids=list(twins))

    def _partially_created(self, found: Sequence[Task]) -> TaskPartiallyCreated:
        first = found[0]["id"]
        has = set(self.wire.run_organizations(first))
        missing = tuple(one for one in self.organizations if one not in has)
        return TaskPartiallyCreated(
            f"the server has task {first}, but no run for organization "
            f"{', '.join(map(str, missing))}, and that did not change. It is not created again. "
            "Ask the researcher to kill it, then create it anew.",
            task_id=first,
            organization_ids=missing,
        )
