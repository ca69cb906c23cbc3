"""Spans, metrics and log lines of real requests: the right ones, and nothing that may not leave."""

from __future__ import annotations

import io
import json
import logging
from collections.abc import Iterator
from typing import Any

import pytest
from opentelemetry import context, metrics, trace
from opentelemetry.context import _SUPPRESS_HTTP_INSTRUMENTATION_KEY
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import HistogramDataPoint, InMemoryMetricReader
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import SpanKind, StatusCode
from urllib3.connectionpool import HTTPConnectionPool

from tests.conftest import ClientOf
from tests.peer import answer, masked, peer
from v6client import MaskedServerError, NotFound
from v6client.telemetry import log_output, logs, schema
from v6client.telemetry.metrics import tally

ORGANIZATION = {"id": 2, "name": "canary-name"}

# A process has one provider of each kind, so the module's tests share them.
_EXPORTER = InMemorySpanExporter()
_READER = InMemoryMetricReader()


@pytest.fixture(scope="module", autouse=True)
def providers() -> None:
    """Do what an application does."""
    provider = TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(_EXPORTER))
    trace.set_tracer_provider(provider)
    metrics.set_meter_provider(MeterProvider([_READER]))


@pytest.fixture
def exported() -> Iterator[InMemorySpanExporter]:
    """Give the spans of one test."""
    _EXPORTER.clear()
    yield _EXPORTER
    _EXPORTER.clear()


def attributes(span: ReadableSpan) -> dict[str, object]:
    return dict(span.attributes or {})


def test_an_operation_is_a_span_and_each_attempt_one_below_it(
    client_of: ClientOf, exported: InMemorySpanExporter
) -> None:
    with peer(answer({"msg": "busy"}, 503), answer(ORGANIZATION)) as server:
        client_of(server).organization.get(2)
    first, second, operation = exported.get_finished_spans()
    assert (operation.name, operation.kind) == ("organization.get", SpanKind.INTERNAL)
    # It succeeded after a retry: no error.
    assert operation.status.status_code is StatusCode.UNSET
    for span in (first, second):
        assert (span.name, span.kind) == ("GET /organization/{id}", SpanKind.CLIENT)
        assert span.parent == operation.get_span_context()
    assert attributes(first) == {
        "http.request.method": "GET",
        "url.template": "/organization/{id}",
        "server.address": "127.0.0.1",
        "server.port": server.port,
        "http.response.status_code": 503,
        "http.response.body.size": len(b'{"msg": "busy"}'),
        "error.type": "503",
    }
    assert first.status.status_code is StatusCode.ERROR
    assert attributes(second)["http.request.resend_count"] == 1
    assert "error.type" not in attributes(second)


