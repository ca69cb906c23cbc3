"""The exporters to a collector, by OTLP over http/protobuf: from the extra ``v6client[otlp]``.

They read ``OTEL_EXPORTER_OTLP_…`` themselves: endpoint, headers, timeout, compression,
certificates. All imports are inside, as the extra may be missing.
"""

from __future__ import annotations

from typing import Any

from opentelemetry.sdk.metrics.export import MetricExporter
from opentelemetry.sdk.trace.export import SpanExporter


def span_exporter() -> SpanExporter:
    """Make the exporter of spans."""
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import (  # noqa: PLC0415
        OTLPSpanExporter,
    )

    return OTLPSpanExporter()


def metric_exporter() -> MetricExporter:
    """Make the exporter of metrics."""
    from opentelemetry.exporter.otlp.proto.http.metric_exporter import (  # noqa: PLC0415
        OTLPMetricExporter,
    )

    return OTLPMetricExporter()


def log_exporter() -> Any:  # noqa: ANN401 - its class has another name in each version
    """Make the exporter of logs."""
    from opentelemetry.exporter.otlp.proto.http._log_exporter import (  # noqa: PLC0415
        OTLPLogExporter,
    )

    return OTLPLogExporter()
