"""OTLP as JSON: what is exported, as the collector's own file exporter would write it.

The mapping is protobuf's JSON mapping with the exceptions of OTLP: ids are hexadecimal,
enumerations are integers, names are lowerCamelCase, 64-bit integers are strings. Source:
https://opentelemetry.io/docs/specs/otlp/#json-protobuf-encoding.
"""

from __future__ import annotations

import base64
import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Final, TypeVar

from opentelemetry.sdk.metrics.export import Gauge, Histogram, Metric, MetricsData, Sum
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.util.instrumentation import InstrumentationScope
from opentelemetry.trace import SpanContext

Object = dict[str, Any]
Kind = TypeVar("Kind")

_HAS_IS_REMOTE: Final = 0x100
_IS_REMOTE: Final = 0x200


def traces(spans: Iterable[ReadableSpan]) -> Object:
    """Encode an ``ExportTraceServiceRequest``."""
    return {
        "resourceSpans": [
            {
                "resource": _resource(resource),
                "scopeSpans": [
                    {"scope": _scope(scope), "spans": [_span(one) for one in of_scope]}
                    for scope, of_scope in _grouped(of_resource, lambda s: s.instrumentation_scope)
                ],
            }
            for resource, of_resource in _grouped(spans, lambda span: span.resource)
        ]
    }


def metrics(data: MetricsData) -> Object:
    """Encode an ``ExportMetricsServiceRequest``; no exponential histograms: we have none."""
    return {
        "resourceMetrics": [
            {
                "resource": _resource(of_resource.resource),
                "scopeMetrics": [
                    {
                        "scope": _scope(of_scope.scope),
                        "metrics": [found for one in of_scope.metrics if (found := _metric(one))],
                    }
                    for of_scope in of_resource.scope_metrics
                ],
            }
            for of_resource in data.resource_metrics
        ]
    }


def logs(resource: Resource, scope: InstrumentationScope, records: Iterable[Any]) -> Object:
    """Encode an ``ExportLogsServiceRequest``.

    Parameters
    ----------
    resource, scope
        Of all the records.
    records
        Log records of the SDK; their class has another name in each of its versions.
    """
    return {
        "resourceLogs": [
            {
                "resource": _resource(resource),
                "scopeLogs": [
                    {"scope": _scope(scope), "logRecords": [_log(one) for one in records]}
                ],
            }
        ]
    }


def _grouped(
    items: Iterable[Kind], key: Callable[[Kind], Any]
) -> Iterable[tuple[Any, Sequence[Kind]]]:
    groups: dict[Any, list[Kind]] = {}
    for item in items:
        groups.setdefault(key(item), []).append(item)
    return groups.items()


def _span(span: ReadableSpan) -> Object:
    context = span.context or SpanContext(0, 0, is_remote=False)
    encoded = {
        "traceId": f"{context.trace_id:032x}",
        "spanId": f"{context.span_id:016x}",
        "flags": _flags(span.parent),
        "name": span.name,
        "kind": span.kind.value + 1,
        "startTimeUnixNano": str(span.start_time or 0),
        "endTimeUnixNano": str(span.end_time or 0),
        "attributes": _attributes(span.attributes),
        "events": [
            {
                "timeUnixNano": str(one.timestamp),
                "name": one.name,
                "attributes": _attributes(one.attributes),
            }
            for one in span.events
        ],
        "links": [
            {
                "traceId": f"{one.context.trace_id:032x}",
                "spanId": f"{one.context.span_id:016x}",
                "flags": _flags(one.context),
                "attributes": _attributes(one.attributes),
            }
            for one in span.links
        ],
        "status": _status(span),
    }
    if span.parent is not None:
        encoded["parentSpanId"] = f"{span.parent.span_id:016x}"
    if context.trace_state:
        encoded["traceState"] = context.trace_state.to_header()
    return {key: value for key, value in encoded.items() if value != []}


def _status(span: ReadableSpan) -> Object:
    status: Object = {}
    if span.status.description:
        status["message"] = span.status.description
    if span.status.status_code.value:
        status["code"] = span.status.status_code.value
    return status


