"""Jobs read from a real sandbox: against its database, against the live trace, into a backend."""

from __future__ import annotations

import json
import sqlite3
import sys
import threading
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from v6client.cli import main
from v6client.cli.trace.assemble import jobs_of
from v6client.cli.trace.job import Job, Run, State
from v6client.cli.trace.otlp import headers_of, send
from v6client.cli.trace.reading import Reading, read_files
from v6client.cli.trace.rebuild import Rebuilt, rebuilt
from v6client.cli.trace.record import Record
from v6client.cli.trace.server import Access, JobReader, reader_for
from v6client.errors import ConfigurationError
from v6client.sandbox import Sandbox
from v6client.sandbox.node.environment import encode
from v6client.server_time import seconds_of

ALGORITHMS = Path(__file__).parent / "algorithms"
IMAGE = "deep_algorithm"
NOW = 4_000_000_000.0


@dataclass
class Ran:
    """A job that has run: what its containers exported, and what the server says."""

    sandbox: Sandbox
    root: int
    job_id: int
    live: Reading
    traces: Path

    @property
    def access(self) -> Access:
        return Access(login=self.sandbox.login_file)

    def rebuilt(self) -> Rebuilt:
        reader = reader_for(self.access, {})
        try:
            return rebuilt(reader.job(self.job_id), now=NOW)
        finally:
            reader.close()

    def database(self, query: str) -> list[tuple[Any, ...]]:
        with closing(sqlite3.connect(self.sandbox.directory / "server.sqlite")) as connection:
            return list(connection.execute(query, (self.job_id,)))


@contextmanager
def ran(
    folder: Path, method: str, *args: object, organizations: int, exporting: bool
) -> Iterator[Ran]:
    traces = folder / "traces"
    traces.mkdir()
    with Sandbox(
        organizations,
        algorithm_env={"V6CLIENT_TRACE_FILE": str(traces)} if exporting else {},
        python_path=[ALGORITHMS],
        entrypoint=[str(ALGORITHMS / "quick.py")],
    ) as sandbox:
        researcher = sandbox.researcher
        # Another job before it, so that ids of jobs, tasks and runs are not the same by chance.
        for _ in range(2):
            other = researcher.create_task(IMAGE, "leaf", organizations=[1, 2])
            researcher.wait(other["id"])
        task = researcher.create_task(IMAGE, method, list(args), organizations=[1])
        researcher.wait(task["id"])
        for one in researcher.tasks(job_id=task["job_id"]):
            researcher.wait(one["id"])
        live = read_files([traces]) if exporting else Reading()
        yield Ran(sandbox, task["id"], task["job_id"], live, traces)


@pytest.fixture(scope="module")
def deep(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Ran]:
    """Three levels, two middle containers, a hundred leaves, one of which crashes at each."""
    folder = tmp_path_factory.mktemp("deep")
    with ran(folder, "central", [2, 3], [1, 2, 3, 4, 5], 9, organizations=5, exporting=True) as job:
        yield job


def shape(job: Job) -> list[tuple[object, ...]]:
    """Give each run with its task, its creator, its state and its times in milliseconds."""
    return sorted(
        (
            run.task.task_id,
            None if run.task.creator is None else run.task.creator.task.task_id,
            None if run.task.creator is None else run.task.creator.organization_id,
            run.organization_id,
        )
        for run in job.all_runs()
    )


def only_job(records: Mapping[tuple[str, str], Record] | list[Record]) -> Job:
    found = records if isinstance(records, list) else list(records.values())
    [job] = jobs_of(found)
    return job


def test_the_rebuilt_job_is_what_the_database_holds(deep: Ran) -> None:
    job = only_job(deep.rebuilt().records)
    rows = deep.database(
        "SELECT run.id, run.task_id, task.parent_id, task.init_org_id, run.organization_id,"
        " run.status, task.created_at, run.started_at, run.finished_at"
        " FROM run JOIN task ON task.id = run.task_id WHERE task.job_id = ?"
    )
    assert len(rows) == 1 + 2 + 2 * (10 * 5 + 1)
    found = {run.run_id: run for run in job.all_runs()}
    assert len(found) == len(rows)
    for run_id, task_id, parent, creator, organization, status, created, started, finished in rows:
        run = found[run_id]
        assert (run.task.task_id, run.organization_id, run.status) == (
            task_id,
            organization,
            status,
        )
        above = run.task.creator
        if parent is None:
            assert above is None
        else:
            assert above is not None
            assert (above.task.task_id, above.organization_id) == (parent, creator)
        for moment, text in ((run.created, created), (run.ended, finished)):
            assert moment == pytest.approx(round((seconds_of(text) or 0) * 1e9), abs=2_000_000)
        assert (run.started is None) == (started is None)
    assert Counter(run.state for run in job.all_runs())[State.FAILED] == 2


