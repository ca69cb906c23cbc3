"""What the doctor concludes; no network."""

from __future__ import annotations

import dataclasses
import io
import json
from collections.abc import Mapping
from email.utils import format_datetime, formatdate
from pathlib import Path

import jwt
import pytest

from tests.node import variables_of
from v6client.cli.doctor.check import Check, State, bad, doubtful, good, note
from v6client.cli.doctor.export import check_export, endpoint_of, way_to
from v6client.cli.doctor.reach import clock_found, reached, rights_found, version_found
from v6client.cli.doctor.surroundings import (
    NODE_VARIABLES,
    check_files,
    check_settings,
    check_token,
    check_variables,
)
from v6client.cli.doctor.table import write_json, write_table
from v6client.container.environment import ContainerEnvironment
from v6client.http.outcome import Kind, Outcome
from v6client.setting import variable_of
from v6client.settings import Settings, TelemetrySettings

NOW = 1_800_000_000.0


def environment(folder: Path, **more: str) -> ContainerEnvironment:
    """What a node tells a container in which all is well."""
    (folder / "a.csv").write_text("x")
    variables = {
        **variables_of(folder, token=token(), host="http://localhost", port=8080),
        "PKG_NAME": "json",
        "SECRET_DATABASE_URI": str(folder / "a.csv"),
        "SECRET_DATABASE_TYPE": "csv",
    }
    return ContainerEnvironment({**variables, **more})


def token(**claims: object) -> str:
    subject = {
        "node_id": 4,
        "organization_id": 3,
        "collaboration_id": 1,
        "task_id": 12,
        "image": "canary-image",
        "databases": [{"label": "canary-label"}],
    }
    options: dict[str, object] = {"sub": subject, "iat": NOW - 5, **claims}
    return jwt.encode(options, "x" * 32)


def states(checks: object) -> dict[str, State]:
    assert not isinstance(checks, Check)
    return {one.name: one.state for one in checks}  # type: ignore[attr-defined]


def test_a_whole_environment_is_good(tmp_path: Path) -> None:
    here = environment(tmp_path)
    found = [*check_variables(here, was_decoded=False), *check_files(here)]
    assert set(states(found).values()) == {State.GOOD}
    check, identity, _ = check_token(here, NOW)
    assert check.state is State.GOOD
    assert "task 12, organization 3, node 4" in check.text
    assert identity is not None


@pytest.mark.parametrize("name", [one for one in NODE_VARIABLES if one != "API_PATH"])
def test_a_variable_that_is_missing_is_named(tmp_path: Path, name: str) -> None:
    for here in (environment(tmp_path, **{name: ""}), environment(tmp_path)):
        variables = dict(here.variables)
        if variables[name]:
            del variables[name]
        [check, _] = check_variables(ContainerEnvironment(variables), was_decoded=False)
        assert check.state is State.BAD
        assert check.text == f"not set: {name}"


def test_a_variable_that_was_not_decoded_is_named(tmp_path: Path) -> None:
    here = environment(tmp_path, HOST="NB2HI4B2F4XWY33DMFWGQ33TOQ!!!!!!")
    [check, _] = check_variables(here, was_decoded=True)
    assert (check.state, check.text) == (State.BAD, "cannot be decoded: HOST")


@pytest.mark.parametrize("module", ["", "no_such_package", "no_such.module", "..", "json\x00"])
def test_an_algorithm_that_is_not_installed_is_told(tmp_path: Path, module: str) -> None:
    [_, check] = check_variables(environment(tmp_path, PKG_NAME=module), was_decoded=False)
    assert (check.name, check.state) == ("algorithm", State.BAD)
    assert not module or module not in check.text + check.advice


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("TOKEN_FILE", "/no/such/canary"),
        ("INPUT_FILE", "/no/such/canary"),
        ("OUTPUT_FILE", "/no/such/canary"),
        ("TEMPORARY_FOLDER", "/no/such/canary"),
    ],
)
def test_a_file_that_cannot_be_used_is_told_by_its_variable(
    tmp_path: Path, variable: str, value: str
) -> None:
    [check, _] = check_files(environment(tmp_path, **{variable: value}))
    assert check.state is State.BAD
    assert variable in check.text
    assert "canary" not in check.text + check.advice


def test_databases_are_counted_and_not_named(tmp_path: Path) -> None:
    lost = {"OTHER_DATABASE_URI": "/no/such/canary", "OTHER_DATABASE_TYPE": "parquet"}
    [_, check] = check_files(environment(tmp_path, **lost))
    assert check.text == "1 of 2 cannot be read"
    elsewhere = {"SQL_DATABASE_URI": "postgres://canary", "SQL_DATABASE_TYPE": "sql"}
    [_, check] = check_files(environment(tmp_path, **elsewhere))
    assert check.state is State.GOOD
    assert "1 of 2 are files that can be read; 1 are no files" in check.text


