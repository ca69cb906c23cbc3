"""The context that travels with a task: written when it is created, read in its containers.

The node's proxy forwards no ``traceparent`` header, so the context goes into the task's description
(:mod:`v6client.tasks.carrier`). This is W3C Trace Context: https://www.w3.org/TR/trace-context/.
"""

from __future__ import annotations

import hashlib
from typing import Final

from opentelemetry import trace
from opentelemetry.context import Context
from opentelemetry.trace import NonRecordingSpan, SpanContext, TraceFlags
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

_propagator: Final = TraceContextTextMapPropagator()
_TRACE_BYTES: Final = 16


def traceparent() -> str:
    """Write the current span's context; empty where nothing makes spans."""
    headers: dict[str, str] = {}
    _propagator.inject(headers)
    return headers.get("traceparent", "")


def span_context_of(traceparent: str) -> SpanContext | None:
    """Read a ``traceparent``; ``None`` where it is none."""
    context = _propagator.extract({"traceparent": traceparent})
    found = trace.get_current_span(context).get_span_context()
    return found if found.is_valid else None


def job_trace_id(job_id: int, collaboration_id: int, created_at: str, image: str) -> int:
    """Derive the id of a job's trace, where no container of the job knows one.

    Parameters
    ----------
    job_id, collaboration_id
        Of the job's first task.
    created_at
        When the server created that, as it says so.
    image
        Its algorithm.

    Returns
    -------
    int
        The first 128 bits of SHA-256 over ``job/<job>/<collaboration>/<created at>/<image>``;
        never 0, which W3C Trace Context has for "none".
    """
    text = f"job/{job_id}/{collaboration_id}/{created_at}/{image}"
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:_TRACE_BYTES], "big") or 1


def some_span_of(trace_id: int, is_sampled: bool, span_id: int = 1) -> SpanContext:
    """Make the context of a span of another process."""
    flags = TraceFlags(TraceFlags.SAMPLED if is_sampled else TraceFlags.DEFAULT)
    return SpanContext(trace_id, span_id, is_remote=True, trace_flags=flags)


def remote_context(trace_id: int, span_id: int, *, is_sampled: bool) -> Context:
    """Make the context in which a span of another process is the current one."""
    parent = some_span_of(trace_id, is_sampled, span_id)
    return trace.set_span_in_context(NonRecordingSpan(parent), Context())
