"""Sending rebuilt spans to a backend: OTLP over HTTP, in JSON, so that no extra is needed."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Callable, Mapping, Sequence
from itertools import groupby
from typing import Final
from urllib.parse import unquote

import requests
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import Event, ReadableSpan
from opentelemetry.sdk.util.instrumentation import InstrumentationScope
from opentelemetry.trace import SpanContext, Status, StatusCode, TraceFlags

from v6client._version import __version__
from v6client.cli.addresses import http_parts
from v6client.cli.trace.record import Record
from v6client.errors import ConfigurationError
from v6client.telemetry import barrier, otlp_json, schema

_PATH: Final = "/v1/traces"
_BATCH: Final = 500
_TIMEOUT: Final = (5.0, 10.0)
_TRIES: Final = 3
_PAUSE: Final = 1.0
# https://opentelemetry.io/docs/specs/otlp/#retryable-response-codes
_AGAIN: Final = frozenset({429, 502, 503, 504})
_OK: Final = range(200, 300)
_SCOPE: Final = InstrumentationScope(schema.INSTRUMENTATION, __version__)
_TOKEN: Final = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")


def send(
    records: Sequence[Record],
    url: str,
    environ: Mapping[str, str],
    *,
    sleep: Callable[[float], object] = time.sleep,
) -> int:
    """Send spans.

    Parameters
    ----------
    records
        Spans that have ended.
    url
        Of the collector, such as ``http://localhost:4318``; a path means that it is the whole
        address.
    environ
        For ``OTEL_EXPORTER_OTLP_HEADERS``, and the proxies that apply.
    sleep
        Waits between two tries.

    Returns
    -------
    int
        How many the backend took.

    Raises
    ------
    ConfigurationError
        When the address cannot be right, or the backend does not take them.
    """
    address = _address(url)
    taken = 0
    with requests.Session() as session:
        session.verify = certificate_of(environ)
        session.headers.update(headers_of(environ))
        session.headers["Content-Type"] = "application/json"
        for first in range(0, len(records), _BATCH):
            batch = records[first : first + _BATCH]
            taken += len(batch) - _post(session, address, encoded(batch), sleep)
    return taken


def encoded(records: Sequence[Record]) -> bytes:
    """Write an ``ExportTraceServiceRequest``, through the same barrier as all telemetry."""
    ordered = sorted(records, key=lambda one: (one.task_id or 0, one.organization_id or 0))
    spans = []
    for _, group in groupby(ordered, key=lambda one: (one.task_id, one.organization_id)):
        of_group = list(group)
        resource = _resource(of_group[0])
        spans += barrier.checked_spans(_span(one, resource) for one in of_group)
    return json.dumps(otlp_json.traces(spans), separators=(",", ":")).encode()


def headers_of(environ: Mapping[str, str]) -> dict[str, str]:
    """Read the headers that the exporters send, such as a backend's key."""
    text = environ.get("OTEL_EXPORTER_OTLP_TRACES_HEADERS") or environ.get(
        "OTEL_EXPORTER_OTLP_HEADERS", ""
    )
    found = {}
    for pair in text.split(","):
        name, is_pair, value = pair.partition("=")
        if is_pair and _TOKEN.fullmatch(name.strip()):
            found[name.strip().lower()] = unquote(value.strip()).replace("\r", "").replace("\n", "")
    return found


def certificate_of(environ: Mapping[str, str]) -> str | bool:
    """Give the file with the authorities that are trusted, as the exporters have it."""
    return (
        environ.get("OTEL_EXPORTER_OTLP_CERTIFICATE") or environ.get("REQUESTS_CA_BUNDLE") or True
    )


def _address(url: str) -> str:
    parts = http_parts(url)
    if parts is None:
        raise ConfigurationError("--otlp has to be an address such as http://localhost:4318.")
    return url if parts.path.strip("/") else f"{url.rstrip('/')}{_PATH}"


def _post(
    session: requests.Session, address: str, body: bytes, sleep: Callable[[float], object]
) -> int:
    """Send one message; give how many spans of it the backend has refused."""
    problem = ""
    for attempt in range(_TRIES):
        if attempt:
            sleep(_PAUSE * attempt)
        try:
            answer = session.post(address, data=body, timeout=_TIMEOUT, allow_redirects=False)
        except requests.RequestException as error:
            problem = type(error).__name__
            continue
        if answer.status_code in _OK:
            return _refused(answer)
        problem = f"HTTP {answer.status_code}"
        if answer.status_code not in _AGAIN:
            break
    raise ConfigurationError(
        f"the backend at --otlp does not take the spans ({problem}). It has to speak OTLP over "
        "HTTP, usually at port 4318; OTEL_EXPORTER_OTLP_HEADERS is sent, too."
    )


def _refused(answer: requests.Response) -> int:
    try:
        refused = answer.json()["partialSuccess"]["rejectedSpans"]
        return max(0, int(refused))
    except (ValueError, KeyError, TypeError):
        return 0


def _resource(record: Record) -> Resource:
    """Say whose spans these would have been: the creating container's."""
    attributes: dict[str, str | int] = {schema.SERVICE_NAME: "v6client"}
    if record.task_id is not None and record.organization_id is not None:
        attributes[schema.TASK_ID] = record.task_id
        attributes[schema.ORGANIZATION_ID] = record.organization_id
    return Resource(attributes)


def _span(record: Record, resource: Resource) -> ReadableSpan:
    def context(span_id: str) -> SpanContext:
        return SpanContext(
            int(record.trace_id, 16), int(span_id, 16), False, TraceFlags(TraceFlags.SAMPLED)
        )

    began = [Event(schema.RUN_BEGAN, {}, record.began)] if record.began is not None else []
    return ReadableSpan(
        name=record.name,
        context=context(record.span_id),
        parent=context(record.parent_id) if record.parent_id else None,
        resource=resource,
        attributes=dict(record.attributes),
        events=began,
        kind=schema.SPANS[record.name].kind,
        status=Status(StatusCode.ERROR if record.is_error else StatusCode.UNSET),
        start_time=record.start,
        end_time=record.end,
        instrumentation_scope=_SCOPE,
    )
