"""Telemetry of real containers: real processes, and a real collector."""

from __future__ import annotations

import json
import signal
import stat
import time
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import container_token
from tests.peer import answer, peer
from tests.telemetry.collector import attributes_of, collector
from tests.telemetry.containers import proxy, run, start

LIST = answer({"data": [{"id": 2, "name": "canary-name"}], "links": {}})
KINDS = {1: "INTERNAL", 3: "CLIENT"}
OWN = {
    "v6client.collaboration.id": 1,
    "v6client.organization.id": 2,
    "v6client.node.id": 3,
}


def test_everything_is_exported_when_the_container_ends(tmp_path: Path) -> None:
    with collector() as backend, proxy(LIST) as server:
        ended = run(
            tmp_path,
            "organizations",
            port=server.port,
            OTEL_EXPORTER_OTLP_ENDPOINT=backend.endpoint,
            OTEL_EXPORTER_OTLP_HEADERS="api-key=abc",
            OTEL_SERVICE_NAME="my algorithm",
            V6CLIENT_EXPORT_LOGS="1",
        )
    assert (ended.status, ended.output, ended.errors) == (0, "[2]", "")
    assert {one.get("api-key") for one in backend.headers} == {"abc"}
    # One trace: the algorithm, the operation, the attempt.
    spans = {one.name: one for one in backend.spans()}
    assert {name: KINDS[one.kind] for name, one in spans.items()} == {
        "algorithm": "INTERNAL",
        "organization.list": "INTERNAL",
        "GET /organization": "CLIENT",
    }
    algorithm = spans["algorithm"]
    assert {one.trace_id for one in spans.values()} == {algorithm.trace_id}
    assert spans["organization.list"].parent_span_id == algorithm.span_id
    assert spans["GET /organization"].parent_span_id == spans["organization.list"].span_id
    assert attributes_of(algorithm) == {
        "v6client.task.id": 7,
        "v6client.organization.id": 2,
        "v6client.node.id": 3,
    }
    # Metrics are deltas: sums of what happened, which add up over containers.
    metrics = {one.name: one for one in backend.metrics()}
    [point] = metrics["http.client.request.duration"].histogram.data_points
    assert (
        point.count,
        metrics["http.client.request.duration"].histogram.aggregation_temporality,
    ) == (1, 1)
    # Logs are the lines on standard output.
    logs = backend.logs()
    assert [one.body.string_value for one in logs] == ["run.started", "run.finished"]
    assert attributes_of(logs[0])["task_id"] == 7
    assert logs[0].severity_text == "INFO"
    # Who it is.
    for signal_ in ("traces", "metrics", "logs"):
        [resource] = backend.resources(signal_)
        assert resource.items() >= {**OWN, "service.name": "my algorithm"}.items()
        assert ("v6client.task.id" in resource) == (signal_ != "metrics")
    assert b"canary" not in backend.raw
    assert container_token().encode() not in backend.raw


def test_no_canary_leaves_a_container(tmp_path: Path) -> None:
    algorithm = """
from v6client import RequestError, algorithm_client

@algorithm_client
def canaries(client, given):
    names = [one["name"] for one in client.organization.list()]
    for attempt in (
        lambda: client.request("canary-path/5", params={"canary": "canary"}),
        lambda: client.task.create({"method": "canary-method"}, [2], name="canary-name"),
        lambda: client.wait_for_results(8),
    ):
        try:
            attempt()
        except RequestError:
            pass
    raise ValueError(f"canary {given} {names}")
"""
    token = container_token(image="canary-image", databases=[{"label": "canary-label"}])
    with collector() as backend, proxy(LIST, *[answer({"msg": "canary-body"}, 400)] * 9) as server:
        ended = run(
            tmp_path,
            "canaries",
            "canary-input",
            port=server.port,
            algorithm=algorithm,
            token=token,
            OTEL_EXPORTER_OTLP_ENDPOINT=backend.endpoint,
            V6CLIENT_EXPORT_LOGS="1",
            V6CLIENT_LOG_LEVEL="DEBUG",
            V6CLIENT_TRACE_FILE=str(tmp_path / "file"),
        )
    assert ended.status == 1
    assert "ValueError: canary canary-input" in ended.errors  # as upstream does, and there alone
    names = {one.name for one in backend.spans()}
    assert {"GET /{segment}/{id}", "POST /task", "task.wait", "algorithm"} <= names
    assert len(backend.logs()) > 5
    for text in (backend.raw.decode("latin-1"), ended.log, (tmp_path / "file").read_text()):
        assert "canary" not in text
        assert token not in text