def test_the_live_job_is_the_rebuilt_one(deep: Ran) -> None:
    live, again = only_job(deep.live.records), only_job(deep.rebuilt().records)
    assert live.trace_id == again.trace_id

    def of(job: Job) -> dict[tuple[int, int], Run]:
        return {(run.task.task_id, run.organization_id): run for run in job.all_runs()}

    ours, theirs = of(live), of(again)
    # Of the tasks that nobody waited for, and whose containers export nothing, nothing is known.
    unwaited = {who for who in theirs if who not in ours}
    assert len(unwaited) == 2
    for who, run in ours.items():
        other = theirs[who]
        assert run.status == other.status
        # Nobody waited for the first task: its container knows of its algorithm alone.
        if run.task.task_id != deep.root:
            assert (run.started, run.ended) == (other.started, other.ended)
        creators = [one.task.creator for one in (run, other)]
        assert len({one and (one.task.task_id, one.organization_id) for one in creators}) == 1
    assert "2 runs there is no span" in " ".join(live.problems)
    assert again.problems == []


def test_spans_that_both_know_are_the_same_span(deep: Ran) -> None:
    sendable = {(one.trace_id, one.span_id): one for one in deep.rebuilt().sendable}
    runs = [one for one in deep.live.records.values() if one.name == "run"]
    created = [one for one in deep.live.records.values() if one.name == "task.create"]
    assert len(runs) == 2 + 2 * 50
    assert len(created) == 1 + 2 * 11
    for record in runs:
        other = sendable[record.trace_id, record.span_id]
        assert (other.parent_id, other.start, other.began, other.end) == (
            record.parent_id,
            record.start,
            record.began,
            record.end,
        )
        assert other.attributes == record.attributes
        assert (other.task_id, other.organization_id) == (record.task_id, record.organization_id)
        assert other.is_error == record.is_error
    for record in created:
        other = sendable[record.trace_id, record.span_id]
        assert other.whole("v6client.task.id") == record.whole("v6client.task.id")
    # What nobody waited for, and goes on when its creator has ended, is missing for certain.
    missing = {(one.trace_id, one.span_id) for one in deep.rebuilt().missing}
    assert missing == sendable.keys() - deep.live.records.keys()
    assert len(missing) == 2


