"""The ids of a job's trace: derived, so that those who cannot talk to each other agree on them.

The node's proxy forwards no ``traceparent``, and a container may export nothing. So the id of a
run's span follows from what both sides know of the run, and the id of a job's trace from what
every container of the job can ask the server for.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import Final

from v6client.server_time import seconds_of

_SPAN_BYTES: Final = 8
_TRACE_BYTES: Final = 16
# Clocks that are synchronized at all agree by a second; a server's time may be cut to one.
_TOLERANCE: Final = 1.0


def run_span_id(key: str, task_id: int, organization_id: int) -> int:
    """Derive the id of the span of one organization's run.

    Parameters
    ----------
    key
        The key of the task's creation: 32 hexadecimal digits, in the task's description.
    task_id, organization_id
        Whose run it is.

    Returns
    -------
    int
        The first 64 bits of SHA-256 over ``run/<key>/<task id>/<organization id>``; never 0,
        which W3C Trace Context has for "none".
    """
    return _derived(f"run/{key}/{task_id}/{organization_id}", _SPAN_BYTES)


def job_trace_id(job_id: int, collaboration_id: int, created_at: str, image: str) -> int:
    """Derive the id of a job's trace, where no container of the job knows one.

    Parameters
    ----------
    job_id, collaboration_id
        Of the job's first task.
    created_at
        When the server created it, as it says so.
    image
        Its algorithm.

    Returns
    -------
    int
        The first 128 bits of SHA-256 over ``job/<job>/<collaboration>/<created at>/<image>``.
    """
    return _derived(f"job/{job_id}/{collaboration_id}/{created_at}/{image}", _TRACE_BYTES)


def _derived(text: str, size: int) -> int:
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:size], "big") or 1


@dataclass(frozen=True, slots=True)
class Timeline:
    """When a run was created, started and ended, in an order that a trace can show.

    Parameters
    ----------
    created, started, finished
        Nanoseconds since 1970; ``started`` is ``None`` for a run that never did.
    is_skewed
        Whether the clocks of server and node disagree by more than a second, so that the queue's
        length is not to be believed.
    """

    created: int
    started: int | None
    finished: int
    is_skewed: bool


def timeline(
    created: str | None, started: str | None, finished: str | None, *, now: float
) -> Timeline:
    """Put a run's three times in order.

    ``created`` is the server's clock, the others are the node's: the run's length is a difference
    on one clock and is kept, the queue's is not. A run that starts before it was created is moved
    to its creation.

    Parameters
    ----------
    created, started, finished
        ISO 8601, UTC where they have no zone; ``None`` where there is none.
    now
        This clock: seconds since 1970.
    """
    moments = [seconds_of(one) for one in (created, started, finished)]
    end = moments[2] if moments[2] is not None else now
    begin = moments[1]
    birth = moments[0] if moments[0] is not None else (begin if begin is not None else end)
    is_skewed = end > now + _TOLERANCE
    if begin is None:
        is_skewed = is_skewed or end < birth - _TOLERANCE
        return Timeline(_nanoseconds(birth), None, _nanoseconds(max(birth, end)), is_skewed)
    is_skewed = is_skewed or begin < birth - _TOLERANCE or end < begin
    length = max(0.0, end - begin)
    begin = max(birth, begin)
    return Timeline(
        _nanoseconds(birth), _nanoseconds(begin), _nanoseconds(begin + length), is_skewed
    )


def _nanoseconds(seconds: float) -> int:
    return round(seconds * 1_000_000) * 1000