def test_log_lines_say_whose_container_it_is_and_of_which_trace(tmp_path: Path) -> None:
    with collector() as backend, proxy(LIST) as server:
        ended = run(
            tmp_path,
            "organizations",
            port=server.port,
            OTEL_EXPORTER_OTLP_ENDPOINT=backend.endpoint,
            V6CLIENT_LOG_LEVEL="debug",
            OTEL_LOGS_EXPORTER="otlp",
        )
    [attempt] = ended.named("request.attempt")
    [span] = [one for one in backend.spans() if one.name == "GET /organization"]
    assert attempt["trace_id"] == span.trace_id.hex()
    assert attempt["run_task_id"] == 7
    assert attempt["run_organization_id"] == 2
    assert attempt["status_code"] == 200
    assert attempt["level"] == "debug"
    [record] = [one for one in backend.logs() if one.body.string_value == "request.attempt"]
    assert (record.trace_id, record.span_id) == (span.trace_id, span.span_id)
    assert record.severity_text == "DEBUG"
    assert attributes_of(record).items() >= {"template": "/organization", "attempt": 1}.items()


def test_without_variables_nothing_is_exported(tmp_path: Path) -> None:
    before = set(tmp_path.iterdir())
    ended = run(tmp_path, "add", 1)
    assert [one["event"] for one in ended.events] == ["run.started", "run.finished"]
    made = {one.name for one in set(tmp_path.iterdir()) - before}
    assert made <= {"my_algorithm.py", "input", "token", "output", "__pycache__"}


@pytest.mark.parametrize(
    "variables",
    [
        {"OTEL_SDK_DISABLED": "true"},
        {"OTEL_TRACES_EXPORTER": "none", "OTEL_METRICS_EXPORTER": "none"},
    ],
)
def test_what_is_switched_off_is_not_exported(tmp_path: Path, variables: dict[str, str]) -> None:
    with collector() as backend:
        ended = run(
            tmp_path,
            "add",
            1,
            OTEL_EXPORTER_OTLP_ENDPOINT=backend.endpoint,
            V6CLIENT_TRACE_FILE=str(tmp_path / "file"),
            **variables,
        )
    assert ended.output == "2"
    assert backend.bodies == {}
    assert not (tmp_path / "file").exists()
    assert not ended.named("telemetry.unavailable")


def test_a_sampler_is_obeyed(tmp_path: Path) -> None:
    with collector() as backend:
        run(
            tmp_path,
            "add",
            1,
            OTEL_EXPORTER_OTLP_TRACES_ENDPOINT=f"{backend.endpoint}/v1/traces",
            OTEL_TRACES_SAMPLER="traceidratio",
            OTEL_TRACES_SAMPLER_ARG="0",
        )
    assert backend.bodies == {}


def test_one_signal_may_have_an_endpoint_of_its_own(tmp_path: Path) -> None:
    with collector() as backend:
        run(
            tmp_path,
            "add",
            1,
            OTEL_EXPORTER_OTLP_TRACES_ENDPOINT=f"{backend.endpoint}/v1/traces",
        )
    assert backend.bodies.keys() == {"/v1/traces"}


@pytest.mark.parametrize(
    ("variables", "reason"),
    [
        (
            {"OTEL_EXPORTER_OTLP_PROTOCOL": "grpc"},
            "set OTEL_EXPORTER_OTLP_PROTOCOL to http/protobuf",
        ),
        ({"OTEL_TRACES_EXPORTER": "zipkin"}, "a variable has a value that is not allowed"),
        ({"V6CLIENT_TRACE_FILE": "/no/such/folder/file"}, "the trace file cannot be made"),
        ({"V6CLIENT_FLUSH_SECONDS": "soon"}, "a variable has a value that is not allowed"),
    ],
)
def test_what_cannot_be_done_is_told_once(
    tmp_path: Path, variables: dict[str, str], reason: str
) -> None:
    with collector() as backend:
        ended = run(tmp_path, "add", 1, OTEL_EXPORTER_OTLP_ENDPOINT=backend.endpoint, **variables)
    assert (ended.status, ended.output, ended.errors) == (0, "2", "")
    # There is no proxy here.
    unread = "the job's trace could not be read"
    [told] = [one for one in ended.named("telemetry.unavailable") if one["reason"] != unread]
    assert (told["reason"], told["level"]) == (reason, "warning")
    assert told.get("variable") in {None, *variables}
    assert "soon" not in ended.log


