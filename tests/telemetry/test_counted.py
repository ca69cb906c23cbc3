"""Spans that do not fit into the queue are told once, at the end."""

from __future__ import annotations

import threading
from collections.abc import Sequence

import pytest
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SpanExporter, SpanExportResult
from opentelemetry.sdk.trace.sampling import ALWAYS_OFF, ALWAYS_ON, Sampler

from v6client.telemetry.counted import CountedSpans
from v6client.telemetry.exporters import CheckedSpanExporter


class Waits(SpanExporter):
    """Takes nothing until it may."""

    def __init__(self) -> None:
        self.may = threading.Event()
        self.spans = 0

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        assert self.may.wait(30)
        self.spans += len(spans)
        return SpanExportResult.SUCCESS


@pytest.mark.parametrize(
    ("sampler", "spans", "told"),
    [
        (ALWAYS_ON, 40, []),
        (ALWAYS_ON, 400, [("traces", "queue_full")]),
        (ALWAYS_OFF, 400, []),
    ],
)
def test_what_does_not_fit_is_told(
    sampler: Sampler, spans: int, told: list[tuple[str, str]]
) -> None:
    inner, heard = Waits(), []
    checked = CheckedSpanExporter(
        inner, foreign=True, told=lambda signal, why: heard.append((signal, why))
    )
    queue = BatchSpanProcessor(checked, max_queue_size=50, max_export_batch_size=10)
    counted = CountedSpans(queue, checked, lambda signal, why: heard.append((signal, why)))
    provider = TracerProvider(sampler=sampler, shutdown_on_exit=False)
    provider.add_span_processor(counted)
    tracer = provider.get_tracer("trials")
    for _ in range(spans):
        tracer.start_span("a span").end()
    inner.may.set()
    counted.shutdown()
    assert heard == told
    assert (inner.spans == spans) == (not told and sampler is ALWAYS_ON)
