"""The exporters of our own providers: each hands on what the privacy barrier lets through.

They never raise, tell a loss once, and export nothing in a forked child: it shares the parent's
telemetry up to the fork, which would leave twice, and its connections.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

from opentelemetry.sdk.metrics.export import (
    AggregationTemporality,
    MetricExporter,
    MetricExportResult,
    MetricsData,
)
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.trace.export import SpanExporter, SpanExportResult

from v6client.telemetry import barrier, otlp_json
from v6client.telemetry.otel_variables import LOGS, METRICS, TRACES
from v6client.telemetry.trace_file import TraceFile

Told = Callable[[str, str], None]


class _Shell:
    """What the exporters of all signals do around the one that does the work."""

    def __init__(self, signal: str, *, foreign: bool, told: Told) -> None:
        self.signal = signal
        self.foreign = foreign
        self._told = told
        self._pid = os.getpid()

    def attempt(self, export: Callable[[], bool]) -> bool:
        """Export; an error is a loss that is told, as a refusal is."""
        if os.getpid() != self._pid:
            return True
        try:
            is_done, reason = export(), "export_failed"
        except Exception as error:  # noqa: BLE001 - telemetry fails nothing
            is_done, reason = False, type(error).__name__
        if not is_done:
            self._told(self.signal, reason)
        return is_done


class CheckedSpanExporter(SpanExporter):
    """Hands on the spans that may leave.

    Parameters
    ----------
    inner
        Exports them.
    foreign
        Whether all may leave.
    told
        Is told the signal and why, when something is lost.

    Attributes
    ----------
    taken
        How many spans it was given.
    """

    def __init__(self, inner: SpanExporter, *, foreign: bool, told: Told) -> None:
        self.taken = 0
        self._inner = inner
        self._shell = _Shell(TRACES, foreign=foreign, told=told)

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        """Export what may leave."""
        self.taken += len(spans)
        is_done = self._shell.attempt(lambda: self._export(spans))
        return SpanExportResult.SUCCESS if is_done else SpanExportResult.FAILURE

    def _export(self, spans: Sequence[ReadableSpan]) -> bool:
        if not self._shell.foreign:
            spans = barrier.checked_spans(spans)
        return not spans or self._inner.export(spans) is SpanExportResult.SUCCESS

    def shutdown(self) -> None:
        """Shut the inner one down."""
        self._inner.shutdown()

    def force_flush(self, timeout_millis: int = 30000) -> bool:
        """Flush the inner one."""
        return self._inner.force_flush(timeout_millis)


class CheckedMetricExporter(MetricExporter):
    """Hands on the metrics that may leave; see :class:`CheckedSpanExporter`.

    Parameters
    ----------
    temporality
        Of each kind of instrument.
    """

    def __init__(
        self,
        inner: MetricExporter,
        *,
        foreign: bool,
        told: Told,
        temporality: Mapping[type, AggregationTemporality],
    ) -> None:
        super().__init__(preferred_temporality=dict(temporality))
        self._inner = inner
        self._shell = _Shell(METRICS, foreign=foreign, told=told)

    def export(
        self, metrics_data: MetricsData, timeout_millis: float = 10_000, **kwargs: object
    ) -> MetricExportResult:
        """Export what may leave."""
        del kwargs  # none in any version
        is_done = self._shell.attempt(lambda: self._export(metrics_data, timeout_millis))
        return MetricExportResult.SUCCESS if is_done else MetricExportResult.FAILURE

    def _export(self, data: MetricsData, timeout_millis: float) -> bool:
        checked = data if self._shell.foreign else barrier.checked_metrics(data)
        if not any(one.scope_metrics for one in checked.resource_metrics):
            return True
        result = self._inner.export(checked, timeout_millis=timeout_millis)
        return result is MetricExportResult.SUCCESS

    def shutdown(self, timeout_millis: float = 30_000, **kwargs: object) -> None:
        """Shut the inner one down."""
        self._inner.shutdown(timeout_millis, **kwargs)

    def force_flush(self, timeout_millis: float = 10_000) -> bool:
        """Flush the inner one."""
        return self._inner.force_flush(timeout_millis)


class CheckedLogExporter:
    """Hands on the log records that may leave; see :class:`CheckedSpanExporter`.

    The base class of log exporters has another name in each version of the SDK, and checks
    nothing, so it is not one of it.
    """

    def __init__(self, inner: Any, *, foreign: bool, told: Told) -> None:  # noqa: ANN401 - see above
        self._inner = inner
        self._shell = _Shell(LOGS, foreign=foreign, told=told)

    def export(self, batch: Sequence[Any]) -> Any:  # noqa: ANN401 - the SDK looks at no result
        """Export what may leave."""
        self._shell.attempt(lambda: self._export(batch))

    def _export(self, batch: Sequence[Any]) -> bool:
        if not self._shell.foreign:
            batch = [
                one
                for one in batch
                if barrier.is_ours(one.instrumentation_scope)
                and barrier.is_checked_log(one.log_record.body, one.log_record.attributes)
            ]
        result = self._inner.export(batch) if batch else None
        return result is None or result.name == "SUCCESS"

    def shutdown(self) -> None:
        """Shut the inner one down."""
        self._inner.shutdown()

    def force_flush(self, timeout_millis: int = 30000) -> bool:
        """Flush the inner one."""
        return bool(self._inner.force_flush(timeout_millis))


class FileSpanExporter(SpanExporter):
    """Writes spans to the trace file."""

    def __init__(self, file: TraceFile) -> None:
        self._file = file

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        """Write a line. A file that is full has said so itself."""
        self._file.write(otlp_json.traces(spans))
        return SpanExportResult.SUCCESS


class FileMetricExporter(MetricExporter):
    """Writes metrics to the trace file."""

    def __init__(self, file: TraceFile) -> None:
        super().__init__()
        self._file = file

    def export(
        self, metrics_data: MetricsData, timeout_millis: float = 10_000, **kwargs: object
    ) -> MetricExportResult:
        """Write a line. A file that is full has said so itself."""
        del timeout_millis, kwargs  # a file needs none
        self._file.write(otlp_json.metrics(metrics_data))
        return MetricExportResult.SUCCESS

    def shutdown(self, timeout_millis: float = 30_000, **kwargs: object) -> None:
        """Do nothing: the file is shared."""

    def force_flush(self, timeout_millis: float = 10_000) -> bool:
        """Do nothing: each line is written at once."""
        del timeout_millis
        return True


class FileLogExporter:
    """Writes log records to the trace file.

    Parameters
    ----------
    resource
        Of all of them: older versions of the SDK have it in the record, later ones beside it.
    """

    def __init__(self, file: TraceFile, resource: Resource) -> None:
        self._file: Final = file
        self._resource: Final = resource

    def export(self, batch: Sequence[Any]) -> None:
        """Write a line a scope. A file that is full has said so itself."""
        for scope in {one.instrumentation_scope for one in batch}:
            records = [one.log_record for one in batch if one.instrumentation_scope == scope]
            self._file.write(otlp_json.logs(self._resource, scope, records))

    def shutdown(self) -> None:
        """Do nothing: the file is shared."""

    def force_flush(self, timeout_millis: int = 30000) -> bool:
        """Do nothing: each line is written at once."""
        del timeout_millis
        return True