@pytest.mark.parametrize(
    ("text", "state"),
    [
        ("", State.BAD),
        ("canary", State.BAD),
        (jwt.encode({"sub": "5"}, "x" * 32), State.BAD),
        (token(exp=NOW - 1), State.BAD),
        (token(iat=NOW + 500), State.DOUBTFUL),
        (token(exp=NOW + 5), State.GOOD),
    ],
)
def test_a_token_is_judged(tmp_path: Path, text: str, state: State) -> None:
    here = environment(tmp_path)
    (tmp_path / "token").write_text(text)
    check, _, _ = check_token(here, NOW)
    assert check.state is state
    assert "canary" not in check.text + check.advice
    assert not text or text not in check.text + check.advice


def test_each_setting_is_checked_and_no_value_told() -> None:
    for kind in (Settings, TelemetrySettings):
        for field in dataclasses.fields(kind):
            if field.type == "str" and not field.metadata["words"]:
                continue
            variable = variable_of(field.name)
            check = check_settings({variable: "canary", "OTHER": "canary"})
            assert check.state is State.BAD, variable
            assert variable in check.text
            assert "canary" not in check.text + check.advice
    assert check_settings({}).state is State.GOOD


def test_a_misspelt_setting_is_answered_with_the_right_one() -> None:
    check = check_settings({"V6CLIENT_RETRY_BUDGT": "1", "V6CLIENT_CANARY_XYZZY": "1"})
    assert check.state is State.DOUBTFUL
    assert "V6CLIENT_RETRY_BUDGET" in check.advice
    assert "CANARY" not in check.text + check.advice
    assert check_settings({"V6CLIENT_DATABASE_URI": "a label, not ours"}).state is State.GOOD


@pytest.mark.parametrize(
    ("outcome", "state", "said"),
    [
        (Outcome(Kind.SUCCESS, status=200, body={}), State.GOOD, "answers in 12 ms"),
        (Outcome(Kind.NEVER_SENT, "connection_refused"), State.BAD, "connection refused"),
        (Outcome(Kind.NEVER_SENT, "name_resolution"), State.BAD, "name resolution"),
        (Outcome(Kind.NO_ANSWER, "read_timeout"), State.BAD, "read timeout"),
        (Outcome(Kind.MASKED, "500", 500), State.BAD, "no answer from the server"),
        (Outcome(Kind.INVALID, "not_json", 200), State.BAD, "not as vantage6 does"),
        (Outcome(Kind.REFUSED, "404", 404), State.BAD, "HTTP 404"),
    ],
)
def test_what_came_of_the_first_request_is_told(outcome: Outcome, state: State, said: str) -> None:
    check = reached(outcome, "node's proxy", 0.012)
    assert check.state is state
    assert said in check.text
    assert (check.state is State.GOOD) == (not check.advice)


@pytest.mark.parametrize(
    ("version", "state"),
    [
        ("4.15.2", State.GOOD),
        ("4.9.1", State.GOOD),
        ("4.8.0", State.DOUBTFUL),
        ("5.0.0", State.DOUBTFUL),
        ("canary", State.DOUBTFUL),
        ("4.15\x1b[31m", State.DOUBTFUL),
        (None, State.DOUBTFUL),
    ],
)
def test_a_servers_version_is_judged(version: object, state: State) -> None:
    check = version_found(version)
    assert check.state is state
    assert "canary" not in check.text
    assert "\x1b" not in check.text


@pytest.mark.parametrize(
    ("skew", "state"),
    [
        (0, State.GOOD),
        (-1, State.GOOD),
        (2, State.GOOD),
        (5, State.DOUBTFUL),
        (-5, State.DOUBTFUL),
        (100, State.BAD),
        (-7200, State.BAD),
    ],
)
def test_clocks_that_are_apart_are_told(skew: float, state: State) -> None:
    check = clock_found(formatdate(NOW + skew, usegmt=True), NOW)
    assert check.state is state


@pytest.mark.parametrize("date", [None, "", "canary", "Mon, 99 Foo 2026"])
def test_an_answer_without_a_time_is_told(date: str | None) -> None:
    assert clock_found(date, NOW).state is State.DOUBTFUL


def test_a_time_with_a_zone_is_read() -> None:
    import datetime as dt  # noqa: PLC0415 - beside its use

    zone = dt.timezone(dt.timedelta(hours=5))
    moment = dt.datetime.fromtimestamp(NOW, zone)
    assert clock_found(format_datetime(moment), NOW).state is State.GOOD


