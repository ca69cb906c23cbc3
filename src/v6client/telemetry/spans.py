"""Spans: one INTERNAL span an operation, one CLIENT span an attempt."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Final, Protocol

from opentelemetry import context as context_api
from opentelemetry import trace
from opentelemetry.context import _SUPPRESS_HTTP_INSTRUMENTATION_KEY, Context
from opentelemetry.trace import Span, SpanContext, SpanKind, Status, StatusCode, Tracer
from opentelemetry.util.types import AttributeValue

from v6client._version import __version__
from v6client.telemetry import schema
from v6client.telemetry.providers import Place, application_traces

place: Final[Place[Tracer]] = Place(lambda: trace.get_tracer(schema.INSTRUMENTATION, __version__))
"""Where our spans go."""

_ATTEMPT: Final = schema.SPANS[schema.ATTEMPT_SPAN].attributes

_process: Context | None = None


@contextmanager
def for_all_threads(span: Span) -> Iterator[None]:
    """Put under this span what begins in a thread that has no span of its own.

    Contexts do not follow into the threads of a pool, in which many algorithms create their tasks.
    """
    global _process  # noqa: PLW0603 - a process has one algorithm
    _process = trace.set_span_in_context(span, Context())
    try:
        yield
    finally:
        _process = None


def _here() -> Context | None:
    """Give the context of what begins now; ``None`` for the current one."""
    return None if trace.get_current_span().get_span_context().is_valid else _process


def current() -> SpanContext:
    """Give the span under which something would begin now; an invalid one where there is none."""
    return trace.get_current_span(_here()).get_span_context()


def tracer() -> Tracer:
    """Give the tracer of our spans: the application's where it has set a provider, else ours."""
    own = place.own
    return place.of_api() if own is None or application_traces() else own


@contextmanager
def operation(name: str | None, attributes: Mapping[str, AttributeValue]) -> Iterator[Span]:
    """Open the span of an operation, such as ``organization.list``.

    An error ends it with its class as ``error.type``; never with its message, which telemetry
    may not carry.

    Parameters
    ----------
    name
        One of the schema's; ``None`` for the span that is current already.
    attributes
        What is known at its beginning.

    Raises
    ------
    ValueError
        When the schema has no such operation, or the operation no such attribute.
    """
    if name is None:
        yield trace.get_current_span()
        return
    with lasting(name, attributes) as span, inside(span):
        yield span


class EndAttempt(Protocol):
    """Takes what came of an attempt."""

    def __call__(self, *, status: int | None, size: int, error_type: str) -> None:
        """Put it on the attempt's span.

        Parameters
        ----------
        status, size
            The HTTP status and the length of the body in bytes, where an answer came.
        error_type
            What went wrong; empty for a success.
        """


@contextmanager
def attempt(
    method: str,
    template: str,
    attributes: Mapping[str, AttributeValue],
    *,
    only_failed: bool = False,
) -> Iterator[EndAttempt]:
    """Open the span of one attempt on the wire; what it gives is told what came of it.

    Instrumentations of requests and urllib3 are told to be silent meanwhile: theirs would be a
    second span and a second metric of the same request, with its full URL.

    Parameters
    ----------
    method, template, attributes
        The span's name and what is known at its beginning.
    only_failed
        Whether there is a span only of an attempt that fails: a wait makes many polls.

    Raises
    ------
    ValueError
        When an attempt has no such attribute.
    """
    if not attributes.keys() <= _ATTEMPT:
        raise ValueError("an attribute of an attempt is not one of its in telemetry/schema.py")
    began = time.time_ns()
    span = None if only_failed else _start_attempt(method, template, attributes, began)
    silent = context_api.set_value(_SUPPRESS_HTTP_INSTRUMENTATION_KEY, True)
    token = context_api.attach(silent if span is None else trace.set_span_in_context(span, silent))

    def end(*, status: int | None, size: int, error_type: str) -> None:
        nonlocal span
        if span is None and error_type:
            span = _start_attempt(method, template, attributes, began)
        if span is None or not span.is_recording():
            return
        if status is not None:
            # Together: each setting takes a lock.
            span.set_attributes({schema.HTTP_STATUS: status, schema.HTTP_RESPONSE_SIZE: size})
        if error_type:
            span.set_attribute(schema.ERROR_TYPE, error_type)
            span.set_status(Status(StatusCode.ERROR))

    try:
        yield end
    except BaseException as error:
        # An interrupt: nobody could say what came of it.
        end(status=None, size=0, error_type=type(error).__name__)
        raise
    finally:
        context_api.detach(token)
        if span is not None:
            span.end()


def _start_attempt(
    method: str, template: str, attributes: Mapping[str, AttributeValue], began: int
) -> Span:
    return tracer().start_span(
        f"{method} {template}",
        _here(),
        kind=SpanKind.CLIENT,
        attributes=attributes,
        start_time=began,
        record_exception=False,
        set_status_on_exception=False,
    )


@contextmanager
def lasting(name: str, attributes: Mapping[str, AttributeValue]) -> Iterator[Span]:
    """Open a span that is current only where :func:`inside` says so.

    A generator has to use this: what it makes current stays so in its caller between two items.
    """
    _check(name, attributes)
    span = tracer().start_span(name, _here(), kind=schema.SPANS[name].kind, attributes=attributes)
    try:
        yield span
    except GeneratorExit:
        raise
    except BaseException as error:
        span.set_attribute(schema.ERROR_TYPE, type(error).__name__)
        span.set_status(Status(StatusCode.ERROR))
        raise
    finally:
        span.end()


@contextmanager
def inside(span: Span) -> Iterator[None]:
    """Make a span the current one."""
    token = context_api.attach(trace.set_span_in_context(span))
    try:
        yield
    finally:
        context_api.detach(token)


def _check(name: str, attributes: Mapping[str, AttributeValue]) -> None:
    if name not in schema.OPERATIONS:
        raise ValueError(f"{name!r} is no operation of telemetry/schema.py")
    if not attributes.keys() <= schema.SPANS[name].attributes:
        raise ValueError(f"an attribute of {name!r} is not one of its in telemetry/schema.py")


def add_event(span: Span, name: str, attributes: Mapping[str, AttributeValue]) -> None:
    """Note that something changed.

    Raises
    ------
    ValueError
        When the schema has no such event, or the event no such attribute.
    """
    entry = schema.SPAN_EVENTS.get(name)
    if entry is None or not attributes.keys() <= entry.attributes:
        raise ValueError(f"{name!r} is no event of telemetry/schema.py, or has no such attribute")
    span.add_event(name, attributes)
