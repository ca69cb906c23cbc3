"""A network whose organizations encrypt what they send each other."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.sandbox.polling import eventually
from v6client.errors import ConfigurationError
from v6client.payload.cryptor import decrypt
from v6client.payload.private_key import load_private_key
from v6client.sandbox import Sandbox

IMAGE = "v6client.sandbox.algorithm"


@pytest.fixture(scope="module")
def directory(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("encrypted") / "state"


@pytest.fixture(scope="module")
def sandbox(directory: Path) -> Iterator[Sandbox]:
    with Sandbox(2, encrypted=True, directory=directory) as network:
        yield network


def test_each_organization_has_a_key_for_its_owner_alone(sandbox: Sandbox) -> None:
    files = sorted(sandbox.directory.glob("*.pem"))
    assert [file.name for file in files] == ["organization-1.pem", "organization-2.pem"]
    assert {file.stat().st_mode & 0o777 for file in files} == {0o600}
    assert len({file.read_bytes() for file in files}) == 2


def test_the_server_keeps_nothing_that_it_could_read(sandbox: Sandbox) -> None:
    task = sandbox.researcher.create_task(IMAGE, "echo", ["canary"], organizations=[1, 2])
    sandbox.researcher.wait(task["id"])
    assert sandbox.researcher.results(task["id"]) == ["canary", "canary"]
    query = {"task_id": task["id"]}
    rows = sandbox.researcher.request("GET", "result", params=query)["data"]
    key = load_private_key((sandbox.directory / "organization-1.pem").read_bytes())
    assert [decrypt(row["result"], key) for row in rows] == [b'"canary"'] * 2
    runs = sandbox.researcher.runs(task["id"])
    second = load_private_key((sandbox.directory / "organization-2.pem").read_bytes())
    assert json.loads(decrypt(runs[1]["input"], second))["args"] == ["canary"]


def test_a_task_can_be_run_from_the_command_line(sandbox: Sandbox) -> None:
    done = subprocess.run(  # noqa: S603 - ourselves
        [
            *(sys.executable, "-m", "v6client", "sandbox", "run", "--directory", sandbox.directory),
            *("--image", IMAGE, "--method", "echo", "--args", '["hello"]', "--organization", "2"),
        ],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert (done.returncode, json.loads(done.stdout)) == (0, ["hello"])


def test_an_input_for_another_organization_fails_and_the_node_goes_on(sandbox: Sandbox) -> None:
    researcher = sandbox.researcher
    task = researcher.request(
        "POST",
        "task",
        json={
            "image": IMAGE,
            "collaboration_id": 1,
            "organizations": [{"id": 2, "input": researcher.sealed(b"{}", 1)}],
        },
    )
    eventually(lambda: researcher.runs(task["id"])[0]["finished_at"])
    assert researcher.runs(task["id"])[0]["status"] == "crashed"
    again = researcher.create_task(IMAGE, "echo", [1], organizations=[2])
    assert researcher.wait(again["id"])["status"] == "completed"


def test_the_same_network_comes_back_with_its_keys_and_no_other(tmp_path: Path) -> None:
    with Sandbox(1, encrypted=True, directory=tmp_path) as first:
        key = (tmp_path / "organization-1.pem").read_bytes()
        task = first.researcher.create_task(IMAGE, "echo", [7], organizations=[1])
        first.researcher.wait(task["id"])
    with Sandbox(1, encrypted=True, directory=tmp_path) as again:
        assert (tmp_path / "organization-1.pem").read_bytes() == key
        assert again.researcher.results(task["id"]) == [7]
    with pytest.raises(ConfigurationError, match=r"another network .*encrypted"):
        Sandbox(1, directory=tmp_path).start()