@pytest.mark.parametrize(
    ("refused", "state"),
    [((), State.GOOD), (("task", "runs"), State.BAD), (("collaboration",), State.DOUBTFUL)],
)
def test_what_a_token_allows_is_told(refused: tuple[str, ...], state: State) -> None:
    outcomes: Mapping[str, Outcome] = {
        one: Outcome(Kind.REFUSED, "401", 401) if one in refused else Outcome(Kind.SUCCESS)
        for one in ("task", "organization", "collaboration", "runs")
    }
    assert rights_found(outcomes).state is state


@pytest.mark.parametrize(
    ("environ", "words"),
    [
        ({}, "directly"),
        ({"HTTP_PROXY": "http://canary"}, "through the proxy that HTTP_PROXY names"),
        ({"http_proxy": "http://canary"}, "through the proxy that http_proxy names"),
        ({"HTTPS_PROXY": "http://canary"}, "directly"),
        ({"HTTP_PROXY": "http://canary", "NO_PROXY": "collector"}, "directly"),
        ({"HTTP_PROXY": "http://canary", "no_proxy": "other"}, "through the proxy that HTTP_PROXY"),
        ({"ALL_PROXY": "http://canary"}, "through the proxy that ALL_PROXY names"),
    ],
)
def test_the_way_to_a_collector_is_told(
    environ: dict[str, str], words: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    # What counts is what it is given, as a container's variables are encoded in the process.
    monkeypatch.setenv("NO_PROXY", "collector")
    assert way_to("http://collector:4318/v1/traces", environ).words.startswith(words)


def test_an_endpoint_is_that_of_the_signal_or_of_all() -> None:
    every = {"OTEL_EXPORTER_OTLP_ENDPOINT": "http://a:1/"}
    own = {"OTEL_EXPORTER_OTLP_LOGS_ENDPOINT": "http://b:2/logs"}
    assert endpoint_of("traces", every) == ("OTEL_EXPORTER_OTLP_ENDPOINT", "http://a:1/v1/traces")
    assert endpoint_of("logs", every | own)[1] == "http://b:2/logs"
    assert endpoint_of("traces", {}) == ("the default", "http://localhost:4318/v1/traces")


@pytest.mark.parametrize(
    ("environ", "name", "state"),
    [
        ({}, "telemetry", State.NOTE),
        ({"OTEL_SDK_DISABLED": "true"}, "telemetry", State.NOTE),
        ({"OTEL_TRACES_EXPORTER": "zipkin"}, "telemetry", State.BAD),
        (
            {
                "OTEL_EXPORTER_OTLP_ENDPOINT": "http://c:4317",
                "OTEL_EXPORTER_OTLP_PROTOCOL": "grpc",
            },
            "telemetry",
            State.BAD,
        ),
        ({"V6CLIENT_TRACE_FILE": "/no/such/canary"}, "trace file", State.BAD),
        ({"V6CLIENT_TRACE_FILE": "/tmp"}, "trace file", State.GOOD),  # noqa: S108 - is there
        ({"OTEL_EXPORTER_OTLP_ENDPOINT": "canary"}, "OTLP traces", State.BAD),
        ({"OTEL_EXPORTER_OTLP_ENDPOINT": "http://[canary"}, "OTLP traces", State.BAD),
    ],
)
def test_what_is_exported_is_judged(environ: dict[str, str], name: str, state: State) -> None:
    found = list(check_export(environ))
    assert states(found)[name] is state
    assert "canary" not in repr(found)


CHECKS = [
    good("one", "well"),
    bad("two", "not well " * 30, "do this"),
    doubtful("three", "perhaps", "look"),
    note("four", "nothing"),
]


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_a_terminal_gets_green_and_red_and_a_log_gets_none() -> None:
    terminal, log, plain = Terminal(), io.StringIO(), Terminal()
    write_table(CHECKS, is_container=True, file=terminal, environ={})
    write_table(CHECKS, is_container=True, file=log, environ={})
    write_table(CHECKS, is_container=True, file=plain, environ={"NO_COLOR": "1"})
    assert "\x1b[32m" in terminal.getvalue()
    assert "\x1b[31m" in terminal.getvalue()
    assert "\x1b" not in log.getvalue() + plain.getvalue()
    assert "do this" in log.getvalue()
    assert "1 of 4 checks failed." in log.getvalue()


def test_a_file_of_ascii_gets_ascii() -> None:
    buffer = io.BytesIO()
    file = io.TextIOWrapper(buffer, encoding="ascii")
    write_table(CHECKS, is_container=False, file=file, environ={})
    file.flush()
    assert b"NO two" in buffer.getvalue()


def test_a_program_gets_json() -> None:
    file = io.StringIO()
    write_json(CHECKS, is_container=True, file=file)
    document = json.loads(file.getvalue())
    assert document["is_well"] is False
    assert [one["state"] for one in document["checks"]] == ["good", "bad", "doubtful", "note"]
