"""A job read for ``v6client trace --job``, as a container and as a user sees it."""

from __future__ import annotations

import pytest

from tests.contract.conftest import client_of
from tests.contract.networks import IMAGE, Network
from v6client import TaskFailed
from v6client.cli.trace.assemble import jobs_of
from v6client.cli.trace.job import Job, State
from v6client.cli.trace.rebuild import rebuilt
from v6client.cli.trace.server import JobReader
from v6client.errors import ConfigurationError
from v6client.http.address import Address
from v6client.server_time import seconds_of

NOW = 4_000_000_000.0


def read_job(reader: JobReader, job_id: int) -> Job:
    [job] = jobs_of(rebuilt(reader.job(job_id), now=NOW).records)
    return job


@pytest.mark.also_older
def test_a_container_reads_the_job_that_it_is_of(network: Network, running: list[int]) -> None:
    with network.open_container(image=IMAGE) as container:
        client = client_of(container)
        done = client.task.create({"method": "tree", "args": [running[:2], 1]}, running[:2])
        client.wait_for_results(done["id"])
        failing = client.task.create({"method": "crash"}, running[:1])
        with pytest.raises(TaskFailed):
            client.wait_for_results(failing["id"])
        job_id = client.task.get(container.task_id)["job_id"]
        reader = JobReader(container.host, container.port, container.path)
        reader.allow(container.token)
        job = read_job(reader, job_id)
        with pytest.raises(ConfigurationError, match="there is no job"):
            reader.job(987_654)
        reader.close()
    rows = {
        run["id"]: (task, run)
        for task in network.researcher.tasks(job_id=job_id)
        for run in network.researcher.runs(task["id"])
    }
    assert {run.run_id for run in job.all_runs()} == set(rows)
    for found in job.all_runs():
        task, run = rows[found.run_id]
        assert found.organization_id == run["organization"]["id"]
        creator = found.task.creator
        assert (creator and creator.task.task_id) == (task["parent"] and task["parent"]["id"])
        if found.state is State.OPEN:
            continue
        assert found.status == run["status"]
        assert (found.ended or 0) / 1e9 == pytest.approx(seconds_of(run["finished_at"]), abs=0.01)
    [failed] = [run for run in job.all_runs() if run.state is State.FAILED]
    assert failed.task.task_id == failing["id"]


def test_a_login_that_is_wrong_is_refused(network: Network) -> None:
    address = Address.of(network.server_url.removesuffix("/api"), None, "/api")
    reader = JobReader(address.host, None, address.path)
    with pytest.raises(ConfigurationError, match="refuses this username"):
        reader.log_in("nobody", "canary-Passw0rd!")
    reader.close()
