"""``v6client.telemetry.configure``: telemetry of a process that is no container."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import pytest

from tests.telemetry.collector import collector

SCRIPT = """
import atexit, logging, sys
from v6client import telemetry
BEFORE
telemetry.configure()
telemetry.configure()
from v6client.telemetry import bootstrap, metrics, spans
assert bootstrap.owns_provider()
with spans.operation("task.get", {}):
    metrics.record_payload("sent", 5)
    from v6client.telemetry import logs, schema
    logs.emit(schema.DESCRIPTION_CUT, characters=5)
END
"""


def ended(
    endpoint: str, *, before: str = "", end: str = "", **more: str
) -> subprocess.CompletedProcess[str]:
    return subprocess.run(  # noqa: S603 - our own Python
        [sys.executable, "-c", SCRIPT.replace("BEFORE", before).replace("END", end)],
        env={**os.environ, "OTEL_EXPORTER_OTLP_ENDPOINT": endpoint, **more},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


@pytest.mark.parametrize(
    ("end", "status"), [("", 0), ("sys.exit(3)", 3), ("raise ValueError('x')", 1)]
)
def test_what_is_left_is_exported_at_the_end(end: str, status: int) -> None:
    with collector() as backend:
        process = ended(backend.endpoint, end=end)
    assert process.returncode == status
    assert [one.name for one in backend.spans()] == ["task.get"]
    assert [one.name for one in backend.metrics()] == ["v6client.payload.size"]
    [resource] = backend.resources("traces")
    assert not any(key.startswith("v6client.") for key in resource)
    [line] = process.stdout.splitlines()
    assert json.loads(line)["event"] == "task.description_cut"


def test_a_silent_collector_does_not_keep_the_process() -> None:
    with collector("silent") as backend:
        process = ended(backend.endpoint, V6CLIENT_FLUSH_SECONDS="0.2")
    assert (process.returncode, process.stderr) == (0, "")
    assert json.loads(process.stdout.splitlines()[-1])["event"] == "telemetry.lost"


def test_handlers_of_the_application_stay() -> None:
    with collector() as backend:
        process = ended(backend.endpoint, before="logging.basicConfig(format='mine %(message)s')")
    assert process.stdout == ""
    assert process.stderr.startswith("mine task.description_cut characters=5 trace_id=")


def test_without_it_nothing_is_configured_and_the_sdk_not_imported() -> None:
    script = """
import logging, sys
import v6client
from opentelemetry import trace
assert not logging.getLogger("v6client").handlers
assert isinstance(trace.get_tracer_provider(), trace.ProxyTracerProvider)
sys.exit(any(name.startswith("opentelemetry.sdk") for name in sys.modules))
"""
    environ = {**os.environ, "OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:1"}
    process = subprocess.run(  # noqa: S603 - our own Python
        [sys.executable, "-c", script], env=environ, capture_output=True, timeout=60, check=False
    )
    assert process.returncode == 0, process.stderr
