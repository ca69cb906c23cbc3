"""``v6client doctor`` in a real container of a sandbox, with a real collector, and on a laptop."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.node import variables_of
from tests.telemetry.collector import Manner, collector
from v6client.cli import main
from v6client.sandbox import Sandbox
from v6client.sandbox.node.environment import encode
from v6client.sandbox.places import Container


@pytest.fixture(scope="module")
def sandbox() -> Iterator[Sandbox]:
    with Sandbox(2) as found:
        yield found


@pytest.fixture
def container(sandbox: Sandbox) -> Iterator[Container]:
    with sandbox.open_container(2) as found:
        yield found


def variables(container: Container, folder: Path) -> dict[str, str]:
    given = variables_of(
        folder,
        token=container.token,
        host=container.host,
        port=container.port,
        path=container.path,
    )
    (folder / "canary-file.csv").write_text("x")
    return {
        **given,
        "USER_REQUESTED_DATABASE_LABELS": "canarylabel",
        "CANARYLABEL_DATABASE_URI": str(folder / "canary-file.csv"),
        "CANARYLABEL_DATABASE_TYPE": "csv",
    }


@contextmanager
def inside(encoded: Mapping[str, str], **plain: str) -> Iterator[dict[str, str]]:
    """Give the environment of a process in a container: nothing of this one's."""
    base = {name: os.environ[name] for name in ("PATH", "LANG") if name in os.environ}
    coded = {name: encode(value) for name, value in encoded.items()}
    yield {**base, "PKG_NAME": "json", **coded, **plain}


def doctor(environ: Mapping[str, str], *options: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(  # noqa: S603 - ourselves
        [sys.executable, "-m", "v6client", "doctor", *options],
        env=dict(environ),
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


def document(done: subprocess.CompletedProcess[str]) -> dict[str, Any]:
    assert done.stderr == ""
    checks = json.loads(done.stdout)["checks"]
    return {one["name"]: one for one in checks}


def test_in_a_container_where_all_is_well_all_is_green(
    container: Container, tmp_path: Path
) -> None:
    with (
        collector() as backend,
        inside(
            variables(container, tmp_path)
            | {
                "OTEL_EXPORTER_OTLP_ENDPOINT": backend.endpoint,
                "OTEL_EXPORTER_OTLP_HEADERS": "api-key=canary-header",
            }
        ) as environ,
    ):
        done = doctor(environ, "--json")
        found = document(done)
        assert done.returncode == 0, done.stdout
        assert {one["state"] for one in found.values()} == {"good"}
        assert found["version"]["text"] == "vantage6 4.15.2"
        assert f"task {container.task_id}, organization 2" in found["token"]["text"]
        assert "may read its task, organization, collaboration, runs" in found["rights"]["text"]
        assert "directly" in found["OTLP traces"]["text"]
        # It was asked as the exporter asks, with its headers, and sent nothing.
        assert {one["api-key"] for one in backend.headers} == {"canary-header"}
        assert backend.bodies == {"/v1/traces": [b""], "/v1/metrics": [b""]}


def test_nothing_of_what_a_container_holds_is_printed(container: Container, tmp_path: Path) -> None:
    values = variables(container, tmp_path) | {
        "OTEL_EXPORTER_OTLP_ENDPOINT": "http://canaryuser:canarypass@127.0.0.1:1/canarypath",
        "OTEL_EXPORTER_OTLP_HEADERS": "authorization=canary-header",
        "OTEL_RESOURCE_ATTRIBUTES": "service.namespace=canary",
        "V6CLIENT_READ_TIMEOUT": "canary-number",
        "V6CLIENT_CANARY": "canary",
        "OWN_VARIABLE": "canary",
    }
    with inside(values, HTTP_PROXY="http://canaryuser:canarypass@127.0.0.1:1") as environ:
        for options in ([], ["--json"]):
            done = doctor(environ, *options)
            assert done.returncode == 1
            shown = (done.stdout + done.stderr).lower()
            assert "canary" not in shown
            for name, value in values.items():
                # An empty path is everywhere, and so is a folder's.
                if value and name != "PORT":
                    assert value.lower() not in shown, name
            assert container.token.split(".")[1].lower() not in shown
            assert "through the proxy that http_proxy names" in " ".join(shown.split())


@pytest.mark.parametrize(
    ("manner", "state", "said"),
    [("well", "good", "takes what is sent"), ("failing", "bad", "answers HTTP 500")],
)
def test_a_collector_is_judged_by_its_answer(
    manner: Manner, state: str, said: str, tmp_path: Path
) -> None:
    with collector(manner) as backend:
        values = {"OTEL_EXPORTER_OTLP_ENDPOINT": backend.endpoint, "PATH": os.environ["PATH"]}
        done = doctor(values, "--json")
        found = document(done)
    assert found["OTLP traces"]["state"] == state
    assert said in found["OTLP traces"]["text"]
    assert done.returncode == (state == "bad")
    assert not list(tmp_path.iterdir())


def test_what_is_red_says_what_to_do(container: Container, tmp_path: Path) -> None:
    values = variables(container, tmp_path) | {"PORT": "1"}
    with inside(values) as environ:
        found = document(doctor(environ, "--json"))
    assert found["node's proxy"]["state"] == "bad"
    assert "connection refused" in found["node's proxy"]["text"]
    assert all(one["advice"] for one in found.values() if one["state"] in {"bad", "doubtful"})


def test_a_token_of_a_task_that_is_not_there_is_red(
    sandbox: Sandbox, container: Container, tmp_path: Path
) -> None:
    values = variables(container, tmp_path)
    sandbox.researcher.request("DELETE", f"task/{container.task_id}")
    with inside(values) as environ:
        found = document(doctor(environ, "--json"))
    assert found["rights"]["state"] == "bad"


def test_a_server_is_tried_from_a_laptop(
    sandbox: Sandbox, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["doctor", "--json", "--server", sandbox.server_url]) == 0
    checks = {one["name"]: one for one in json.loads(capsys.readouterr().out)["checks"]}
    assert checks["server"]["state"] == "good"
    assert checks["clocks"]["state"] == "good"
    wrong = sandbox.server_url.removesuffix("/api") + "/canary"
    assert main(["doctor", "--server", wrong]) == 1
    output = capsys.readouterr().out
    assert "path of the API" in " ".join(output.split())
    assert "canary" not in output
    for nonsense in ("nonsense", "http://[x", "http://a:99999"):
        assert main(["doctor", "--server", nonsense]) == 1


def test_as_an_algorithm_it_writes_the_runs_log(tmp_path: Path) -> None:
    people = tmp_path / "people.csv"
    people.write_text("age\n41\n")
    with Sandbox(
        1, databases={"canarylabel": people}, entrypoint=("-m", "v6client", "doctor")
    ) as sandbox:
        task = sandbox.researcher.create_task(
            "v6client.sandbox.algorithm", "echo", organizations=[1], databases=["canarylabel"]
        )
        sandbox.researcher.wait(task["id"])
        [run] = sandbox.researcher.runs(task["id"])
    assert "inside an algorithm container" in run["log"]
    assert "All is well." in run["log"], run["log"]
    assert "canary" not in run["log"].lower()
    assert "\x1b" not in run["log"]