def test_the_command_shows_it_and_completes_a_backend(
    deep: Ran, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with backend() as (url, bodies):
        options = ["--job", str(deep.job_id), "--login", str(deep.sandbox.login_file)]
        page = tmp_path / "report.html"
        assert main(["trace", *options, "--otlp", url, "--html", str(page)]) == 0
        output, errors = capsys.readouterr()
        assert f"Job of task {deep.root}" in output
        assert "105 runs completed" in output
        assert "crashed" in output
        assert "2 spans of 2 that may be missing taken" in errors
        assert page.stat().st_size < 200_000
        # With the files, the live spans stand, and only what they lack is sent.
        assert main(["trace", str(deep.traces), *options, "--otlp", url]) == 0
        output, errors = capsys.readouterr()
        assert output.count("Job of task") == 1
        assert "2 spans of 2" in errors
        # Told to, it sends all.
        assert main(["trace", *options, "--otlp", url, "--otlp-all"]) == 0
        assert "127 spans of 127" in capsys.readouterr().err
    sent = [
        span
        for body in bodies
        for resource in body["resourceSpans"]
        for scope in resource["scopeSpans"]
        for span in scope["spans"]
    ]
    first = sent[:4]
    assert len({span["spanId"] for span in first}) == 2
    assert {span["kind"] for span in first} == {5}  # CONSUMER
    everything = {span["spanId"] for span in sent[4:]}
    assert len(everything) == len(sent) - 4 == 2 + 2 * 51 + 1 + 2 * 11
    assert {span["traceId"] for span in sent} == {only_job(deep.live.records).trace_id}


def test_a_container_reads_its_job_with_its_own_token(
    deep: Ran, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    with deep.sandbox.open_container(2) as container:
        token = tmp_path / "token"
        token.write_text(container.token)
        variables = {
            "HOST": container.host,
            "PORT": str(container.port),
            "API_PATH": container.path,
            "TOKEN_FILE": str(token),
        }
        for name, value in variables.items():
            monkeypatch.setenv(name, encode(value))
        assert main(["trace", "--job", str(deep.job_id)]) == 0
        assert f"Job of task {deep.root}" in capsys.readouterr().out
        assert main(["trace", "--job", "987"]) == 1
        assert "there is no job 987 that you may see" in capsys.readouterr().err
        for name in variables:
            monkeypatch.delenv(name)
        address = f"{container.host}:{container.port}"
        options = ["--server", address, "--token-file", str(token)]
        assert main(["trace", "--job", str(deep.job_id), *options]) == 0


def test_a_tasks_id_is_answered_with_its_job(deep: Ran, capsys: pytest.CaptureFixture[str]) -> None:
    login = ["--login", str(deep.sandbox.login_file)]
    assert main(["trace", "--job", str(deep.root + 20), *login]) == 1
    said = capsys.readouterr().err
    assert f"task {deep.root + 20} is of job {deep.job_id}" in said


def test_a_password_is_asked_for_and_neither_shown_nor_stored(
    deep: Ran, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    login = json.loads(deep.sandbox.login_file.read_text())
    monkeypatch.setattr(sys.stdin, "isatty", lambda: True, raising=False)
    monkeypatch.setattr("getpass.getpass", lambda *_, **__: login["password"])
    monkeypatch.setenv("HOME", str(tmp_path))
    options = ["--server", deep.sandbox.server_url, "--username", login["username"]]
    assert main(["trace", "--job", str(deep.job_id), *options]) == 0
    output, errors = capsys.readouterr()
    assert login["password"] not in output + errors
    assert list(tmp_path.rglob("*")) == []
    monkeypatch.setattr("getpass.getpass", lambda *_, **__: "canary-password")
    assert main(["trace", "--job", str(deep.job_id), *options]) == 1
    errors = capsys.readouterr().err
    assert "refuses this username with this password" in errors
    assert "canary" not in errors


def test_a_second_factor_is_asked_for_where_the_server_wants_one(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    reader = JobReader("http://127.0.0.1", 1)
    sent: list[Mapping[str, str]] = []
    # What vantage6-server 4.15.2 answers, all with the status 200.
    answers: list[Mapping[str, str]] = [
        {"msg": "Please include your two-factor authentication code"},
        {"access_token": "token"},
        {"qr_uri": "otpauth://canary", "otp_secret": "canary", "msg": "canary"},
    ]

    def request(_: str, **options: Any) -> Mapping[str, str]:
        sent.append(options["json"])
        return answers.pop(0)

    monkeypatch.setattr(reader, "request", request)
    monkeypatch.setattr("v6client.cli.trace.server._asked", lambda _: "123456")
    reader.log_in("me", "secret")
    assert reader.token == "token"  # noqa: S105 - no secret
    assert [one.get("mfa_code") for one in sent] == [None, "123456"]
    with pytest.raises(ConfigurationError, match="not set up") as raised:
        reader.log_in("me", "secret")
    assert "canary" not in str(raised.value)


def test_a_job_without_any_instrumentation_has_a_whole_tree(tmp_path: Path) -> None:
    with ran(tmp_path, "central", [2], [1, 2], 1, organizations=2, exporting=False) as this:
        found = this.rebuilt()
        [job] = jobs_of(found.records)
        assert len(list(job.all_runs())) == 1 + 1 + 2 + 2 + 1
        # All of it is missing in a backend, and it is one tree under one root.
        ids = {one.span_id for one in found.missing}
        assert len(ids) == len(found.missing) == 7
        assert [one.parent_id in ids for one in found.missing].count(False) == 1


def test_a_killed_creators_trace_is_completed(tmp_path: Path) -> None:
    with ran(tmp_path, "dies", [1, 2], organizations=2, exporting=True) as this:
        found = this.rebuilt()
        live = {one.span_id for one in this.live.records.values()}
        sent = {one.span_id for one in found.missing}
        # Both tasks and all four runs: whatever it had exported by then is among them.
        assert Counter(one.name for one in found.missing) == {"run": 4, "task.create": 2}
        [job] = jobs_of([*this.live.records.values(), *found.missing])
        assert len(list(job.all_runs())) == 5
        created = {
            one.span_id for one in this.live.records.values() if one.name in {"run", "task.create"}
        }
        assert created <= sent
        assert len(created) >= 2
        assert not (live - created) & sent


@contextmanager
def backend(status: int = 200, answer: bytes = b"{}") -> Iterator[tuple[str, list[Any]]]:
    bodies: list[Any] = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            bodies.append(json.loads(body))
            self.server.seen.append((self.path, dict(self.headers)))  # type: ignore[attr-defined]
            self.send_response(status)
            self.send_header("Content-Length", str(len(answer)))
            self.end_headers()
            self.wfile.write(answer)

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        server.seen = []  # type: ignore[attr-defined]
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_address[1]}", bodies
        server.shutdown()


RECORD = Record("a" * 32, "b" * 16, "", "run", 1, 2, {"v6client.task.id": 1}, task_id=3)


@pytest.mark.parametrize(("status", "tries"), [(503, 3), (400, 1)])
def test_a_backend_that_refuses_is_told_without_its_words(status: int, tries: int) -> None:
    pauses: list[float] = []
    with backend(status, b"canary-answer") as (url, bodies):
        with pytest.raises(ConfigurationError, match=f"HTTP {status}") as raised:
            send([RECORD], url, {}, sleep=pauses.append)
    assert "canary" not in str(raised.value)
    assert len(bodies) == tries
    assert len(pauses) == tries - 1


def test_what_a_backend_rejects_is_counted() -> None:
    with backend(200, b'{"partialSuccess": {"rejectedSpans": "1"}}') as (url, _):
        assert send([RECORD], url, {}) == 0


def test_a_backend_that_is_not_there_is_told() -> None:
    with pytest.raises(ConfigurationError, match="ConnectionError"):
        send([RECORD], "http://127.0.0.1:1", {}, sleep=lambda _: None)


def test_headers_for_a_backend_are_those_of_the_exporters() -> None:
    found = headers_of({"OTEL_EXPORTER_OTLP_HEADERS": "api-key=a%20b, x = y%0d%0az,bad name=1,q"})
    assert found == {"api-key": "a b", "x": "yz"}


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ([], "or a job"),
        (["--job", "12"], "no algorithm container"),
        (["--server", "http://localhost"], "--server goes with --job"),
        (["--otlp", "http://localhost"], "--otlp goes with --job"),
        (["--job", "1", "--otlp-all"], "--otlp-all goes with --otlp"),
        (["--job", "1", "--login", "a", "--token-file", "b"], "not both"),
        (["--job", "1", "--login", "/no/file"], "cannot be read"),
        (["--job", "1", "--server", "server.example"], "an address such as"),
        (["--job", "1", "--server", "http://[x"], "an address such as"),
        (["--job", "1", "--server", "https://u:secret@h/api"], "without a user"),
        (["--job", "1", "--server", "http://127.0.0.1:1/api"], "no terminal"),
        (["--job", "1", "--token-file", "/etc/hostname", "--server", "http://h"], "token"),
    ],
)
def test_wrong_options_are_explained(
    options: list[str],
    said: str,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(sys.stdin, "isatty", lambda: False, raising=False)
    assert main(["trace", *options]) == 1
    error = capsys.readouterr().err
    assert said in error
    assert "secret" not in error


@pytest.mark.parametrize("text", ["abc", "-1", "1.5", "9" * 40, "²"])
def test_a_job_that_is_no_number_is_explained(
    text: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit):
        main(["trace", f"--job={text}"])
    assert "a job's id is a whole number" in capsys.readouterr().err


def test_a_login_file_that_others_read_is_told(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "login.json"
    path.write_text('{"username": "a", "password": "canary", "server_url": "http://127.0.0.1:1"}')
    path.chmod(0o644)
    monkeypatch.setattr("v6client.cli.trace.server._FIRST_CONTACT", 0.0)
    assert main(["trace", "--job", "1", "--login", str(path)]) == 1
    error = capsys.readouterr().err
    assert f"chmod 600 {path}" in error
    assert "canary" not in error
