"""The span of one organization's run, made by who waits for it.

The other node may export nothing, and the proxy between forwards no ``traceparent``. So the span's
id follows from what both sides know of the run: a container that does export puts its own spans
under it, without a message.
"""

from __future__ import annotations

import hashlib
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from typing import Final

from opentelemetry import trace
from opentelemetry.trace import NonRecordingSpan, SpanContext, Status, StatusCode
from opentelemetry.util.types import AttributeValue

from v6client.server_time import seconds_of
from v6client.telemetry import bootstrap, schema, spans

_SPAN_BYTES: Final = 8
_COMPLETED: Final = "completed"
_SECOND: Final = 1e9
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
    digest = hashlib.sha256(f"run/{key}/{task_id}/{organization_id}".encode()).digest()
    return int.from_bytes(digest[:_SPAN_BYTES], "big") or 1


@dataclass(frozen=True, slots=True)
class Timeline:
    """When a run was created, started and ended, in an order that a trace can show.

    Parameters
    ----------
    created, started, finished
        Nanoseconds since 1970; ``started`` is ``None`` for a run that never did.
    queue, compute
        Seconds before and after the start; ``None`` where they are not known, or not to be
        believed.
    is_skewed
        Whether the clocks of server, node and this container disagree by more than a second.
    """

    created: int
    started: int | None
    finished: int
    queue: float | None
    compute: float | None
    is_skewed: bool


def timeline(
    created: str | None, started: str | None, finished: str | None, *, now: float
) -> Timeline:
    """Put a run's three times in order.

    ``created`` is the server's clock, the others are the node's: the run's length is a difference
    on one clock and is kept, the queue's is not. A run that starts before it was created is moved
    to its creation, and nothing is before 1970 or after ``now``.

    Parameters
    ----------
    created, started, finished
        ISO 8601, UTC where they have no zone; ``None`` where there is none.
    now
        This clock: seconds since 1970.
    """
    latest = now + _TOLERANCE
    given = [seconds_of(one) for one in (created, started, finished)]
    inside = [None if one is None else min(max(one, 0.0), latest) for one in given]
    is_skewed = given != inside
    end = now if inside[2] is None else inside[2]
    begin = inside[1]
    birth = inside[0] if inside[0] is not None else (end if begin is None else begin)
    if begin is None:
        is_skewed = is_skewed or end < birth - _TOLERANCE
        finish = max(birth, end)
        return Timeline(_nanoseconds(birth), None, _nanoseconds(finish), None, None, is_skewed)
    length = end - begin
    # A node whose clock was set right meanwhile makes a run of 56 years.
    is_credible = given == inside and 0 <= length <= latest - birth + _TOLERANCE
    is_skewed = is_skewed or begin < birth - _TOLERANCE or not is_credible
    begin = max(birth, begin)
    finish = min(max(begin, begin + length), max(begin, latest))
    times = [_nanoseconds(one) for one in (birth, begin, finish)]
    return Timeline(
        times[0],
        times[1],
        times[2],
        (times[1] - times[0]) / _SECOND if inside[0] is not None else None,
        (times[2] - times[1]) / _SECOND if is_credible else None,
        is_skewed,
    )


def _nanoseconds(seconds: float) -> int:
    return round(seconds * 1_000_000) * 1000


def emit_run_span(  # noqa: PLR0913 - the facts of a run
    *,
    parent: SpanContext,
    span_id: int | None,
    task_id: int,
    run_id: int | None,
    organization_id: int,
    status: str,
    times: Timeline,
) -> None:
    """Emit the span of a run that has ended.

    Parameters
    ----------
    parent
        The span that created the task.
    span_id
        The derived id; ``None`` for a random one: where the application brought its own tracer
        provider, whose ids are its affair.
    task_id, run_id, organization_id, status
        The run's.
    times
        When it was created, started and ended.
    """
    attributes: dict[str, AttributeValue] = {
        schema.TASK_ID: task_id,
        schema.ORGANIZATION_ID: organization_id,
        schema.RUN_STATUS: schema.known_status(status),
        schema.CLOCK_SKEW: times.is_skewed,
    }
    if run_id is not None:
        attributes[schema.RUN_ID] = run_id
    if times.queue is not None:
        attributes[schema.RUN_QUEUE] = times.queue
    if times.compute is not None:
        attributes[schema.RUN_COMPUTE] = times.compute
    context = trace.set_span_in_context(NonRecordingSpan(parent))
    with _forced(span_id):
        span = spans.tracer().start_span(
            schema.RUN,
            context,
            kind=schema.SPANS[schema.RUN].kind,
            attributes=attributes,
            start_time=times.created,
        )
    if times.started is not None:
        span.add_event(schema.RUN_BEGAN, timestamp=times.started)
    if status != _COMPLETED:
        span.set_attribute(schema.ERROR_TYPE, _error_type(status))
        span.set_status(Status(StatusCode.ERROR))
    span.end(times.finished)


def _error_type(status: str) -> str:
    """Write a status as ``error.type`` has to be: one word."""
    return schema.known_status(status).replace(" ", "_")


def _forced(span_id: int | None) -> AbstractContextManager[None]:
    if span_id is None or not bootstrap.owns_provider():
        return nullcontext()
    # The SDK is there already, or the provider would not be.
    from v6client.telemetry.ids import run_span_ids  # noqa: PLC0415

    return run_span_ids.next_span_id(span_id)