def test_without_the_extra_it_is_told_what_to_install(tmp_path: Path) -> None:
    # A module of that name that is none, before the real one on the path.
    (tmp_path / "sitecustomize.py").write_text(
        "import sys; sys.modules['opentelemetry.exporter'] = None"
    )
    ended = run(
        tmp_path,
        "add",
        1,
        OTEL_EXPORTER_OTLP_ENDPOINT="http://127.0.0.1:1",
        plain={"PYTHONPATH": str(tmp_path)},
    )
    assert (ended.status, ended.output, ended.errors) == (0, "2", "")
    [told] = ended.named("telemetry.unavailable")
    assert told["reason"] == "install v6client[otlp] in the image"


def test_a_node_without_a_collector_gets_a_file(tmp_path: Path) -> None:
    with proxy(LIST) as server:
        ended = run(
            tmp_path,
            "organizations",
            port=server.port,
            V6CLIENT_TRACE_FILE="true",
            V6CLIENT_EXPORT_LOGS="true",
        )
    assert ended.status == 0
    [file] = tmp_path.glob("v6client-*.otlp.jsonl")
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    text = file.read_text()
    kinds = {next(iter(json.loads(line))) for line in text.splitlines()}
    assert kinds == {"resourceSpans", "resourceMetrics", "resourceLogs"}
    assert "canary" not in text
    assert container_token() not in text


def test_a_file_that_is_full_is_told(tmp_path: Path) -> None:
    path = tmp_path / "file"
    ended = run(
        tmp_path,
        "many",
        algorithm=FOREIGN,
        V6CLIENT_TRACE_FILE=str(path),
        V6CLIENT_TRACE_FILE_BYTES="4096",
        V6CLIENT_EXPORT_LOGS="1",
    )
    assert ended.status == 0
    [told] = ended.named("telemetry.file_full")
    assert told["bytes"] == path.stat().st_size <= 4096


FOREIGN = """
import logging, os
from opentelemetry import metrics, trace

def spans():
    with trace.get_tracer("other", attributes={"a": "canary"}).start_as_current_span("canary"):
        metrics.get_meter("other").create_counter("canary").add(1)
    return trace.get_current_span().get_span_context().is_valid

def many():
    from v6client.telemetry import spans
    for _ in range(20):
        with spans.operation("task.get", {}):
            pass

def disguised():
    tracer = trace.get_tracer("v6client")
    with tracer.start_as_current_span("canary", attributes={"v6client.task.id": 5}):
        with tracer.start_as_current_span("task.get", attributes={"canary": "canary"}) as span:
            span.set_attribute("error.type", "a canary")
            span.record_exception(ValueError("canary"))
"""


@pytest.mark.parametrize("method", ["spans", "disguised"])
def test_nothing_of_others_is_exported(tmp_path: Path, method: str) -> None:
    with collector() as backend:
        ended = run(
            tmp_path,
            method,
            algorithm=FOREIGN,
            OTEL_EXPORTER_OTLP_ENDPOINT=backend.endpoint,
            OTEL_RESOURCE_ATTRIBUTES="host.name=canary,service.namespace=hospital",
            V6CLIENT_TRACE_FILE=str(tmp_path / "file"),
        )
    assert ended.status == 0
    assert b"canary" not in backend.raw
    assert "canary" not in (tmp_path / "file").read_text()
    assert [one.name for one in backend.spans()] == ["algorithm"]
    [resource] = backend.resources("traces")
    assert resource["service.namespace"] == "hospital"


