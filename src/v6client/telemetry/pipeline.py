"""Our own providers, put together: resource, ids, processors, exporters."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from opentelemetry.sdk.metrics import (
    AlwaysOffExemplarFilter,
    Counter,
    Histogram,
    MeterProvider,
    ObservableCounter,
)
from opentelemetry.sdk.metrics.export import (
    AggregationTemporality,
    MetricExporter,
    PeriodicExportingMetricReader,
)
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import SpanLimits, TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SpanExporter

from v6client.telemetry import collector
from v6client.telemetry.counted import CountedSpans
from v6client.telemetry.exporters import (
    CheckedLogExporter,
    CheckedMetricExporter,
    CheckedSpanExporter,
    FileLogExporter,
    FileMetricExporter,
    FileSpanExporter,
    Told,
)
from v6client.telemetry.ids import run_span_ids
from v6client.telemetry.otel_variables import LOGS, METRICS, TRACES
from v6client.telemetry.trace_file import TraceFile

if TYPE_CHECKING:
    from opentelemetry.sdk._logs import LoggerProvider

    from v6client.telemetry.log_records import LogRecords

# Full queues of spans and logs are less than 4 MB (tests/telemetry/memory.py). Short delays: a
# container that is killed without a word has lost two seconds of spans, and ten of metrics.
_QUEUE: Final = 512
_LOG_QUEUE: Final = 128
_BATCH: Final = 128
_DELAY_MS: Final = 2000.0
_INTERVAL_MS: Final = 10_000.0

# All of them, so that no variable cuts what the schema needs whole. A wait has an event a run.
_LIMITS: Final = SpanLimits(
    max_attributes=128,
    max_events=2048,
    max_links=128,
    max_span_attributes=128,
    max_event_attributes=128,
    max_link_attributes=128,
    max_attribute_length=SpanLimits.UNSET,
    max_span_attribute_length=SpanLimits.UNSET,
)

# A container lives for seconds and is a new process each time. With the usual cumulative numbers
# each would be a series of its own, that ends after a point or two, and what happened before the
# first point is lost to a rate. Delta numbers are sums of what happened, which a backend or a
# collector can add up over containers.
_DELTA: Final[Mapping[type, AggregationTemporality]] = dict.fromkeys(
    (Counter, Histogram, ObservableCounter), AggregationTemporality.DELTA
)


@dataclass(frozen=True, slots=True)
class Plan:
    """What a pipeline does.

    Parameters
    ----------
    otlp
        The signals that go to a collector.
    refused
        The signals that are not exported at all.
    file
        The trace file, for all others; ``None`` for none.
    foreign
        Whether telemetry of other libraries may leave, and nothing is checked.
    resource, metric_resource
        Who exports.
    is_cumulative
        Whether metrics are cumulative numbers, not deltas.
    interval_ms
        Milliseconds between two exports of metrics; ``None`` for 10 s.
    told
        Is told the signal and why, when something is lost.
    """

    otlp: frozenset[str]
    refused: frozenset[str]
    file: TraceFile | None
    foreign: bool
    resource: Resource
    metric_resource: Resource
    is_cumulative: bool
    interval_ms: float | None
    told: Told


@dataclass
class Pipeline:
    """The providers that a plan asks for, and how each of their exports ends.

    Parameters
    ----------
    plan
        What it does.
    closes
        What exports the rest at the end, by signal and place.
    """

    plan: Plan
    closes: dict[str, Callable[[], object]] = field(default_factory=dict)

    def tracer_provider(self) -> TracerProvider | None:
        """Make the provider of spans, where they are exported."""
        exporters: dict[str, SpanExporter] = {}
        if TRACES in self.plan.otlp:
            exporters[TRACES] = collector.span_exporter()
        if file := self._file(TRACES):
            exporters[f"{TRACES} (file)"] = FileSpanExporter(file)
        if not exporters:
            return None
        provider = TracerProvider(
            resource=self.plan.resource,
            id_generator=run_span_ids,
            shutdown_on_exit=False,
            span_limits=_LIMITS,
        )
        for name, exporter in exporters.items():
            checked = CheckedSpanExporter(exporter, foreign=self.plan.foreign, told=self.plan.told)
            queue = BatchSpanProcessor(
                checked,
                max_queue_size=_QUEUE,
                schedule_delay_millis=_DELAY_MS,
                max_export_batch_size=_BATCH,
            )
            processor = CountedSpans(queue, checked, self.plan.told)
            provider.add_span_processor(processor)
            self.closes[name] = processor.shutdown
        return provider

    def meter_provider(self) -> MeterProvider | None:
        """Make the provider of metrics, where they are exported."""
        exporters: dict[str, MetricExporter] = {}
        if METRICS in self.plan.otlp:
            exporters[METRICS] = collector.metric_exporter()
        if file := self._file(METRICS):
            exporters[f"{METRICS} (file)"] = FileMetricExporter(file)
        if not exporters:
            return None
        readers = {
            name: PeriodicExportingMetricReader(
                CheckedMetricExporter(
                    exporter,
                    foreign=self.plan.foreign,
                    told=self.plan.told,
                    temporality={} if self.plan.is_cumulative else _DELTA,
                ),
                export_interval_millis=self.plan.interval_ms or _INTERVAL_MS,
            )
            for name, exporter in exporters.items()
        }
        self.closes |= {name: reader.shutdown for name, reader in readers.items()}
        return MeterProvider(
            list(readers.values()),
            resource=self.plan.metric_resource,
            exemplar_filter=AlwaysOffExemplarFilter(),
            shutdown_on_exit=False,
        )

    def logger_provider(self) -> LoggerProvider | None:
        """Make the provider of logs, where they are exported."""
        exporters: dict[str, Any] = {}
        if LOGS in self.plan.otlp:
            exporters[LOGS] = collector.log_exporter()
        if file := self._file(LOGS):
            exporters[f"{LOGS} (file)"] = FileLogExporter(file, self.plan.resource)
        if not exporters:
            return None
        # Logs leave by a variable alone, so hardly any container needs their part of the SDK.
        from opentelemetry.sdk._logs import LoggerProvider  # noqa: PLC0415
        from opentelemetry.sdk._logs.export import BatchLogRecordProcessor  # noqa: PLC0415

        provider = LoggerProvider(resource=self.plan.resource, shutdown_on_exit=False)
        for name, exporter in exporters.items():
            checked: Any = CheckedLogExporter(
                exporter, foreign=self.plan.foreign, told=self.plan.told
            )
            processor = BatchLogRecordProcessor(
                checked,
                schedule_delay_millis=_DELAY_MS,
                max_export_batch_size=_BATCH,
                max_queue_size=_LOG_QUEUE,
            )
            provider.add_log_record_processor(processor)
            self.closes[name] = processor.shutdown
        return provider

    def log_records(self, provider: LoggerProvider) -> LogRecords:
        """Make what turns our log events into records."""
        from v6client.telemetry.log_records import LogRecords  # noqa: PLC0415

        return LogRecords(provider, self.plan.resource)

    def _file(self, signal: str) -> TraceFile | None:
        return None if signal in self.plan.refused else self.plan.file