def test_instrumentations_are_silent_during_an_attempt_and_only_then(
    client_of: ClientOf, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Those of requests and urllib3 look at this key; theirs would be a second span with the URL.
    during = []
    urlopen = HTTPConnectionPool.urlopen

    def watched(*args: Any, **kwargs: Any) -> Any:
        during.append(context.get_value(_SUPPRESS_HTTP_INSTRUMENTATION_KEY))
        return urlopen(*args, **kwargs)

    monkeypatch.setattr(HTTPConnectionPool, "urlopen", watched)
    with peer(answer(ORGANIZATION)) as server:
        client_of(server).organization.get(2)
    assert during == [True]
    assert context.get_value(_SUPPRESS_HTTP_INSTRUMENTATION_KEY) is None


def test_an_error_ends_the_operations_span_with_its_class(
    client_of: ClientOf, exported: InMemorySpanExporter
) -> None:
    with peer(answer({"msg": "canary"}, 404)) as server, pytest.raises(NotFound):
        client_of(server).organization.get(2)
    operation = exported.get_finished_spans()[-1]
    assert operation.status.status_code is StatusCode.ERROR
    assert operation.status.description is None
    assert attributes(operation)["error.type"] == "NotFound"
    assert operation.events == ()


def test_a_creation_is_a_producer(client_of: ClientOf, exported: InMemorySpanExporter) -> None:
    with peer(answer({"blob_store_enabled": False}), answer({"id": 8}, 201)) as server:
        client_of(server).task.create({"method": "average"}, [2])
    [span] = [one for one in exported.get_finished_spans() if one.name == "task.create"]
    assert span.kind is SpanKind.PRODUCER


def test_the_durations_are_a_histogram_of_the_conventions(client_of: ClientOf) -> None:
    with peer(answer({"msg": "busy"}, 503), answer(ORGANIZATION)) as server:
        client_of(server).organization.get(2)
    points = [
        point
        for metric in _metrics()
        if metric.name == "http.client.request.duration"
        for point in metric.data.data_points
        if (point.attributes or {}).get("server.port") == server.port
    ]
    assert all(isinstance(point, HistogramDataPoint) for point in points)
    found = {dict(point.attributes or {}).get("error.type"): point for point in points}
    assert found.keys() == {"503", None}
    assert found[None].count == 1
    assert tuple(found[None].explicit_bounds) == schema.REQUEST_DURATION.buckets


def _metrics() -> list:  # type: ignore[type-arg]
    data = _READER.get_metrics_data()
    assert data is not None
    return [
        metric
        for resource in data.resource_metrics
        for scope in resource.scope_metrics
        for metric in scope.metrics
    ]


def test_attempts_retries_and_polls_are_counted(client_of: ClientOf) -> None:
    before = tally.numbers()
    with peer(answer({"msg": "busy"}, 503), answer(ORGANIZATION)) as server:
        client_of(server).organization.get(2)
    after = tally.numbers()
    assert {name: after[name] - before[name] for name in after} == {
        "requests": 2,
        "retries": 1,
        "polls": 0,
    }


def test_every_log_line_is_an_event_of_the_schema(
    client_of: ClientOf, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG, "v6client")
    with peer(*[masked()] * 2, answer(ORGANIZATION)) as server:
        with pytest.raises(MaskedServerError):
            client_of(server).task.get(5)
    ours = [record for record in caplog.records if record.name == "v6client"]
    assert [(record.levelname, record.getMessage().split()[0]) for record in ours] == [
        ("DEBUG", "request.attempt"),
        ("WARNING", "request.retry"),
        ("DEBUG", "request.attempt"),
        ("DEBUG", "request.attempt"),
        ("ERROR", "request.failed"),
    ]
    for record in ours:
        fields = vars(record)["v6client"]
        known = schema.EVENTS[fields["event"]].fields | {"event", "trace_id", "span_id"}
        assert fields.keys() <= known
        assert int(fields["trace_id"], 16)


def test_what_the_schema_does_not_name_cannot_be_logged(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG, "v6client")
    with pytest.raises(ValueError, match="no field"):
        logs.emit(schema.TASK_CREATED, task_id=1, input_="canary")
    assert caplog.records == []


def test_in_a_container_lines_are_json(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    stream = io.StringIO()
    # pytest has put its handlers on the root logger: an application's own configuration.
    monkeypatch.setattr(logs.logger, "hasHandlers", lambda: False)
    level, handlers = logs.algorithm_logger.level, list(logs.logger.handlers)
    try:
        log_output.configure(stream=stream)
        logs.emit(schema.TASK_CREATED, task_id=5, organization_ids=[1, 2])
        logs.algorithm_logger.warning("half %s", "way")
    finally:
        logs.logger.handlers[:] = handlers
        logs.logger.propagate = True
        logs.logger.setLevel(logging.NOTSET)
        logs.algorithm_logger.setLevel(level)
    ours, theirs = (json.loads(line) for line in stream.getvalue().splitlines())
    assert ours.pop("timestamp").endswith("Z")
    assert ours == {
        "event": "task.created",
        "level": "info",
        "task_id": 5,
        "organization_ids": [1, 2],
    }
    assert (theirs["event"], theirs["level"]) == ("half way", "warning")


def test_a_configuration_that_is_there_stays() -> None:
    before = list(logs.logger.handlers)
    log_output.configure()  # pytest's handler is on the root logger
    assert logs.logger.handlers == before


def test_no_canary_leaves(
    client_of: ClientOf, exported: InMemorySpanExporter, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    errors = []
    with peer(answer({"blob_store_enabled": False}), answer({"msg": "canary-body"}, 500)) as server:
        client = client_of(server, image="canary-image", databases=[{"label": "canary-label"}])
        try:
            client.task.create(
                {"method": "canary-input"}, [2], name="canary-name", description="canary-text"
            )
        except Exception as error:  # noqa: BLE001 - whatever it is
            errors.append(error)
        server.script = [answer({"msg": "canary-body"}, 400)]
        try:
            client.request("task", params={"name": "canary-query"})
        except Exception as error:  # noqa: BLE001 - whatever it is
            errors.append(error)
    assert len(errors) == 2
    everything = [f"{error!r} {error} {vars(error)} {error.__context__!r}" for error in errors]
    everything += [span.to_json() for span in exported.get_finished_spans()]
    # urllib3 logs its URLs at DEBUG to a logger of its own: nothing of ours hands that on.
    everything += [
        f"{record.getMessage()} {vars(record)}"
        for record in caplog.records
        if record.name.startswith("v6client")
    ]
    everything += [str(metric) for metric in _metrics()]
    assert client.token
    for text in everything:
        assert "canary" not in text
        assert client.token not in text