def test_what_others_emit_is_exported_where_it_is_asked_for(tmp_path: Path) -> None:
    with collector() as backend:
        ended = run(
            tmp_path,
            "spans",
            algorithm=FOREIGN,
            OTEL_EXPORTER_OTLP_ENDPOINT=backend.endpoint,
            OTEL_RESOURCE_ATTRIBUTES="host.name=asked",
            V6CLIENT_EXPORT_FOREIGN="1",
        )
    spans = {one.name: one for one in backend.spans()}
    assert spans.keys() == {"algorithm", "canary"}
    assert spans["canary"].parent_span_id == spans["algorithm"].span_id
    assert "canary" in {one.name for one in backend.metrics()}
    assert backend.resources("traces")[0]["host.name"] == "asked"
    assert ended.output == "true"


PROVIDER = """
import sys
from opentelemetry import trace
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import ConsoleSpanExporter, SimpleSpanProcessor
from v6client import algorithm_client
from v6client.telemetry import bootstrap

def set_it():
    provider = TracerProvider()
    out = ConsoleSpanExporter(out=sys.stderr, formatter=lambda span: f"{span.name}\\n")
    provider.add_span_processor(SimpleSpanProcessor(out))
    trace.set_tracer_provider(provider)

before = bootstrap.owns_provider()
WHEN

@algorithm_client
def organizations(client):
    if trace.get_tracer_provider().__class__ is not TracerProvider:
        set_it()
    client.organization.list()
    return [before, bootstrap.owns_provider(), bootstrap.is_exporting()]
"""


@pytest.mark.parametrize("when", ["set_it()", ""], ids=["on import", "in the algorithm"])
def test_a_provider_of_the_application_is_used_instead(tmp_path: Path, when: str) -> None:
    with collector() as backend, proxy(LIST) as server:
        ended = run(
            tmp_path,
            "organizations",
            port=server.port,
            algorithm=PROVIDER.replace("WHEN", when),
            OTEL_EXPORTER_OTLP_TRACES_ENDPOINT=f"{backend.endpoint}/v1/traces",
        )
    assert ended.output == "[true, false, true]"
    assert ended.errors.split("\n")[:2] == ["GET /organization", "organization.list"]
    # The span that was open when it was set is ours still.
    assert [one.name for one in backend.spans()] == ([] if when else ["algorithm"])


def test_a_childs_telemetry_is_dropped(tmp_path: Path) -> None:
    # A fork has its parent's: it would leave twice.
    algorithm = """
import os
from v6client.telemetry import metrics, spans, bootstrap

def fork():
    metrics.record_payload("sent", 1)
    with spans.operation("task.get", {}):
        pass
    pid = os.fork()
    if pid == 0:
        with spans.operation("study.get", {}):
            metrics.record_payload("received", 1)
        bootstrap.stop()
        os._exit(int(bootstrap.owns_provider()))
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
"""
    with collector() as backend:
        ended = run(
            tmp_path, "fork", algorithm=algorithm, OTEL_EXPORTER_OTLP_ENDPOINT=backend.endpoint
        )
    assert ended.output == "0"
    assert sorted(one.name for one in backend.spans()) == ["algorithm", "task.get"]
    points = [point for one in backend.metrics() for point in one.histogram.data_points]
    assert [point.sum for point in points] == [1]


def error_type_of(backend: Any) -> str:
    [span] = [one for one in backend.spans() if one.name == "algorithm"]
    assert span.status.code == 2
    assert not span.status.message
    assert not span.events
    return str(attributes_of(span)["error.type"])


@pytest.mark.parametrize(("method", "error"), [("crash", "ValueError"), ("leave", "SystemExit")])
def test_an_algorithm_that_fails_is_exported(tmp_path: Path, method: str, error: str) -> None:
    with collector() as backend:
        ended = run(tmp_path, method, OTEL_EXPORTER_OTLP_ENDPOINT=backend.endpoint)
    assert ended.status == 1
    assert error_type_of(backend) == error
    assert b"canary" not in backend.raw


@pytest.mark.parametrize(
    ("number", "error", "status"),
    [(signal.SIGTERM, "Terminated", 143), (signal.SIGINT, "KeyboardInterrupt", 130)],
)
def test_a_signal_is_a_clean_end(
    tmp_path: Path, number: signal.Signals, error: str, status: int
) -> None:
    with collector() as backend:
        container = start(tmp_path, "sleep", 50, OTEL_EXPORTER_OTLP_ENDPOINT=backend.endpoint)
        container.wait_until_ready()
        container.process.send_signal(number)
        ended = container.ended()
    assert (ended.status, ended.output, ended.errors) == (status, "", "")
    assert ended.events[-1]["event"] == "run.failed"
    assert ended.events[-1]["error_type"] == error
    assert ended.events[-1]["task_id"] == 7
    assert error_type_of(backend) == error


