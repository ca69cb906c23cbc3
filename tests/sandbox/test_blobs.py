"""A network whose inputs and results are blobs: files, in the sandbox."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import requests

from v6client import AlgorithmClient, Settings, TaskFailed
from v6client.sandbox import Sandbox
from v6client.sandbox.faults import Fault, Faults, journal

IMAGE = "v6client.sandbox.algorithm"
LONG = "x" * 700_000


@pytest.fixture(scope="module", params=[False, True], ids=["plain", "encrypted"])
def sandbox(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Sandbox]:
    directory = tmp_path_factory.mktemp("blobs") / "state"
    with Sandbox(2, encrypted=request.param, blob_store=True, directory=directory) as network:
        yield network


def test_a_task_of_the_researcher(sandbox: Sandbox) -> None:
    task = sandbox.researcher.create_task(IMAGE, "echo", [LONG], organizations=[1, 2])
    sandbox.researcher.wait(task["id"])
    assert sandbox.researcher.results(task["id"]) == [LONG, LONG]
    runs = sandbox.researcher.runs(task["id"])
    store = sandbox.directory / "blobs"
    files = {run["input"] for run in runs} | {run["results"]["id"] for run in runs}
    assert len(files) == 4
    assert all(run["blob_storage_used"] for run in runs)
    inputs = [store / run["input"] for run in runs]
    assert all(LONG.encode() not in file.read_bytes() for file in inputs)
    # A blob goes with its run.
    sandbox.researcher.request("DELETE", f"task/{task['id']}")
    assert not any(file.exists() for file in inputs)


def test_a_subtask_of_a_container(sandbox: Sandbox) -> None:
    with sandbox.open_container() as container:
        client = AlgorithmClient(container.token, container.host, container.port, container.path)
        task = client.task.create({"method": "echo", "args": [LONG]}, [2, 1])
        assert client.wait_for_results(task["id"]) == [LONG, LONG]
        assert client.result.from_task(task["id"]) == [LONG, LONG]
        inputs = [run["input"] for run in client.run.from_task(task["id"])]
        # Of its own, so that one is not deleted with the run of another.
        assert len(set(inputs)) == 2


def test_a_run_that_failed_has_an_empty_blob(sandbox: Sandbox) -> None:
    with sandbox.open_container() as container:
        client = AlgorithmClient(container.token, container.host, container.port, container.path)
        task = client.task.create({"method": "no_such_method"}, [1])
        with pytest.raises(TaskFailed):
            client.wait_for_results(task["id"])
        assert client.result.from_task(task["id"]) == []


def test_what_is_no_blob_is_refused(sandbox: Sandbox) -> None:
    for wrong, word in ((5, "not a valid string"), ("e30=", "cannot be parsed")):
        with pytest.raises(requests.HTTPError) as caught:
            sandbox.researcher.request(
                "POST",
                "task",
                json={
                    "image": IMAGE,
                    "collaboration_id": 1,
                    "organizations": [{"id": 1, "input": wrong}],
                },
            )
        assert word.lower() in str(caught.value).lower() or "UUID" in str(caught.value)


def test_only_blobs_of_runs_are_given(sandbox: Sandbox) -> None:
    blob = sandbox.researcher.sealed(b"{}", 1)
    for name in (blob, "..", "no-uuid"):
        with pytest.raises(requests.HTTPError, match="404"):
            sandbox.researcher.request("GET", f"blobstream/{name}")


def test_the_same_network_comes_back_with_its_blobs(tmp_path: Path) -> None:
    with Sandbox(1, blob_store=True, directory=tmp_path) as first:
        task = first.researcher.create_task(IMAGE, "echo", [7], organizations=[1])
        first.researcher.wait(task["id"])
    with Sandbox(1, blob_store=True, directory=tmp_path) as again:
        assert again.researcher.results(task["id"]) == [7]
        done = subprocess.run(  # noqa: S603 - ourselves
            [
                *(sys.executable, "-m", "v6client", "sandbox", "run", "--directory", tmp_path),
                *("--image", IMAGE, "--method", "echo", "--args", '["hello"]'),
                *("--organization", "1"),
            ],
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
    assert (done.returncode, json.loads(done.stdout)) == (0, ["hello"])


def test_blobs_get_through_faults(tmp_path: Path) -> None:
    settings = Settings(backoff_base=0.01, backoff_cap=0.05, retry_budget=1000)
    faults = Faults(0.3, seed=1, server_share=0.0)
    with (
        Sandbox(2, blob_store=True, directory=tmp_path, faults=faults) as network,
        network.open_container() as container,
    ):
        client = AlgorithmClient(
            container.token, container.host, container.port, container.path, settings=settings
        )
        # Not through the proxy, so that the faults are for the blobs.
        task = network.researcher.create_task(IMAGE, "echo", [LONG], organizations=[1, 2])
        network.researcher.wait(task["id"])
        results = [row["result"] for row in client.result.rows_of(task["id"])]
        for _ in range(10):
            assert len(client.blobs.upload_for(b"x" * 300_000, [1])) == 1
            assert [blob.load() for blob in results] == [LONG] * 2
    met = [one for one in journal(tmp_path) if one.path.startswith("/blobstream") and one.fault]
    assert {one.method for one in met} == {"GET", "POST"}
    assert Fault.TRUNCATED in {one.fault for one in met if one.method == "GET"}
