"""The fault matrix: every operation under every fault, once, three times and for ever."""

from __future__ import annotations

import logging
import pickle
import threading
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final
from unittest import mock

from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader, MetricsData
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor, SpanExporter, SpanExportResult

from tests.faults.faults import FAULTS, Fault, Kind
from tests.faults.network import TOKEN, leaks
from tests.faults.operations import OPERATIONS, WAIT_SECONDS, Operation, Part
from tests.faults.rules import TIMES, VALUE, expected
from tests.faults.server import FaultServer, fault_server, refused
from v6client import AlgorithmClient, RequestError, Settings
from v6client.tasks import adoption
from v6client.telemetry import barrier, metrics, spans
from v6client.telemetry.exporters import FileMetricExporter, FileSpanExporter
from v6client.telemetry.trace_file import TraceFile

# Times that no machine needs: what is over by itself is over long before.
QUICK: Final = Settings(
    connect_timeout=5,
    read_timeout=5,
    post_read_timeout=5,
    request_deadline=5,
    create_deadline=10,
    outage_budget=0.5,
    first_contact_budget=0.5,
    backoff_base=0.001,
    backoff_cap=0.003,
    retry_budget=20,
    page_size=2,
)
# For faults that are only over when a time is: three read timeouts fit into a deadline.
SLOW: Final = replace(
    QUICK,
    read_timeout=0.3,
    post_read_timeout=0.3,
    request_deadline=2.4,
    create_deadline=8,
    retry_budget=1000,
)
# For answers that go on for ever: the time between bytes is never up, however busy the machine.
ENDLESS: Final = replace(SLOW, create_deadline=2.4, read_timeout=20, post_read_timeout=20)
_SETTINGS: Final = {Kind.STALLED: SLOW, Kind.DRIPPING: ENDLESS}
_MARGIN: Final = 1.0
_MOST_POSTS: Final = 4
# After these nothing was created, and that is certain.
_NO_DOUBT: Final = frozenset({Kind.REFUSED, Kind.NEVER_SENT})
_SETTLE_WINDOW: Final = (0.05, 0.1, 0.2)


@dataclass(frozen=True)
class Trial:
    """One cell of the matrix, and one of its three."""

    operation: Operation
    fault: Fault
    times: int | None
    expected: str

    def __str__(self) -> str:
        """Name it."""
        often = {1: "once", 3: "three times", None: "for ever"}[self.times]
        return f"{self.operation.name} | {self.fault.name} | {often}"

    @property
    def settings(self) -> Settings:
        """The settings that it needs."""
        return _SETTINGS.get(self.fault.kind, QUICK)

    @property
    def longest(self) -> float:
        """The seconds after which it counts as hung."""
        deadline = max(self.settings.request_deadline, self.settings.create_deadline)
        waits = WAIT_SECONDS if self.operation.method == "wait_for_results" else 0.0
        return 2 * (self.operation.longest * deadline + waits) + _MARGIN


@dataclass(frozen=True)
class Report:
    """What came of a trial."""

    trial: Trial
    outcome: str
    value: Any
    error: BaseException | None
    elapsed: float
    server: FaultServer
    leaked: tuple[str, ...]


def trials() -> list[Trial]:
    """Generate all trials."""
    return [
        Trial(operation, fault, times, outcome)
        for operation in OPERATIONS
        for fault in FAULTS
        for times, outcome in zip(TIMES, expected(operation, fault) or (), strict=False)
    ]


def run(wanted: Sequence[Trial]) -> list[Report]:
    """Carry out trials, each with a server of its own: many at once where they mostly sleep."""
    with (
        _watched() as watch,
        mock.patch.object(adoption, "SETTLE_WINDOW", _SETTLE_WINDOW),
        ThreadPoolExecutor(40) as sleepers,
        ThreadPoolExecutor(8) as workers,
    ):
        started = [
            (sleepers if _mostly_sleeps(one) else workers).submit(_carry_out, one, watch)
            for one in wanted
        ]
        return [one.result() for one in started]


def _mostly_sleeps(trial: Trial) -> bool:
    return trial.fault.is_slow or trial.expected == "TaskTimeout"


def _carry_out(trial: Trial, watch: _Watch) -> Report:
    fault, operation = trial.fault, trial.operation
    server = FaultServer(
        fault.act,
        trial.times,
        operation.wanted,
        also_others=fault.kind is Kind.AWAY,
        after=operation.after,
        before=operation.before,
    )
    with fault_server(server), watch.of_this_thread(server) as leaked:
        client = AlgorithmClient(
            TOKEN, "http://127.0.0.1", server.port, "", settings=trial.settings
        )
        started = time.monotonic()
        value, error = None, None
        try:
            value = operation.call(client)
        except BaseException as raised:  # noqa: BLE001 - whatever it is, it is the outcome
            # Its traceback holds the client, and so a socket, as long as the report is kept.
            error = raised.with_traceback(None)
        finally:
            client.close()
        elapsed = time.monotonic() - started
        if error is not None:
            leaked += [f"error: {text}" for text in shown_by(error) if leaks(text)]
    outcome = VALUE if error is None else type(error).__name__
    return Report(trial, outcome, value, error, elapsed, server, tuple(leaked))


def shown_by(error: BaseException) -> Iterator[str]:
    """Give every text that an error can show, its results apart."""
    facts = {name: value for name, value in vars(error).items() if name != "results"}
    yield from (str(error), repr(error), repr(error.args), repr(facts))
    if not getattr(error, "results", None):
        yield pickle.dumps(error, 0).decode("latin-1")
    for other in (error.__cause__, error.__context__):
        if other is not None:
            yield from shown_by(other)


