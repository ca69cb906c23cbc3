"""A collector on a real socket: it decodes OTLP over http/protobuf, or behaves badly."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Literal

from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import (
    ExportMetricsServiceRequest,
)
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

Manner = Literal["well", "silent", "failing", "slow"]

_LONG = 60.0
_SLOW = 1.0


class Collector(ThreadingHTTPServer):
    """Keeps what it is sent."""

    daemon_threads = True

    def __init__(self, manner: Manner) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.manner = manner
        self.closing = threading.Event()
        self.bodies: dict[str, list[bytes]] = {}
        self.headers: list[dict[str, str]] = []

    @property
    def endpoint(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}"

    @property
    def raw(self) -> bytes:
        return b"".join(body for bodies in self.bodies.values() for body in bodies)

    def spans(self) -> list[Any]:
        """Give all spans."""
        return [
            span
            for body in self.bodies.get("/v1/traces", [])
            for of_resource in ExportTraceServiceRequest.FromString(body).resource_spans
            for scope in of_resource.scope_spans
            for span in scope.spans
        ]

    def metrics(self) -> list[Any]:
        """Give all metrics, as many times as they were exported."""
        return [
            metric
            for body in self.bodies.get("/v1/metrics", [])
            for of_resource in ExportMetricsServiceRequest.FromString(body).resource_metrics
            for scope in of_resource.scope_metrics
            for metric in scope.metrics
        ]

    def logs(self) -> list[Any]:
        """Give all log records."""
        return [
            record
            for body in self.bodies.get("/v1/logs", [])
            for of_resource in ExportLogsServiceRequest.FromString(body).resource_logs
            for scope in of_resource.scope_logs
            for record in scope.log_records
        ]

    def resources(self, signal: str) -> list[dict[str, Any]]:
        """Give the resource of each export of traces, metrics or logs."""
        kinds: dict[str, Any] = {
            "traces": ExportTraceServiceRequest,
            "metrics": ExportMetricsServiceRequest,
            "logs": ExportLogsServiceRequest,
        }
        name = {"traces": "spans"}.get(signal, signal)
        return [
            attributes_of(of_resource.resource)
            for body in self.bodies.get(f"/v1/{signal}", [])
            for of_resource in getattr(kinds[signal].FromString(body), f"resource_{name}")
        ]


class _Handler(BaseHTTPRequestHandler):
    server: Collector

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        if self.server.manner == "silent":
            self.server.closing.wait(_LONG)
            return
        if self.server.manner == "slow":
            time.sleep(_SLOW)
        if self.server.manner == "failing":
            self.send_response(500)
        else:
            self.server.headers.append(dict(self.headers))
            self.server.bodies.setdefault(self.path, []).append(body)
            self.send_response(200)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_args: object) -> None:
        """Say nothing."""


@contextmanager
def collector(manner: Manner = "well") -> Iterator[Collector]:
    """Serve one."""
    server = Collector(manner)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    try:
        yield server
    finally:
        server.closing.set()
        server.shutdown()
        server.server_close()
        thread.join()


def attributes_of(has_attributes: Any) -> dict[str, Any]:
    """Give the attributes of a message as plain values."""
    return {
        one.key: getattr(one.value, one.value.WhichOneof("value"))
        for one in has_attributes.attributes
    }
