"""Spans that are counted on their way to a queue: what does not fit into it is told."""

from __future__ import annotations

from opentelemetry.context import Context
from opentelemetry.sdk.trace import ReadableSpan, Span, SpanProcessor

from v6client.telemetry.exporters import CheckedSpanExporter, Told
from v6client.telemetry.otel_variables import TRACES


class CountedSpans(SpanProcessor):
    """A queue in front of an exporter, which says at its end whether all spans got through.

    The SDK's own drops what does not fit, with a message that a container's log does not show.

    Parameters
    ----------
    queue
        The processor that exports from a queue.
    exporter
        What it exports to.
    told
        Is told the signal and why, when something is lost.
    """

    def __init__(self, queue: SpanProcessor, exporter: CheckedSpanExporter, told: Told) -> None:
        self._queue = queue
        self._exporter = exporter
        self._told = told
        self._ended = 0

    def on_start(self, span: Span, parent_context: Context | None = None) -> None:
        """Hand on."""
        self._queue.on_start(span, parent_context)

    def on_end(self, span: ReadableSpan) -> None:
        """Count, and hand on."""
        if span.context is not None and span.context.trace_flags.sampled:
            self._ended += 1
        self._queue.on_end(span)

    def shutdown(self) -> None:
        """Export what is left, and say whether that was all."""
        self._queue.shutdown()
        if self._exporter.taken < self._ended:
            self._told(TRACES, "queue_full")

    def force_flush(self, timeout_millis: int = 30000) -> bool:
        """Hand on."""
        return self._queue.force_flush(timeout_millis)
