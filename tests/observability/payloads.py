"""OTLP requests as no v6client would send them."""

from __future__ import annotations

import time
from typing import Any, Final

from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import (
    ExportMetricsServiceRequest,
)
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

CANARY: Final = "canary-patient-17"
SECOND: Final = 1_000_000_000
_DELTA, _CUMULATIVE = 1, 2


def put(attributes: Any, **values: object) -> None:
    """Add attributes; a name's ``__`` is a dot."""
    for name, value in values.items():
        one = attributes.add()
        one.key = name.replace("__", ".")
        if isinstance(value, str):
            one.value.string_value = value
        elif isinstance(value, list):
            for item in value:
                one.value.array_value.values.add().string_value = str(item)
        else:
            one.value.int_value = value


def metrics(  # noqa: PLR0913 - what a point consists of
    name: str = "v6client.task.twins",
    value: int = 1,
    *,
    temporality: int = _DELTA,
    scope: str = "v6client",
    version: str = "0",
    organization: int = 1,
    end: int | None = None,
    **attributes: object,
) -> ExportMetricsServiceRequest:
    """Give one point of a counter: of the second before ``end`` (nanoseconds; now by default)."""
    request = ExportMetricsServiceRequest()
    of_resource = request.resource_metrics.add()
    put(of_resource.resource.attributes, v6client__organization__id=organization)
    of_scope = of_resource.scope_metrics.add()
    of_scope.scope.name, of_scope.scope.version = scope, version
    metric = of_scope.metrics.add()
    metric.name = name
    metric.sum.is_monotonic = True
    metric.sum.aggregation_temporality = temporality
    point = metric.sum.data_points.add()
    point.as_int = value
    point.time_unix_nano = time.time_ns() if end is None else end
    point.start_time_unix_nano = point.time_unix_nano - SECOND
    put(point.attributes, **attributes)
    return request


def cumulative() -> bytes:
    """Give a point that cannot be added to those of other containers."""
    return bytes(metrics(temporality=_CUMULATIVE).SerializeToString())


def planted_traces() -> bytes:
    """Give a span of the schema with canaries wherever one fits, and spans that are none of it."""
    request = ExportTraceServiceRequest()
    of_resource = request.resource_spans.add()
    put(
        of_resource.resource.attributes,
        service__name=f"v6client?{CANARY}",
        host__name=CANARY,
        v6client__organization__id=2,
        v6client__node__id=CANARY,
    )
    of_scope = of_resource.scope_spans.add()
    of_scope.scope.name, of_scope.scope.version = "v6client", "0"
    put(of_scope.scope.attributes, anything=CANARY)
    span = _span(of_scope, "task.wait")
    put(
        span.attributes,
        v6client__task__id=7,
        v6client__wait__outcome="completed",
        url__full=CANARY,
        error__type=f"E\\n{CANARY}",
        v6client__wait__polls=CANARY,
    )
    span.status.code, span.status.message = 2, CANARY
    span.trace_state = f"a={CANARY}"
    event = span.events.add()
    event.name = "run.ended"
    put(event.attributes, v6client__run__status="failed", exception__message=CANARY)
    foreign_event = span.events.add()
    foreign_event.name = CANARY
    put(_span(of_scope, "run").attributes, v6client__run__status=CANARY, planted=CANARY)
    _span(of_scope, CANARY)
    _span(of_scope, f"GET /task/{CANARY}")
    linked = _span(of_scope, "task.get")
    put(linked.links.add().attributes, planted=CANARY)
    foreign = of_resource.scope_spans.add()
    foreign.scope.name = "requests"
    put(_span(foreign, "run").attributes, v6client__task__id=7)
    return bytes(request.SerializeToString())


def _span(of_scope: Any, name: str) -> Any:
    span = of_scope.spans.add()
    span.name = name
    span.trace_id, span.span_id = bytes(range(1, 17)), bytes([len(of_scope.spans)] * 8)
    span.start_time_unix_nano = span.end_time_unix_nano = time.time_ns()
    return span


def planted_metrics() -> bytes:
    """Give points with canaries, and metrics that are none of the schema."""
    request = metrics(planted=CANARY)
    [of_resource] = request.resource_metrics
    put(of_resource.resource.attributes, host__name=CANARY)
    [of_scope] = of_resource.scope_metrics
    metric = of_scope.metrics[0]
    metric.description, metric.unit = CANARY, CANARY
    put(metric.metadata, planted=CANARY)
    exemplar = metric.sum.data_points[0].exemplars.add()
    exemplar.as_int = 1
    put(exemplar.filtered_attributes, planted=CANARY)
    request.MergeFrom(metrics("v6client.request.retries", v6client__retry__reason=CANARY))
    request.MergeFrom(metrics(CANARY))
    request.MergeFrom(metrics(scope="requests", v6client__retry__reason="masked"))
    return bytes(request.SerializeToString())


def planted_logs() -> bytes:
    """Give log records with canaries, and records that are none of the schema."""
    request = ExportLogsServiceRequest()
    of_resource = request.resource_logs.add()
    put(of_resource.resource.attributes, host__name=CANARY)
    of_scope = of_resource.scope_logs.add()
    of_scope.scope.name, of_scope.scope.version = "v6client", CANARY + "!"
    record = of_scope.log_records.add()
    record.body.string_value = "task.partial_results"
    record.severity_text = record.event_name = CANARY
    put(record.attributes, task_id=7, organization_ids=[CANARY], planted=CANARY)
    good = of_scope.log_records.add()
    good.body.string_value = "run.failed"
    good.severity_text = "ERROR"
    put(good.attributes, error_type="ValueError", task_id=7)
    of_scope.log_records.add().body.string_value = CANARY
    put(of_scope.log_records.add().body.kvlist_value.values, body=CANARY)
    foreign = of_resource.scope_logs.add()
    foreign.scope.name = "root"
    foreign.log_records.add().body.string_value = "run.failed"
    return bytes(request.SerializeToString())
