"""The rules: what has to come of an operation under a fault.

They are written from ``docs/reliability.md`` and know nothing of the client's code. One outcome
for each of *once*, *three times* and *for ever*: ``value``, or an error's class.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final

from tests.faults.faults import Fault, Kind
from tests.faults.operations import Operation, Part

Outcomes = tuple[str, str, str]

VALUE: Final = "value"
TIMES: Final[tuple[int | None, ...]] = (1, 3, None)

# These end a wait when they come three times in a row; others never do: there may be news yet.
_REFUSALS: Final = frozenset({Kind.REFUSED, Kind.INVALID, Kind.MISSHAPEN})
# After these nothing else gets through, either.
_OF_ALL_REQUESTS: Final = frozenset({Kind.NEVER_SENT, Kind.RESET, Kind.AWAY})


def survived(error: str) -> Outcomes:
    """Once or three times is survived."""
    return VALUE, VALUE, error


def survived_once(error: str) -> Outcomes:
    """Only once is."""
    return VALUE, error, error


def always(outcome: str) -> Outcomes:
    """Give the same, however often it happens."""
    return outcome, outcome, outcome


def _read(fault: Fault) -> Outcomes:
    match fault.kind:
        case Kind.REFUSED | Kind.LATER:
            return always(fault.error)
        case Kind.MASKED | Kind.FAILED:
            # The proxy has tried three times behind each, so it gets two attempts.
            return survived_once(fault.error)
        case Kind.STALLED:
            return survived("DeadlineExceeded")
        case Kind.DRIPPING:
            return always("DeadlineExceeded")
    return survived(fault.error)


def _write(fault: Fault) -> Outcomes:
    # Whatever was sent is never sent again.
    return survived(fault.error) if fault.kind is Kind.NEVER_SENT else always(fault.error)


def _creation(fault: Fault) -> Outcomes:
    match fault.kind:
        case Kind.REFUSED | Kind.HALF_CREATED | Kind.DRIPPING:
            return always(fault.error)
    # A task that is there is found; else it is posted again, three times more.
    return always(VALUE) if fault.carried_out else survived(fault.error)


def _blob_question(fault: Fault) -> Outcomes:
    match fault.kind:
        case Kind.NEVER_SENT | Kind.RESET | Kind.LOST | Kind.STALLED | Kind.DRIPPING | Kind.AWAY:
            return _read(fault)
    # Any answer that is no yes is a no.
    return always(VALUE)


def _twin_count(_: Fault) -> Outcomes:
    return always(VALUE)


def _reconciliation(fault: Fault) -> Outcomes:
    if fault.kind is Kind.DRIPPING:
        return always("ConnectionFailed")
    # Four looks; the error is that of the lost answer.
    return survived("ConnectionFailed")


def _poll(fault: Fault) -> Outcomes:
    if fault.kind is Kind.MASKED or fault.error == "NotFound":
        return always(VALUE)  # the task itself has its status, too
    return _count(fault)


def _count(fault: Fault) -> Outcomes:
    if fault.kind in _OF_ALL_REQUESTS or fault.kind in {*_REFUSALS, Kind.MASKED}:
        return _wait_read(fault)
    # Without news until the deadline, the runs themselves are looked at.
    return always(VALUE)


def _wait_read(fault: Fault) -> Outcomes:
    match fault.kind:
        case Kind.REFUSED:
            return survived_once(fault.error)
        case Kind.INVALID | Kind.MISSHAPEN | Kind.MASKED:
            return survived(fault.error)
        case Kind.DRIPPING:
            # The first takes all the time; what is looked at then is the second.
            return survived_once("TaskTimeout")
    return survived("TaskTimeout")


_RULES: Final[Mapping[Part, Callable[[Fault], Outcomes]]] = {
    Part.READ: _read,
    Part.WRITE: _write,
    Part.CREATION: _creation,
    Part.BLOB_QUESTION: _blob_question,
    Part.TWIN_COUNT: _twin_count,
    Part.RECONCILIATION: _reconciliation,
    Part.POLL: _poll,
    Part.COUNT: _count,
    Part.WAIT_READ: _wait_read,
}


def expected(operation: Operation, fault: Fault) -> Outcomes | None:
    """Say what has to come of an operation under a fault; ``None`` where it makes no sense."""
    if fault.for_creation and operation.part is not Part.CREATION:
        return None
    if fault.kind is Kind.MISSHAPEN and operation.takes_any_json:
        return None
    return _RULES[operation.part](fault)
