"""Spans: one INTERNAL span an operation, one CLIENT span an attempt."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Final

from opentelemetry import context as context_api
from opentelemetry import trace
from opentelemetry.context import _SUPPRESS_HTTP_INSTRUMENTATION_KEY
from opentelemetry.trace import Span, SpanKind, Status, StatusCode, Tracer
from opentelemetry.util.types import AttributeValue

from v6client._version import __version__
from v6client.telemetry import schema
from v6client.telemetry.providers import Place, application_traces

place: Final[Place[Tracer]] = Place(trace.get_tracer(schema.INSTRUMENTATION, __version__))
"""Where our spans go."""

_ATTEMPT: Final = schema.SPANS[schema.ATTEMPT_SPAN].attributes


def tracer() -> Tracer:
    """Give the tracer of our spans: the application's where it has set a provider, else ours."""
    own = place.own
    return place.api if own is None or application_traces() else own


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
    if name not in schema.OPERATIONS:
        raise ValueError(f"{name!r} is no operation of telemetry/schema.py")
    entry = schema.SPANS[name]
    if not attributes.keys() <= entry.attributes:
        raise ValueError(f"an attribute of {name!r} is not one of its in telemetry/schema.py")
    with tracer().start_as_current_span(
        name,
        kind=entry.kind,
        attributes=attributes,
        record_exception=False,
        set_status_on_exception=False,
    ) as span:
        try:
            yield span
        except BaseException as error:
            span.set_attribute(schema.ERROR_TYPE, type(error).__name__)
            span.set_status(Status(StatusCode.ERROR))
            raise


@contextmanager
def attempt(method: str, template: str, attributes: Mapping[str, AttributeValue]) -> Iterator[Span]:
    """Open the span of one attempt on the wire; :func:`end_attempt` says what came of it.

    Instrumentations of requests and urllib3 are told to be silent meanwhile: theirs would be a
    second span and a second metric of the same request, with its full URL.

    Raises
    ------
    ValueError
        When an attempt has no such attribute.
    """
    if not attributes.keys() <= _ATTEMPT:
        raise ValueError("an attribute of an attempt is not one of its in telemetry/schema.py")
    span = tracer().start_span(
        f"{method} {template}",
        kind=SpanKind.CLIENT,
        attributes=attributes,
        record_exception=False,
        set_status_on_exception=False,
    )
    silent = context_api.set_value(_SUPPRESS_HTTP_INSTRUMENTATION_KEY, True)
    token = context_api.attach(trace.set_span_in_context(span, silent))
    try:
        yield span
    finally:
        context_api.detach(token)
        span.end()


def end_attempt(span: Span, *, status: int | None, size: int, error_type: str) -> None:
    """Put what came of an attempt on its span.

    Parameters
    ----------
    span
        The attempt's span.
    status, size
        The HTTP status and the length of the body in bytes, where an answer came.
    error_type
        What went wrong; empty for a success.
    """
    if not span.is_recording():
        return
    if status is not None:
        span.set_attribute(schema.HTTP_STATUS, status)
        span.set_attribute(schema.HTTP_RESPONSE_SIZE, size)
    if error_type:
        span.set_attribute(schema.ERROR_TYPE, error_type)
        span.set_status(Status(StatusCode.ERROR))
