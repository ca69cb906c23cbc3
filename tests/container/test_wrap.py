"""The container entry, as the node starts it: a real process with an encoded environment."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.node import all_encoded, call_of, encoded, variables_of
from tests.peer import answer, peer

ALGORITHM = """
import math, os, sys
import logging
from v6client import algorithm_client

def add(a, b=1):
    return a + b

def nothing():
    return None

def not_a_number():
    return [math.nan, math.inf]

def crash():
    raise ValueError("canary-message")

def leave():
    sys.exit(0)

def not_json():
    return {"kwargs": {1, 2}}

def environment():
    return {name: os.environ.get(name) for name in ("HOST", "OTEL_SERVICE_NAME", "PLAIN")}

@algorithm_client
def organizations(client):
    client.log.info("canary-info")
    client.log.warning("a warning of the algorithm")
    return [one["id"] for one in client.organization.list()]

value = 5
"""


@dataclass(frozen=True)
class Ended:
    """How a container ended."""

    status: int
    output: str
    log: str
    errors: str

    @property
    def result(self) -> Any:
        return json.loads(self.output)

    @property
    def events(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.log.splitlines() if line.startswith("{")]


Run = Callable[..., Ended]


@pytest.fixture
def run(tmp_path: Path) -> Run:
    """Run a method of the algorithm in a container's process."""
    (tmp_path / "my_algorithm.py").write_text(ALGORITHM)

    def start(
        method: object = "add",
        *args: object,
        code: str = "",
        input_: str | None = None,
        port: int = 1,
        **changes: str | None,
    ) -> Ended:
        by_node = {
            **variables_of(tmp_path, input_=input_ or call_of(method, *args), port=port),
            "OTEL_SERVICE_NAME": "from algorithm_env",
            "V6CLIENT_FIRST_CONTACT_BUDGET": "0.1",
        }
        environ = all_encoded(by_node)
        environ |= {"PKG_NAME": "my_algorithm", "PLAIN": "NBSWY3DP" + "1"}
        for name, value in changes.items():
            environ.pop(name)
            if value is not None:
                environ[name] = value
        command = ["-c", code] if code else ["-m", "v6client"]
        ended = subprocess.run(  # noqa: S603 - our own Python
            [sys.executable, *command],
            cwd=tmp_path,
            env={"PATH": os.environ["PATH"], **environ},
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        output = (tmp_path / "output").read_text()
        return Ended(ended.returncode, output, ended.stdout, ended.stderr)

    return start


def test_a_method_is_called_and_its_result_written(run: Run) -> None:
    ended = run("add", 2, 3)
    assert (ended.status, ended.result, ended.errors) == (0, 5, "")
    started, finished = ended.events
    assert (started["event"], started["task_id"]) == ("run.started", 7)
    assert finished["event"] == "run.finished"
    assert finished["requests"] == finished["retries"] == finished["polls"] == 0
    assert finished["result_bytes"] == 1


def test_null_is_a_result(run: Run) -> None:
    assert run("nothing").output == "null"


def test_nan_and_the_infinities_are_written_as_upstream_does(run: Run) -> None:
    assert run("not_a_number").output == "[NaN, Infinity]"


def test_the_environment_is_decoded_for_the_algorithm(run: Run) -> None:
    assert run("environment").result == {
        "HOST": "http://127.0.0.1",
        "OTEL_SERVICE_NAME": "from algorithm_env",
        "PLAIN": "NBSWY3DP1",
    }


def test_the_client_is_the_containers(run: Run) -> None:
    with peer(answer({"data": [{"id": 2}, {"id": 5}], "links": {}})) as server:
        ended = run("organizations", port=server.port)
    assert ended.result == [2, 5]
    assert ended.events[-1]["requests"] == 1
    [request] = server.received
    assert request.target.startswith("/organization?collaboration_id=1")


def test_of_an_algorithms_own_messages_only_warnings_are_shown(run: Run) -> None:
    # As under upstream's wrapper: what an algorithm logs below that may be data.
    with peer(answer({"data": [{"id": 2}], "links": {}})) as server:
        ended = run("organizations", port=server.port)
    assert "a warning of the algorithm" in ended.log
    assert "canary-info" not in ended.log + ended.errors


def test_a_crash_shows_the_traceback_as_upstream_does(run: Run) -> None:
    ended = run("crash")
    assert (ended.status, ended.output) == (1, "")
    assert "Traceback" in ended.errors
    assert "ValueError: canary-message" in ended.errors
    last = ended.events[-1]
    assert (last["event"], last["error_type"]) == ("run.failed", "ValueError")
    assert "canary" not in ended.log


def test_without_log_traceback_no_message_is_shown(run: Run) -> None:
    ended = run("crash", code="import v6client; v6client.wrap_algorithm(log_traceback=False)")
    assert ended.status == 1
    assert "canary" not in ended.log + ended.errors
    assert ended.events[-1]["error_type"] == "ValueError"


def test_leaving_without_a_result_is_a_failure(run: Run) -> None:
    ended = run("leave")
    assert (ended.status, ended.output) == (1, "")
    assert ended.events[-1]["error_type"] == "SystemExit"


def test_a_result_that_is_no_json_is_told(run: Run) -> None:
    ended = run("not_json")
    assert (ended.status, ended.output) == (1, "")
    assert "the result cannot be encoded as JSON: at ['kwargs'] is a set" in ended.errors
    assert ended.events[-1]["error_type"] == "ResultError"


@pytest.mark.parametrize("method", ["absent", "value", "__name__", 5, None])
def test_a_method_that_is_not_there_is_told(run: Run, method: object) -> None:
    ended = run(method)
    assert ended.status == 1
    assert "method" in ended.errors
    assert ended.events[-1]["error_type"] == "ConfigurationError"


@pytest.mark.parametrize("text", ["canary", "[]", '{"method": "add", "args": {}}', '{"args": []}'])
def test_an_input_that_is_none_is_told(run: Run, text: str) -> None:
    ended = run(input_=text)
    assert ended.status == 1
    assert "error > " in ended.errors
    assert "canary" not in ended.log + ended.errors


@pytest.mark.parametrize("name", ["PKG_NAME", "INPUT_FILE", "OUTPUT_FILE"])
def test_a_missing_variable_is_named(run: Run, name: str) -> None:
    ended = run("add", 1, **{name: None})
    assert ended.status == 1
    assert f"the environment variable {name} is not set" in ended.errors


@pytest.mark.parametrize("name", ["HOST", "PORT", "API_PATH", "TOKEN_FILE"])
def test_a_missing_variable_of_the_client_is_named(run: Run, name: str) -> None:
    ended = run("organizations", **{name: None})
    assert ended.status == 1
    assert f"the environment variable {name} is not set" in ended.errors


def test_a_module_that_is_not_there_is_told(run: Run) -> None:
    ended = run("add", 1, PKG_NAME="no_such_module")
    assert ended.status == 1
    assert "the module no_such_module (PKG_NAME) cannot be imported" in ended.errors


def test_a_wrong_setting_is_named(run: Run) -> None:
    ended = run("organizations", V6CLIENT_FIRST_CONTACT_BUDGET="soon")
    assert ended.status == 1
    assert "V6CLIENT_FIRST_CONTACT_BUDGET" in ended.errors
    assert "'soon'" in ended.errors


def test_an_unreachable_proxy_ends_the_run_with_a_reason(run: Run) -> None:
    ended = run("organizations")
    assert ended.status == 1
    assert "ConnectionFailed" in ended.errors
    assert "HOST and PORT" in ended.errors
    assert ended.events[-1]["retries"] >= 0
    assert ended.events[-1]["error_type"] == "ConnectionFailed"


def test_a_module_that_leaves_on_import_is_a_failure(run: Run, tmp_path: Path) -> None:
    (tmp_path / "leaves.py").write_text("import sys; sys.exit(0)")
    ended = run("add", 1, PKG_NAME="leaves")
    assert ended.status == 1
    assert ended.events[-1]["event"] == "run.failed"


def test_an_output_that_cannot_be_written_is_told(run: Run, tmp_path: Path) -> None:
    ended = run("add", 1, OUTPUT_FILE=encoded(str(tmp_path / "none" / "output")))
    assert ended.status == 1
    assert "OUTPUT_FILE" in ended.errors
    assert "Traceback" not in ended.errors
