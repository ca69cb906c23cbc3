"""The trace file: what OTLP looks like as JSON, and a file that nobody else reads or makes."""

from __future__ import annotations

import base64
import json
import os
import stat
from pathlib import Path
from typing import Any

import pytest
from google.protobuf import json_format  # type: ignore[import-untyped]  # it comes with OTLP
from opentelemetry.exporter.otlp.proto.common.metrics_encoder import encode_metrics
from opentelemetry.exporter.otlp.proto.common.trace_encoder import encode_spans
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import (
    ExportMetricsServiceRequest,
)
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import Link, SpanKind, Status, StatusCode

from v6client.telemetry import otlp_json
from v6client.telemetry.trace_file import TraceFile, path_of

VALUES: dict[str, Any] = {
    "text": 'ä \u2028 "quoted"',
    "number": 2**53 + 1,
    "share": 0.25,
    "yes": True,
    "several": [1, 2],
    "texts": ["a", "b"],
}
RESOURCE = Resource({"service.name": "v6client", "v6client.organization.id": 2})


def as_protobuf_has_it(message: Any) -> Any:
    """Turn the ids of OTLP's JSON into those of protobuf's: base64 instead of hexadecimal."""
    if isinstance(message, dict):
        return {
            key: base64.b64encode(bytes.fromhex(value)).decode()
            if key in {"traceId", "spanId", "parentSpanId"}
            else as_protobuf_has_it(value)
            for key, value in message.items()
        }
    return [as_protobuf_has_it(one) for one in message] if isinstance(message, list) else message


def test_spans_are_what_the_protobuf_exporter_sends() -> None:
    exporter = InMemorySpanExporter()
    provider = TracerProvider(resource=RESOURCE, shutdown_on_exit=False)
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    for scope in ("v6client", "other"):
        tracer = provider.get_tracer(scope, "1.0")
        for kind in SpanKind:
            with tracer.start_as_current_span("parent", kind=kind, attributes=VALUES) as parent:
                link = Link(parent.get_span_context(), {"a": 1})
                with tracer.start_as_current_span("child", links=[link]) as child:
                    child.add_event("event", {"b": 2}, 5)
                    child.set_status(Status(StatusCode.ERROR))
    spans = exporter.get_finished_spans()
    written = json.loads(json.dumps(otlp_json.traces(spans)))
    read = json_format.ParseDict(as_protobuf_has_it(written), ExportTraceServiceRequest())
    assert read == encode_spans(spans)
    # By the specification, not by protobuf's mapping.
    first = written["resourceSpans"][0]["scopeSpans"][0]["spans"][0]
    assert len(first["traceId"]) == 32
    assert isinstance(first["kind"], int)
    assert isinstance(first["startTimeUnixNano"], str)


def test_metrics_are_what_the_protobuf_exporter_sends() -> None:
    reader = InMemoryMetricReader()
    provider = MeterProvider([reader], resource=RESOURCE, shutdown_on_exit=False)
    meter = provider.get_meter("v6client", "1.0")
    # The SDK before 1.40 or so takes no lists on metrics.
    attributes = {key: value for key, value in VALUES.items() if not isinstance(value, list)}
    meter.create_counter("counter", "1", "what").add(3, attributes)
    meter.create_up_down_counter("up_down").add(-0.5)
    meter.create_histogram("histogram").record(7)
    meter.create_gauge("gauge").set(4)
    data = reader.get_metrics_data()
    assert data is not None
    written = json.loads(json.dumps(otlp_json.metrics(data)))
    read = json_format.ParseDict(as_protobuf_has_it(written), ExportMetricsServiceRequest())
    assert read == encode_metrics(data)


@pytest.mark.parametrize(
    ("value", "encoded"),
    [
        (float("nan"), {"doubleValue": "NaN"}),
        (float("-inf"), {"doubleValue": "-Infinity"}),
        (b"\x00\xff", {"bytesValue": "AP8="}),
        ({"a": 1}, {"kvlistValue": {"values": [{"key": "a", "value": {"intValue": "1"}}]}}),
        (None, {}),
    ],
)
def test_values_of_other_libraries(value: Any, encoded: dict[str, Any]) -> None:
    # A span of ours has none of them.
    assert otlp_json._value(value) == encoded


@pytest.fixture
def full() -> list[int]:
    return []


def test_the_file_is_its_owners_alone(tmp_path: Path, full: list[int]) -> None:
    before = os.umask(0)
    try:
        file = TraceFile(tmp_path / "file", most_bytes=1000, on_full=full.append)
    finally:
        os.umask(before)
    assert file.write({"a": 1})
    assert stat.S_IMODE(file.path.stat().st_mode) == 0o600
    assert file.path.read_text() == '{"a":1}\n'
    file.close()
    assert not file.write({"a": 2})
    assert file.path.read_text() == '{"a":1}\n'
    assert full == []


@pytest.mark.parametrize("is_link", [True, False])
def test_what_is_there_already_is_left_alone(
    tmp_path: Path, full: list[int], *, is_link: bool
) -> None:
    other, path = tmp_path / "other", tmp_path / "file"
    other.write_text("precious")
    path.symlink_to(other) if is_link else path.write_text("precious")
    file = TraceFile(path, most_bytes=1000, on_full=full.append)
    file.write({"a": 1})
    assert other.read_text() == path.read_text() == "precious"
    assert file.path.parent == tmp_path
    assert file.path.name.startswith("file.")
    assert file.path.read_text() == '{"a":1}\n'
    file.close()


def test_a_link_to_nowhere_is_not_followed(tmp_path: Path, full: list[int]) -> None:
    path = tmp_path / "file"
    path.symlink_to(tmp_path / "nowhere")
    TraceFile(path, most_bytes=1000, on_full=full.append).close()
    assert not (tmp_path / "nowhere").exists()


def test_the_bound_is_kept_and_told_once(tmp_path: Path, full: list[int]) -> None:
    file = TraceFile(tmp_path / "file", most_bytes=20, on_full=full.append)
    assert [file.write({"a": number}) for number in range(5)] == [True, True, False, False, False]
    assert file.path.read_text() == '{"a":0}\n{"a":1}\n'
    assert full == [16]


def test_a_full_disk_ends_it(tmp_path: Path, full: list[int]) -> None:
    file = TraceFile(tmp_path / "file", most_bytes=2**40, on_full=full.append)
    os.dup2(device := os.open("/dev/full", os.O_WRONLY), file._descriptor)
    os.close(device)
    with pytest.raises(OSError, match="No space"):
        file.write({"a": 1})
    assert not file.write({"a": 2})
    assert full == []


def test_where_the_file_is(tmp_path: Path) -> None:
    def where(wanted: str) -> Path:
        return path_of(wanted, folder="/folder", name="name")

    assert where("true") == where("1") == Path("/folder/name")
    assert where(str(tmp_path)) == tmp_path / "name"
    assert where(str(tmp_path / "file")) == tmp_path / "file"
