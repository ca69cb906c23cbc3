"""The privacy barrier: of what is about to be exported, gives only what the schema names.

It fails closed: a scope, name, kind, key, type or text that is not known is dropped. Pure.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import replace
from typing import Any, Final

from opentelemetry.sdk.metrics.export import (
    Gauge,
    Histogram,
    HistogramDataPoint,
    Metric,
    MetricsData,
    NumberDataPoint,
    ResourceMetrics,
    ScopeMetrics,
    Sum,
)
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import Event, ReadableSpan
from opentelemetry.sdk.util.instrumentation import InstrumentationScope
from opentelemetry.trace import Link, SpanContext, Status

from v6client._version import __version__
from v6client.telemetry import schema
from v6client.telemetry.entries import Attribute, Instrument

_SCOPE: Final = InstrumentationScope(schema.INSTRUMENTATION, __version__)
_LOG_FIELDS: Final = frozenset({schema.RUN_TASK_FIELD, schema.RUN_ORGANIZATION_FIELD})


def is_ours(scope: InstrumentationScope | None) -> bool:
    """Tell whether telemetry comes from this library."""
    return scope is not None and scope.name == schema.INSTRUMENTATION


def checked_attributes(
    attributes: Mapping[str, Any] | None,
    allowed: Collection[str],
    table: Mapping[str, Attribute] = schema.ATTRIBUTES,
) -> dict[str, Any]:
    """Give the attributes that are allowed, and fit.

    Parameters
    ----------
    attributes
        What is about to be exported.
    allowed
        The keys that may be there.
    table
        Says what fits each.
    """
    return {
        key: value
        for key, value in (attributes or {}).items()
        if key in allowed and table[key].fits(value)
    }


def checked_resource(resource: Resource) -> Resource:
    """Give a resource with the schema's attributes alone."""
    return Resource(checked_attributes(resource.attributes, schema.RESOURCE))


def checked_spans(spans: Iterable[ReadableSpan]) -> list[ReadableSpan]:
    """Give the spans that may leave, as they may."""
    # All spans of a provider share one resource, which is checked once.
    resources: dict[int, Resource] = {}
    found = []
    for span in spans:
        resource = resources.get(id(span.resource))
        if resource is None:
            resource = resources[id(span.resource)] = checked_resource(span.resource)
        if (checked := _checked_span(span, resource)) is not None:
            found.append(checked)
    return found


def _checked_span(span: ReadableSpan, resource: Resource) -> ReadableSpan | None:
    is_attempt = span.name not in schema.SPANS
    entry = schema.SPANS[schema.ATTEMPT_SPAN if is_attempt else span.name]
    if span.kind is not entry.kind or not is_ours(span.instrumentation_scope):
        return None
    attributes = checked_attributes(span.attributes, entry.attributes)
    if is_attempt and span.name != _attempt_name(attributes):
        return None
    return ReadableSpan(
        name=span.name,
        context=_bare(span.context),
        parent=_bare(span.parent),
        resource=resource,
        attributes=attributes,
        events=[
            Event(
                one.name,
                checked_attributes(one.attributes, schema.SPAN_EVENTS[one.name].attributes),
                one.timestamp,
            )
            for one in span.events
            if one.name in entry.events
        ],
        links=[Link(context) for one in span.links if (context := _bare(one.context))],
        kind=span.kind,
        # An exception's message would be its description.
        status=Status(span.status.status_code),
        start_time=span.start_time,
        end_time=span.end_time,
        instrumentation_scope=_SCOPE,
    )


def _attempt_name(checked: Mapping[str, Any]) -> str:
    return f"{checked.get(schema.HTTP_METHOD)} {checked.get(schema.URL_TEMPLATE)}"


def _bare(context: SpanContext | None) -> SpanContext | None:
    """Give a span's context without its trace state, which may hold any text."""
    if context is None:
        return None
    return SpanContext(context.trace_id, context.span_id, context.is_remote, context.trace_flags)


def checked_metrics(data: MetricsData) -> MetricsData:
    """Give metrics as they may leave."""
    return MetricsData(
        [
            ResourceMetrics(
                checked_resource(of_resource.resource),
                [
                    ScopeMetrics(_SCOPE, metrics, "")
                    for scope in of_resource.scope_metrics
                    if is_ours(scope.scope) and (metrics := _checked(scope.metrics))
                ],
                "",
            )
            for of_resource in data.resource_metrics
        ]
    )


def _checked(metrics: Iterable[Metric]) -> list[Metric]:
    found = []
    for metric in metrics:
        entry = schema.METRICS.get(metric.name)
        if entry is None:
            continue
        if not isinstance(metric.data, (Sum, Gauge, Histogram)):
            continue
        data: Any = metric.data
        points = [point for one in data.data_points if (point := _checked_point(one, entry))]
        if points:
            data = replace(data, data_points=points)
            found.append(Metric(metric.name, entry.description, entry.unit, data))
    return found


def _checked_point(
    point: NumberDataPoint | HistogramDataPoint, entry: Instrument
) -> NumberDataPoint | HistogramDataPoint | None:
    """Give a data point without exemplars; nothing where an attribute may not leave.

    Two points that differ in such an attribute alone would become one name with two values.
    """
    attributes = point.attributes or {}
    allowed = entry.attributes | {schema.OVERFLOW}
    if len(checked_attributes(attributes, allowed)) != len(attributes):
        return None
    return replace(point, exemplars=[])


def is_checked_log(name: object, attributes: Mapping[str, Any] | None) -> bool:
    """Tell whether a log record may leave: an event of the schema, with its fields alone."""
    event = schema.EVENTS.get(name) if isinstance(name, str) else None
    if event is None:
        return False
    given = attributes or {}
    allowed = event.fields | _LOG_FIELDS
    return len(checked_attributes(given, allowed, schema.FIELDS)) == len(given)