class _Watch(logging.Handler, SpanExporter):
    """Reads all log lines and spans; tells a trial's server what the wire cannot.

    Parameters
    ----------
    file
        Where the spans are written to as well, as a container without a collector does.
    """

    def __init__(self, file: TraceFile) -> None:
        logging.Handler.__init__(self)
        self._thread = threading.local()
        self._file = FileSpanExporter(file)
        self.leaked_spans: list[str] = []

    @contextmanager
    def of_this_thread(self, server: FaultServer) -> Iterator[list[str]]:
        self._thread.server, self._thread.leaked = server, []
        try:
            yield self._thread.leaked
        finally:
            del self._thread.server, self._thread.leaked

    def emit(self, record: logging.LogRecord) -> None:
        text = f"{record.getMessage()} {vars(record)}"
        fields = vars(record).get("v6client", {})
        if leaks(text):
            self._thread.leaked.append(f"log: {text}")
        server: FaultServer = self._thread.server
        is_refused = fields.get("error_type") == "connection_refused"
        if server.act is refused and is_refused and fields["event"] == "request.attempt":
            server.was_refused()

    def export(self, exported: Sequence[ReadableSpan]) -> SpanExportResult:
        for span in exported:
            events = [f"{one.name}{dict(one.attributes or {})}" for one in span.events]
            text = f"{span.name}{dict(span.attributes or {})}{events}{span.status.description}"
            leaked = getattr(self._thread, "leaked", self.leaked_spans)
            if leaks(text):
                leaked.append(f"span: {text}")
            checked = barrier.checked_spans([span])
            if [one.attributes for one in checked] != [span.attributes]:
                leaked.append(f"span that the schema does not know: {text}")
        return self._file.export(exported)


@contextmanager
def _watched() -> Iterator[_Watch]:
    """Watch logs, spans and metrics, without a provider for the whole process."""
    with TemporaryDirectory() as folder:
        file = TraceFile(Path(folder) / "file", most_bytes=2**30, on_full=print)
        with _watched_into(file) as watch:
            yield watch
        written = file.path.read_text("utf-8")
        assert not leaks(written)
        assert '"resourceSpans"' in written
        assert '"name":"http.client.request.duration"' in written


@contextmanager
def _watched_into(file: TraceFile) -> Iterator[_Watch]:
    watch, reader = _Watch(file), InMemoryMetricReader()
    provider = TracerProvider(shutdown_on_exit=False)
    provider.add_span_processor(SimpleSpanProcessor(watch))
    meter = MeterProvider([reader], shutdown_on_exit=False).get_meter("v6client")
    logger = logging.getLogger("v6client")
    level, propagates = logger.level, logger.propagate
    logger.addHandler(watch)
    logger.setLevel(logging.DEBUG)
    logger.propagate = False
    try:
        with (
            mock.patch.object(spans.place, "api", provider.get_tracer("v6client")),
            mock.patch.object(metrics.place, "api", metrics.Instruments(meter)),
        ):
            yield watch
    finally:
        logger.removeHandler(watch)
        logger.setLevel(level)
        logger.propagate = propagates
    measured = reader.get_metrics_data()
    assert measured is not None
    assert not leaks(str(measured))
    # The barrier finds nothing to take away.
    checked = barrier.checked_metrics(measured)
    assert points_of(checked) == points_of(measured)
    FileMetricExporter(file).export(checked)
    assert not watch.leaked_spans


def points_of(data: MetricsData) -> dict[str, int]:
    """Count the data points of each metric."""
    return {
        metric.name: len(metric.data.data_points)
        for of_resource in data.resource_metrics
        for scope in of_resource.scope_metrics
        for metric in scope.metrics
    }


def wrong(report: Report) -> str | None:
    """Say what is wrong with what came of a trial; ``None`` where nothing is."""
    trial = report.trial
    if report.outcome != trial.expected:
        found = f" ({report.error!r})" if report.error else f" ({report.value!r})"
        return f"{report.outcome} instead of {trial.expected}{found}"
    if report.elapsed > trial.longest:
        return f"took {report.elapsed:.1f} s, more than {trial.longest:.1f} s"
    if report.leaked:
        return f"shows what it must not: {report.leaked}"
    return _wrong_value(report) or _wrong_effect(report)


def _wrong_value(report: Report) -> str | None:
    wanted = report.trial.operation.value
    if report.outcome == VALUE:
        right = report.server.network.created if wanted is None else [wanted]
        return None if report.value in right else f"a wrong value: {report.value!r}"
    error = report.error
    if error is None or error.__context__ or error.__cause__:
        return "an error with a context"
    return None


def _wrong_effect(report: Report) -> str | None:
    """Say what is wrong with what there is at the server afterwards."""
    trial, server = report.trial, report.server
    tasks, written = len(server.network.created), server.network.written
    made_by_one = max(1, trial.fault.carried_out)
    if tasks > server.posts * made_by_one:
        return f"{tasks} tasks after {server.posts} POSTs"
    if server.posts > _MOST_POSTS or written > 1:
        return f"{server.posts} POSTs, {written} other changes"
    if report.outcome == VALUE and trial.operation.value is None and tasks != made_by_one:
        return f"{tasks} tasks"
    leaves_doubt = trial.operation.part in {Part.CREATION, Part.RECONCILIATION} and (
        isinstance(report.error, RequestError) and trial.fault.kind not in _NO_DOUBT
    )
    if leaves_doubt and not getattr(report.error, "key", None):
        return "an error without the key"
    return None
