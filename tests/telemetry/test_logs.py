"""Log lines: whose they are, how they look, and who may see them."""

from __future__ import annotations

import io
import json
import logging
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import pytest

from v6client.telemetry import log_output, logs, schema
from v6client.telemetry.entries import LogEvent

Lines = Callable[[], list[str]]


class Terminal(io.StringIO):
    """A stream that a person reads."""

    def isatty(self) -> bool:
        return True


@pytest.fixture
def configured(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., Lines]]:
    """Configure as a container does, and give what is written."""
    # pytest has put its handlers on the root logger: an application's own configuration.
    monkeypatch.setattr(logs.logger, "hasHandlers", lambda: False)
    level, handlers = logs.algorithm_logger.level, list(logs.logger.handlers)

    def configure(stream: io.StringIO, **more: Any) -> Lines:
        log_output.configure(stream=stream, **more)
        return lambda: stream.getvalue().splitlines()

    yield configure
    logs.logger.handlers[:] = handlers
    logs.logger.propagate = True
    logs.logger.setLevel(logging.NOTSET)
    logs.algorithm_logger.setLevel(level)
    logs._process.whose = {}
    logs.export_to(None)


def test_a_line_says_whose_container_it_is_beside_what_it_is_about(
    configured: Callable[..., Lines],
) -> None:
    lines = configured(io.StringIO())
    logs.bind_run(task_id=7, organization_id=2)
    logs.emit(schema.TASK_CREATED, task_id=8, organization_ids=[3])
    logs.algorithm_logger.warning("the algorithm's own")
    ours, theirs = (json.loads(line) for line in lines())
    assert (ours["task_id"], ours["run_task_id"], ours["run_organization_id"]) == (8, 7, 2)
    assert (theirs["event"], theirs["run_task_id"]) == ("the algorithm's own", 7)


def test_a_person_reads_plain_text(configured: Callable[..., Lines]) -> None:
    lines = configured(Terminal())
    logs.emit(schema.TASK_CREATED, task_id=8, organization_ids=[3])
    [line] = lines()
    assert "task.created" in line
    assert "{" not in line
    assert "task_id" in line


@pytest.mark.parametrize("stream", [io.StringIO, Terminal])
def test_a_traceback_shows_no_variables(
    configured: Callable[..., Lines], stream: type[io.StringIO]
) -> None:
    lines = configured(stream())

    def fail(secret: str) -> None:
        raise ValueError(len(secret))

    try:
        fail("can" + "ary")
    except ValueError:
        logs.algorithm_logger.exception("it failed")
    text = "\n".join(lines())
    assert "Traceback" in text
    assert "canary" not in text


def test_the_least_level_can_be_set(configured: Callable[..., Lines]) -> None:
    lines = configured(io.StringIO(), level="WARNING")
    logs.emit(schema.TASK_CREATED, task_id=8, organization_ids=[3])
    logs.emit(schema.DESCRIPTION_CUT, characters=5)
    assert [json.loads(line)["event"] for line in lines()] == ["task.description_cut"]


def test_the_algorithms_own_stay_at_warnings(configured: Callable[..., Lines]) -> None:
    lines = configured(io.StringIO(), level="DEBUG")
    logs.algorithm_logger.info("canary")
    assert lines() == []


def test_what_may_not_leave_is_left_out(configured: Callable[..., Lines]) -> None:
    lines = configured(io.StringIO(), level="DEBUG")
    exported: list[tuple[LogEvent, Mapping[str, Any]]] = []
    logs.export_to(lambda event, fields: exported.append((event, fields)))
    logs.emit(schema.TASK_STATUS, task_id=8, status="canary", elapsed_s=0.5)
    logs.emit(schema.ATTEMPT, method="canary", template="/canary?a=b", error_type="a canary: b")
    status, attempt = (json.loads(line) for line in lines())
    assert (status["status"], status["task_id"]) == ("other", 8)
    assert attempt.keys() == {"event", "level", "timestamp"}
    assert exported == [
        (schema.TASK_STATUS, {"task_id": 8, "status": "other", "elapsed_s": 0.5}),
        (schema.ATTEMPT, {}),
    ]


def test_only_events_are_exported(configured: Callable[..., Lines]) -> None:
    configured(io.StringIO())
    exported: list[LogEvent] = []
    logs.export_to(lambda event, _fields: exported.append(event))
    logs.algorithm_logger.error("canary")
    logs.logger.error("canary")
    logs.emit(schema.POLL_FAILED, task_id=1)
    # Below the level that is written.
    logs.emit(schema.ATTEMPT)
    assert exported == [schema.POLL_FAILED]


@pytest.mark.parametrize("event", schema.EVENTS.values(), ids=lambda one: one.name)
def test_every_event_can_be_emitted(configured: Callable[..., Lines], event: LogEvent) -> None:
    lines = configured(io.StringIO(), level="DEBUG")
    samples: dict[str, object] = {"int": 5, "double": 0.5, "int[]": [1, 2]}
    texts = {"template": "/task/{id}", "error_type": "ValueError", "version": "1.0"}
    texts["variable"] = "V6CLIENT_TRACE_FILE"
    fields = {
        key: samples.get(schema.FIELDS[key].type)
        or texts.get(key)
        or min(schema.FIELDS[key].values)
        for key in event.fields
    }
    logs.emit(event, **fields)
    [line] = (json.loads(one) for one in lines())
    assert line.items() >= fields.items()
    assert line["level"] == logging.getLevelName(event.level).lower()