def _flags(other: SpanContext | None) -> int:
    """Tell whether a parent or a link is of another process, as OTLP's exporters do."""
    return _HAS_IS_REMOTE | (_IS_REMOTE if other is not None and other.is_remote else 0)


def _metric(metric: Metric) -> Object | None:
    data = metric.data
    facts: Object = {}
    if isinstance(data, (Sum, Gauge)):
        points = [_number(one) for one in data.data_points]
    elif isinstance(data, Histogram):
        points = [_histogram(one) for one in data.data_points]
    else:
        return None
    if isinstance(data, (Sum, Histogram)):
        facts["aggregationTemporality"] = int(data.aggregation_temporality)
    if isinstance(data, Sum):
        facts["isMonotonic"] = data.is_monotonic
    kind = type(data).__name__.lower()
    return {
        "name": metric.name,
        "description": metric.description or "",
        "unit": metric.unit or "",
        kind: {"dataPoints": points, **facts},
    }


def _point(point: Any) -> Object:  # noqa: ANN401 - of a number or a histogram
    encoded = {
        "attributes": _attributes(point.attributes),
        "timeUnixNano": str(point.time_unix_nano),
    }
    # A gauge has no start.
    if point.start_time_unix_nano is not None:
        encoded["startTimeUnixNano"] = str(point.start_time_unix_nano)
    return encoded


def _number(point: Any) -> Object:  # noqa: ANN401 - NumberDataPoint
    is_int = isinstance(point.value, int)
    value = {"asInt": str(point.value)} if is_int else {"asDouble": _double(point.value)}
    return {**_point(point), **value}


def _histogram(point: Any) -> Object:  # noqa: ANN401 - HistogramDataPoint
    return {
        **_point(point),
        "count": str(point.count),
        "sum": _double(point.sum),
        "bucketCounts": [str(one) for one in point.bucket_counts],
        "explicitBounds": list(point.explicit_bounds),
        "min": _double(point.min),
        "max": _double(point.max),
    }


def _log(record: Any) -> Object:  # noqa: ANN401 - differs by the SDK's version
    encoded = {
        "timeUnixNano": str(record.timestamp or 0),
        "observedTimeUnixNano": str(record.observed_timestamp or record.timestamp or 0),
        "severityText": record.severity_text or "",
        "severityNumber": record.severity_number.value if record.severity_number else 0,
        "body": _value(record.body),
        "attributes": _attributes(record.attributes),
        "flags": int(record.trace_flags or 0),
    }
    if record.trace_id:
        encoded["traceId"] = f"{record.trace_id:032x}"
        encoded["spanId"] = f"{record.span_id or 0:016x}"
    return encoded


def _resource(resource: Resource) -> Object:
    return {"attributes": _attributes(resource.attributes)}


def _scope(scope: InstrumentationScope | None) -> Object:
    return {} if scope is None else {"name": scope.name, "version": scope.version or ""}


def _attributes(attributes: Mapping[str, Any] | None) -> list[Object]:
    return [{"key": key, "value": _value(value)} for key, value in (attributes or {}).items()]


def _value(value: object) -> Object:  # noqa: PLR0911 - a table
    if isinstance(value, bool):
        return {"boolValue": value}
    if isinstance(value, int):
        return {"intValue": str(value)}
    if isinstance(value, float):
        return {"doubleValue": _double(value)}
    if isinstance(value, str):
        return {"stringValue": value}
    if isinstance(value, bytes):
        return {"bytesValue": base64.b64encode(value).decode()}
    if isinstance(value, Mapping):
        return {"kvlistValue": {"values": _attributes(value)}}
    if isinstance(value, Iterable):
        return {"arrayValue": {"values": [_value(one) for one in value]}}
    return {}


def _double(value: float) -> float | str:
    if math.isfinite(value):
        return value
    return "NaN" if math.isnan(value) else ("Infinity" if value > 0 else "-Infinity")
