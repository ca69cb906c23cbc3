"""When a wait is over, and how it ends: pure decisions on the runs of a task."""

from __future__ import annotations

import enum
from collections.abc import Sequence
from dataclasses import dataclass

from v6client.errors import InvalidArgument
from v6client.settings import Settings
from v6client.tasks.runs import RunOutcome, State


class Verdict(enum.Enum):
    """What the runs mean for a wait."""

    WAIT = "wait"
    """Not over yet."""
    COMPLETE = "complete"
    """Every organization's run has completed."""
    ENOUGH = "enough"
    """Some have not, and what there is is what was asked for: it is returned with a warning."""
    FAILED = "failed"
    """What was asked for is not there and will not come."""


@dataclass(frozen=True, slots=True)
class WaitPolicy:
    """What a wait does when a run fails, and how much is enough.

    Parameters
    ----------
    is_partial
        Whether the results of the others are returned when a run fails.
    stops_at_failure
        Whether the first failure ends the wait, or the runs that still work are waited for.
    min_results
        So many results are enough; ``None`` for one an organization.
    grace
        Seconds that the others are waited for once there are enough.
    is_general
        Whether ``min_results`` is a setting, for all tasks of an algorithm: of a task that goes to
        fewer organizations it means all.
    """

    is_partial: bool = False
    stops_at_failure: bool = True
    min_results: int | None = None
    grace: float = 0.0
    is_general: bool = False

    @property
    def needs_runs(self) -> bool:
        """Whether the task's own status, which fails with the first run, does not tell enough."""
        return not self.stops_at_failure or self.allows_fewer

    @property
    def allows_fewer(self) -> bool:
        """Whether fewer results than organizations may be returned."""
        return self.is_partial or self.min_results is not None

    def needed(self, runs: Sequence[RunOutcome]) -> int | None:
        """Give how many results of these runs are enough; ``None`` for all."""
        if self.min_results is None or not self.is_general:
            return self.min_results
        return min(self.min_results, len(runs))


def chosen_policy(  # noqa: PLR0913 - the parameters of a wait
    settings: Settings,
    *,
    on_failure: object,
    wait_for: object,
    min_results: object,
    grace: object,
    organizations: int | None,
) -> WaitPolicy:
    """Choose a wait's policy: what the call says, and the settings where it says nothing.

    Parameters
    ----------
    settings
        The defaults, by which algorithms can be switched from outside.
    on_failure, wait_for, min_results, grace
        As for ``AlgorithmClient.wait_for_results``; ``None`` for the setting.
    organizations
        How many organizations the task has, where that is known.

    Raises
    ------
    InvalidArgument
        When one of them cannot be right.
    """
    failure = _one_of(on_failure, ("raise", "partial"), "on_failure") or settings.on_failure
    waits = _one_of(wait_for, ("first_failure", "all"), "wait_for") or settings.wait_for
    needed = _checked_quorum(min_results, organizations)
    is_general = needed is None and on_failure != "raise"
    if is_general:
        # Whoever asks for "raise" by its name wants all results, whatever is set from outside.
        needed = settings.min_results
    is_partial = failure == "partial"
    if waits == "default":
        waits = "all" if is_partial or needed is not None else "first_failure"
    return WaitPolicy(
        is_partial=is_partial,
        stops_at_failure=waits == "first_failure",
        min_results=needed,
        grace=settings.grace if grace is None else seconds(grace, "grace"),
        is_general=is_general,
    )


def _one_of(value: object, options: tuple[str, ...], what: str) -> str | None:
    if value is not None and value not in options:
        raise InvalidArgument(f"{what} has to be {' or '.join(map(repr, options))}.")
    return None if value is None else str(value)


def _checked_quorum(value: object, organizations: int | None) -> int | None:
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int) or value < 1:
        raise InvalidArgument("min_results has to be a whole number from 1.")
    if organizations is not None and value > organizations:
        raise InvalidArgument(
            f"min_results is {value}, but the task has {organizations} organizations: there can "
            "never be so many results."
        )
    return value


def seconds(value: object, what: str) -> float:
    """Check a number of seconds that a caller gives.

    Raises
    ------
    InvalidArgument
        When it is no number, negative, or without end.
    """
    if (
        isinstance(value, bool)
        or not isinstance(value, (int, float))
        or not 0 <= value < float("inf")
    ):
        shown = f"{value}" if isinstance(value, (int, float)) else f"of type {type(value).__name__}"
        raise InvalidArgument(
            f"{what} has to be a number of seconds from 0, but is {shown}. Nothing was sent."
        )
    return float(value)


def verdict(policy: WaitPolicy, runs: Sequence[RunOutcome], *, enough_for: float = 0.0) -> Verdict:
    """Decide whether a wait is over.

    Parameters
    ----------
    policy
        What was asked for.
    runs
        One an organization, missing ones included.
    enough_for
        Seconds since there were ``min_results`` results first.

    Returns
    -------
    Verdict
        ``COMPLETE`` only where there are runs, and all have completed: the server calls a task
        without runs completed.
    """
    completed = sum(run.state is State.COMPLETED for run in runs)
    still_open = sum(run.is_open for run in runs)
    if runs and completed == len(runs):
        return Verdict.COMPLETE
    is_over = not still_open or (policy.stops_at_failure and completed + still_open < len(runs))
    needed = policy.needed(runs)
    if needed is None:
        if not is_over:
            return Verdict.WAIT
        return Verdict.ENOUGH if policy.is_partial and completed else Verdict.FAILED
    if not runs or completed + still_open < needed or (is_over and completed < needed):
        return Verdict.FAILED
    is_met = completed >= needed and (is_over or enough_for >= policy.grace)
    return Verdict.ENOUGH if is_met else Verdict.WAIT