def test_a_pools_workers_end_as_without_us(tmp_path: Path) -> None:
    # Their end is a SIGTERM, too.
    algorithm = """
import multiprocessing

def pool():
    with multiprocessing.get_context("fork").Pool(2) as pool:
        return sum(pool.map(abs, [-1, -2]))
"""
    ended = run(tmp_path, "pool", algorithm=algorithm)
    assert (ended.status, ended.output, ended.errors) == (0, "3", "")
    assert [one["event"] for one in ended.events] == ["run.started", "run.finished"]


def test_a_container_ends_though_its_threads_go_on(tmp_path: Path) -> None:
    # The pool's end waits for its threads, and keeps what was raised.
    with collector() as backend:
        container = start(
            tmp_path, "sleep_in_threads", 50, OTEL_EXPORTER_OTLP_ENDPOINT=backend.endpoint
        )
        container.wait_until_ready()
        container.process.send_signal(signal.SIGTERM)
        ended = container.ended()
    assert ended.status == 143
    assert ended.events[-1]["error_type"] == "Terminated"
    assert "/v1/traces" not in backend.bodies  # its span has not ended


def test_a_header_that_is_written_wrongly_is_not_printed(tmp_path: Path) -> None:
    with collector() as backend:
        ended = run(
            tmp_path,
            "add",
            1,
            OTEL_EXPORTER_OTLP_ENDPOINT=backend.endpoint,
            OTEL_EXPORTER_OTLP_HEADERS="Authorization: Bearer canary-secret",
        )
    assert (ended.status, ended.output) == (0, "2")
    assert "canary" not in ended.log + ended.errors


@pytest.mark.parametrize("name", ["sdk_tracer_provider", "no_such_provider"])
def test_a_provider_by_a_variable_fails_no_algorithm(tmp_path: Path, name: str) -> None:
    variable = "OTEL_PYTHON_TRACER_PROVIDER"
    with collector() as backend, proxy() as server:
        more = {variable: name, "OTEL_EXPORTER_OTLP_ENDPOINT": backend.endpoint}
        ended = run(tmp_path, "add", 1, port=server.port, **more)
    assert (ended.status, ended.output, ended.errors) == (0, "2", "")
    [told] = ended.named("telemetry.unavailable")
    assert told["variable"] == variable
    assert {span.name for span in backend.spans()} == {"algorithm"}


LOGGING = """
import logging, logging.config
from v6client import algorithm_client

class Raises(logging.Handler):
    def emit(self, record):
        raise OSError("canary")

def configures():
    logging.config.dictConfig({"version": 1})
    return 1

def raises():
    logging.getLogger("v6client").addHandler(Raises())
    return 1
"""


@pytest.mark.parametrize("method", ["configures", "raises"])
def test_what_an_algorithm_does_to_logging_costs_neither_lines_nor_results(
    tmp_path: Path, method: str
) -> None:
    with collector() as backend, proxy() as server:
        ended = run(
            tmp_path,
            method,
            port=server.port,
            algorithm=LOGGING,
            OTEL_EXPORTER_OTLP_ENDPOINT=backend.endpoint,
            V6CLIENT_EXPORT_LOGS="1",
        )
    assert (ended.status, ended.output) == (0, "1")
    assert len(ended.named("run.finished")) == 1
    assert len(backend.logs()) == 2


def test_sigterm_while_the_trace_is_asked_for_is_told(tmp_path: Path) -> None:
    with collector() as backend, peer() as server:
        server.by_request = lambda _: server.hang
        container = start(
            tmp_path,
            "add",
            1,
            port=server.port,
            OTEL_EXPORTER_OTLP_ENDPOINT=backend.endpoint,
        )
        deadline = time.monotonic() + 30
        while not server.received and time.monotonic() < deadline:
            time.sleep(0.01)
        container.process.send_signal(signal.SIGTERM)
        ended = container.ended()
    assert ended.status == 143
    assert [one["error_type"] for one in ended.named("run.failed")] == ["Terminated"]
