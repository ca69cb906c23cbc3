"""The privacy barrier: what is not in the schema is dropped."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

import pytest
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader, MetricsData
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import (
    Link,
    NonRecordingSpan,
    SpanContext,
    SpanKind,
    Status,
    StatusCode,
    TraceFlags,
    TraceState,
    set_span_in_context,
)

from v6client.telemetry import barrier, schema
from v6client.telemetry.resource import resource_of

CANARY = "canary"
RESOURCE = Resource({"service.name": "v6client", "host.name": CANARY, "process.command": CANARY})
REMOTE = SpanContext(
    0xA,
    0xB,
    is_remote=True,
    trace_flags=TraceFlags(1),
    trace_state=TraceState([("vendor", CANARY)]),
)


def span_of(  # noqa: PLR0913 - the parts of a span
    name: str,
    attributes: Mapping[str, Any],
    *,
    scope: str = "v6client",
    kind: SpanKind = SpanKind.INTERNAL,
    event: str | None = None,
    event_attributes: Mapping[str, Any] | None = None,
) -> ReadableSpan:
    """Make a span with a canary wherever one fits."""
    exporter = InMemorySpanExporter()
    provider = TracerProvider(resource=RESOURCE, shutdown_on_exit=False)
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    tracer = provider.get_tracer(scope, CANARY, schema_url=CANARY, attributes={CANARY: CANARY})
    span = tracer.start_span(
        name,
        set_span_in_context(NonRecordingSpan(REMOTE)),
        kind=kind,
        attributes=attributes,
        links=[Link(REMOTE, {CANARY: CANARY})],
    )
    span.record_exception(ValueError(CANARY))
    if event:
        span.add_event(event, event_attributes)
    span.set_status(Status(StatusCode.ERROR, CANARY))
    span.end()
    [finished] = exporter.get_finished_spans()
    return finished


def everything(span: ReadableSpan) -> str:
    scope = span.instrumentation_scope
    contexts = [span.context, span.parent, *(link.context for link in span.links)]
    return f"{span.to_json()}{scope}{scope and scope.attributes}{contexts}"


def test_of_a_span_of_ours_what_the_schema_names_passes() -> None:
    span = span_of(
        "task.wait",
        {
            schema.TASK_ID: 5,
            schema.WAIT_POLL_COUNT: "canary of a wrong type",
            schema.ERROR_TYPE: "a canary of a message",
            schema.RUN_ID: 6,  # of another span
            "db.statement": CANARY,
        },
        event="task.status",
        event_attributes={schema.TASK_ID: 5, schema.TASK_STATUS_NOW: CANARY, "text": CANARY},
    )
    assert CANARY in everything(span)
    [checked] = barrier.checked_spans([span])
    assert CANARY not in everything(checked)
    assert checked.attributes == {schema.TASK_ID: 5}
    assert [(one.name, dict(one.attributes or {})) for one in checked.events] == [
        ("task.status", {schema.TASK_ID: 5})
    ]
    assert checked.status.status_code is StatusCode.ERROR
    assert checked.status.description is None
    assert checked.resource.attributes == {"service.name": "v6client"}
    # What makes it a part of its trace is as it was.
    assert checked.context is not None
    assert span.context is not None
    assert checked.context.span_id == span.context.span_id
    assert checked.parent is not None
    assert (checked.parent.trace_id, checked.parent.span_id) == (0xA, 0xB)
    assert checked.parent.is_remote
    assert [link.context.span_id for link in checked.links] == [0xB]
    assert (checked.start_time, checked.end_time) == (span.start_time, span.end_time)


ATTEMPT = {schema.HTTP_METHOD: "GET", schema.URL_TEMPLATE: "/task/{id}"}


@pytest.mark.parametrize(
    ("name", "scope", "kind", "attributes"),
    [
        ("canary", "v6client", SpanKind.INTERNAL, {}),
        ("task.create", "v6client", SpanKind.INTERNAL, {}),
        ("task.create", "canary", SpanKind.PRODUCER, {}),
        ("task.get", "v6client.canary", SpanKind.INTERNAL, {}),
        ("GET /task/{id}", "v6client", SpanKind.CLIENT, {}),
        ("GET /canary/5", "v6client", SpanKind.CLIENT, ATTEMPT),
        ("GET /task/{id}", "v6client", SpanKind.SERVER, ATTEMPT),
        ("GET /x/5", "v6client", SpanKind.CLIENT, {**ATTEMPT, schema.URL_TEMPLATE: "/x/5"}),
    ],
)
def test_other_spans_do_not_pass(
    name: str, scope: str, kind: SpanKind, attributes: dict[str, Any]
) -> None:
    assert barrier.checked_spans([span_of(name, attributes, scope=scope, kind=kind)]) == []


def test_an_attempt_passes() -> None:
    [checked] = barrier.checked_spans([span_of("GET /task/{id}", ATTEMPT, kind=SpanKind.CLIENT)])
    assert checked.attributes == ATTEMPT


@pytest.fixture
def reader() -> Iterator[InMemoryMetricReader]:
    reader = InMemoryMetricReader()
    yield reader
    reader.shutdown()


def measured(reader: InMemoryMetricReader) -> MetricsData:
    data = reader.get_metrics_data()
    assert data is not None
    return data


def test_of_metrics_what_the_schema_names_passes(reader: InMemoryMetricReader) -> None:
    provider = MeterProvider([reader], resource=RESOURCE, shutdown_on_exit=False)
    ours, theirs = provider.get_meter("v6client", CANARY, CANARY), provider.get_meter("other")
    right: dict[str, str | int] = {schema.RUN_STATUS: "crashed", schema.ORGANIZATION_ID: 2}
    outcomes = ours.create_counter("v6client.run.outcomes", "canary", "canary")
    outcomes.add(1, right)
    outcomes.add(1, {**right, schema.RUN_STATUS: CANARY})
    outcomes.add(1, {**right, "label": CANARY})
    outcomes.add(1, {**right, schema.TASK_ID: 5})
    ours.create_counter("canary").add(1)
    ours.create_up_down_counter("canary.too").add(1)
    theirs.create_counter("v6client.run.outcomes").add(1, right)
    data = measured(reader)
    assert CANARY in str(data)
    checked = barrier.checked_metrics(data)
    assert CANARY not in str(checked)
    [of_resource] = checked.resource_metrics
    assert of_resource.resource.attributes == {"service.name": "v6client"}
    [scope] = of_resource.scope_metrics
    [metric] = scope.metrics
    assert (metric.name, metric.unit) == ("v6client.run.outcomes", "{run}")
    [point] = metric.data.data_points
    assert point.attributes == right
    assert not point.exemplars


def test_exemplars_do_not_pass(reader: InMemoryMetricReader) -> None:
    provider = MeterProvider([reader], shutdown_on_exit=False)
    provider.get_meter("v6client").create_counter("v6client.task.twins").add(1)
    data = measured(reader)
    metric = data.resource_metrics[0].scope_metrics[0].metrics[0]
    exemplars: Any = [CANARY]
    points: Any = metric.data.data_points
    points[:] = [replace(points[0], exemplars=exemplars)]
    assert CANARY in str(data)
    assert CANARY not in str(barrier.checked_metrics(data))


def test_of_log_records_only_whole_events_of_the_schema_pass() -> None:
    right = {"task_id": 5, "organization_ids": [1], "run_task_id": 1, "run_organization_id": 2}
    assert barrier.is_checked_log("task.created", right)
    assert barrier.is_checked_log("task.created", None)
    assert not barrier.is_checked_log("canary", {})
    assert not barrier.is_checked_log(None, {})
    assert not barrier.is_checked_log("task.created", {**right, "polls": 1})
    assert not barrier.is_checked_log("task.created", {**right, "task_id": CANARY})


def test_of_the_environments_resource_only_some_keys_are_taken() -> None:
    given = {
        "service.name": "my algorithm",
        "service.namespace": "canary=1",
        "deployment.environment.name": "production",
        "host.name": CANARY,
        "v6client.organization.id": CANARY,
    }
    who = {schema.ORGANIZATION_ID: 2, schema.TASK_ID: 7}
    whole, of_metrics = resource_of(who, given, foreign=False)
    assert CANARY not in str(dict(whole.attributes))
    assert whole.attributes["service.name"] == "my algorithm"
    assert whole.attributes["deployment.environment.name"] == "production"
    assert whole.attributes["v6client.organization.id"] == 2
    assert set(whole.attributes) - set(of_metrics.attributes) == {
        "service.instance.id",
        "v6client.task.id",
    }
    assert dict(barrier.checked_resource(whole).attributes) == dict(whole.attributes)


def test_a_name_of_the_service_that_may_not_leave_is_ours() -> None:
    whole, _ = resource_of({}, {"service.name": "<canary>"}, foreign=False)
    assert whole.attributes["service.name"] == "v6client"


def test_all_of_the_resource_is_taken_where_foreign_telemetry_may_leave() -> None:
    whole, _ = resource_of({}, {"host.name": "asked for"}, foreign=True)
    assert whole.attributes["host.name"] == "asked for"
