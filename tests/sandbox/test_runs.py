"""What becomes of a run."""

from __future__ import annotations

import json
import sqlite3
from pathlib import Path

import pytest

from tests.sandbox.asking import ask_proxy, subtask
from tests.sandbox.polling import algorithm_pid, alive, eventually
from v6client import AlgorithmClient
from v6client.sandbox import Container, Sandbox

IMAGE = "harbor.example/average:1"
BUILT_IN = "v6client.sandbox.algorithm"


def test_a_task_with_subtasks_end_to_end(sandbox: Sandbox) -> None:
    researcher = sandbox.researcher
    task = researcher.create_task(
        IMAGE, "central", ["age"], {"organizations": [1, 2, 3]}, organizations=[2]
    )
    assert researcher.wait(task["id"])["status"] == "completed", researcher.runs(task["id"])
    assert researcher.results(task["id"]) == [21 / 6]
    parent, child = researcher.tasks(job_id=task["job_id"])
    assert child["parent"]["id"] == parent["id"] == task["id"]
    assert [run["organization"]["id"] for run in researcher.runs(child["id"])] == [1, 2, 3]


def test_the_client_in_a_held_container(sandbox: Sandbox, container: Container) -> None:
    client = AlgorithmClient(container.token, container.host, container.port, container.path)
    assert client.organization_id == container.organization_id == 1
    assert client.databases == [{"label": "default"}]
    task = client.task.create(
        input_={"method": "variables", "args": ["TEMPORARY_FOLDER"]}, organizations=[1, 2]
    )
    folders = client.wait_for_results(task["id"])
    assert all(folder.startswith(str(sandbox.directory)) for (folder,) in folders)


def test_a_held_run_is_completed_at_the_end(sandbox: Sandbox) -> None:
    with sandbox.open_container(2) as held:
        assert sandbox.researcher.task(held.task_id)["status"] == "active"
        assert held.token not in repr(held)
    assert sandbox.researcher.wait(held.task_id)["status"] == "completed"
    assert sandbox.researcher.results(held.task_id) == [None]


def test_a_crash_leaves_its_log_and_no_result(sandbox: Sandbox, tmp_path: Path) -> None:
    researcher = sandbox.researcher
    (tmp_path / "go").touch()
    task = researcher.create_task(IMAGE, "crash_after", [str(tmp_path / "go")], organizations=[1])
    assert researcher.wait(task["id"])["status"] == "crashed"
    (run,) = researcher.runs(task["id"])
    assert "said on standard output" in run["log"]
    assert "ValueError: said by the exception" in run["log"]
    assert run["started_at"] < run["finished_at"]
    assert researcher.results(task["id"]) == [None]


def test_a_failure_ends_the_siblings_that_did_not_start(sandbox: Sandbox, tmp_path: Path) -> None:
    researcher = sandbox.researcher
    go = tmp_path / "go"
    task = researcher.create_task(IMAGE, "crash_after", [str(go)], organizations=[1, 4])
    algorithm_pid(sandbox, researcher.runs(task["id"])[0]["id"])
    go.touch()
    assert researcher.wait(task["id"])["status"] == "failed"
    crashed, cascaded = researcher.runs(task["id"])
    assert crashed["status"] == "crashed"
    assert (cascaded["status"], cascaded["started_at"]) == ("failed", None)
    assert cascaded["log"] == (
        f"Marked as failed because sibling run id={crashed['id']} failed with status 'crashed'."
    )


@pytest.mark.parametrize("image", ["harbor.example/nobody:1", "no_such_module"])
def test_an_unknown_image(sandbox: Sandbox, image: str) -> None:
    task = sandbox.researcher.create_task(image, "central", organizations=[1])
    assert sandbox.researcher.wait(task["id"])["status"] == "non-existing Docker image"
    (run,) = sandbox.researcher.runs(task["id"])
    assert run["log"] == "Container failed. Check node logs for details"


def test_killing_a_task_kills_its_processes(sandbox: Sandbox, tmp_path: Path) -> None:
    researcher = sandbox.researcher
    never = str(tmp_path / "never")
    task = researcher.create_task(IMAGE, "wait_for", [never], organizations=[1, 2])
    pids = [algorithm_pid(sandbox, run["id"]) for run in researcher.runs(task["id"])]
    researcher.kill(task["id"])
    assert researcher.task(task["id"])["status"] == "killed by user"
    eventually(lambda: not any(alive(pid) for pid in pids))
    # The report of a killed process is refused: the run stays what the kill made it.
    assert {run["status"] for run in researcher.runs(task["id"])} == {"killed by user"}


def test_runs_of_a_node_run_side_by_side(sandbox: Sandbox, tmp_path: Path) -> None:
    researcher = sandbox.researcher
    go = tmp_path / "go"
    tasks = [
        researcher.create_task(IMAGE, "wait_for", [str(go)], organizations=[3]) for _ in range(3)
    ]
    for task in tasks:
        algorithm_pid(sandbox, researcher.runs(task["id"])[0]["id"])
    go.touch()
    assert {researcher.wait(task["id"])["status"] for task in tasks} == {"completed"}


def test_the_database_and_the_variables_of_the_node(sandbox: Sandbox) -> None:
    names = ["DEFAULT_DATABASE_URI", "DEFAULT_DATABASE_TYPE", "DEFAULT_QUERY", "DIFFICULT"]
    task = sandbox.researcher.create_task(
        IMAGE,
        "variables",
        names,
        organizations=[2],
        databases=[{"label": "default", "query": "SELECT 1"}],
    )
    sandbox.researcher.wait(task["id"])
    ((uri, *others),) = sandbox.researcher.results(task["id"])
    assert uri.endswith("organization-2.csv")
    assert others == ["csv", "SELECT 1", "a=b; 'c' $D\n"]


def test_a_container_may_use_its_image_alone(sandbox: Sandbox, container: Container) -> None:
    refused = ask_proxy(container, "POST", "task", json=subtask(BUILT_IN, 1))
    assert refused.status_code == 500
    accepted = ask_proxy(container, "POST", "task", json=subtask(IMAGE, 1))
    assert accepted.status_code == 201
    task = sandbox.researcher.wait(accepted.json()["id"])
    # `echo` is not in this algorithm: what fails is the algorithm, which was started.
    assert task["status"] == "crashed"


def test_a_task_without_runs_is_completed(sandbox: Sandbox) -> None:
    task = sandbox.researcher.create_task(IMAGE, "variables", ["HOME"], organizations=[4])
    database = sqlite3.connect(sandbox.directory / "server.sqlite", timeout=30)
    with database:
        database.execute("DELETE FROM run WHERE task_id = ?", (task["id"],))
    database.close()
    assert sandbox.researcher.task(task["id"])["status"] == "completed"


def test_files_are_private(sandbox: Sandbox, tmp_path: Path) -> None:
    researcher = sandbox.researcher
    go = tmp_path / "go"
    task = researcher.create_task(IMAGE, "wait_for", [str(go)], organizations=[1])
    algorithm_pid(sandbox, researcher.runs(task["id"])[0]["id"])
    open_to_others = [
        path
        for path in [sandbox.directory, *sandbox.directory.rglob("*")]
        if path.stat().st_mode & 0o077
    ]
    go.touch()
    researcher.wait(task["id"])
    assert open_to_others == []


ENTRYPOINT = (
    "import base64, json, os\n"
    "def decoded(name):\n"
    "    return base64.b32decode(os.environ[name].replace('!', '=')).decode()\n"
    "print('standard output')\n"
    "with open(decoded('OUTPUT_FILE'), 'w') as file:\n"
    "    json.dump({'variables': dict(os.environ), 'input': open(decoded('INPUT_FILE')).read(),\n"
    "               'token': open(decoded('TOKEN_FILE')).read()}, file)\n"
)


def test_the_environment_is_the_nodes_and_nothing_else(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SECRET_OF_THE_PARENT", "canary")
    data = tmp_path / "table.parquet"
    data.touch()
    with Sandbox(
        1,
        databases={"default": data, "more": data},
        algorithm_env={"OTEL_SERVICE_NAME": "hospital"},
        entrypoint=["-c", ENTRYPOINT],
    ) as sandbox:
        task = sandbox.researcher.create_task(
            BUILT_IN,
            "anything",
            organizations=[1],
            databases=[{"label": "more", "preprocessing": [{"function": "f"}]}],
        )
        sandbox.researcher.wait(task["id"])
        (seen,) = sandbox.researcher.results(task["id"])
        (run,) = sandbox.researcher.runs(task["id"])
        port = sandbox.organizations[0].proxy_port
    assert run["log"] == "standard output\n"
    assert json.loads(seen["input"])["method"] == "anything"
    assert seen["token"].count(".") == 2
    variables = seen["variables"]
    plain = {"PKG_NAME", "PATH", "HOME", "LANG", "PYTHONPATH"}
    # Some interpreters set this one themselves.
    encoded_names = variables.keys() - plain - {"LC_CTYPE"}
    assert encoded_names == {
        "HOST",
        "PORT",
        "API_PATH",
        "INPUT_FILE",
        "OUTPUT_FILE",
        "TOKEN_FILE",
        "TEMPORARY_FOLDER",
        "USER_REQUESTED_DATABASE_LABELS",
        "DB_LABELS",
        "DEFAULT_DATABASE_URI",
        "DEFAULT_DATABASE_TYPE",
        "MORE_DATABASE_URI",
        "MORE_DATABASE_TYPE",
        "MORE_PREPROCESSING",
        "OTEL_SERVICE_NAME",
    }
    assert variables["PKG_NAME"] == BUILT_IN
    assert variables["API_PATH"] == ""
    # base32 of "http://127.0.0.1", padded with exclamation marks.
    assert variables["HOST"] == "NB2HI4B2F4XTCMRXFYYC4MBOGE!!!!!!"
    assert decode(variables["PORT"]) == str(port)
    assert decode(variables["DB_LABELS"]) == "default,more"
    assert decode(variables["USER_REQUESTED_DATABASE_LABELS"]) == "more"
    assert decode(variables["MORE_PREPROCESSING"]) == '[{"function": "f"}]'
    assert decode(variables["DEFAULT_DATABASE_TYPE"]) == "parquet"


def decode(value: str) -> str:
    import base64  # noqa: PLC0415 - so that it is plain which decoding this is

    return base64.b32decode(value.replace("!", "=")).decode()
