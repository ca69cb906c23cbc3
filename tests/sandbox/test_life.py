"""Starting, stopping, dying and coming back."""

from __future__ import annotations

import contextlib
import json
import os
import resource
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.sandbox.conftest import ALGORITHMS
from tests.sandbox.polling import algorithm_pid, alive, eventually
from v6client.errors import ConfigurationError
from v6client.sandbox import Sandbox

IMAGE = "sandbox_average"


@pytest.fixture
def go(tmp_path: Path) -> Path:
    """A file that algorithms wait for."""
    return tmp_path / "go"


def test_stop_leaves_no_process_and_no_file(go: Path) -> None:
    sandbox = Sandbox(2, python_path=[ALGORITHMS]).start()
    directory, pids = sandbox.directory, list(sandbox.process_ids)
    assert len(pids) == 3
    task = sandbox.researcher.create_task(IMAGE, "wait_for", [str(go)], organizations=[1, 2])
    pids += [algorithm_pid(sandbox, run["id"]) for run in sandbox.researcher.runs(task["id"])]
    assert all(alive(pid) for pid in pids)
    sandbox.stop()
    assert not any(alive(pid) for pid in pids[:3])
    eventually(lambda: not any(alive(pid) for pid in pids))
    assert not directory.exists()
    sandbox.stop()


def test_a_process_with_many_open_files_can_start_one() -> None:
    # select.select refuses a descriptor from 1024; what starts a sandbox may have more files open.
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = 1200
    if hard != resource.RLIM_INFINITY and hard < wanted:
        pytest.skip(f"this machine allows {hard} open files only")
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, wanted), hard))
    with contextlib.ExitStack() as stack:
        stack.callback(resource.setrlimit, resource.RLIMIT_NOFILE, (soft, hard))
        for _ in range(1030):
            stack.enter_context(Path(os.devnull).open("rb"))
        with Sandbox(1) as sandbox:
            assert all(alive(pid) for pid in sandbox.process_ids)


PARENT = """
import json, sys, time
from tests.sandbox.polling import algorithm_pid
from v6client.sandbox import Sandbox
sandbox = Sandbox(2, directory=sys.argv[1], python_path=[sys.argv[2]]).start()
task = sandbox.researcher.create_task("sandbox_average", "wait_for", ["/never"], organizations=[1])
pid = algorithm_pid(sandbox, sandbox.researcher.runs(task["id"])[0]["id"])
print(json.dumps([*sandbox.process_ids, pid]), flush=True)
time.sleep(600)
"""


def test_nothing_survives_a_parent_that_is_killed(tmp_path: Path) -> None:
    with subprocess.Popen(  # noqa: S603 - ourselves
        [sys.executable, "-c", PARENT, str(tmp_path / "state"), str(ALGORITHMS)],
        stdout=subprocess.PIPE,
        cwd=Path(__file__).parents[2],
    ) as parent:
        assert parent.stdout is not None
        pids = json.loads(parent.stdout.readline())
        assert all(alive(pid) for pid in pids)
        parent.kill()
    eventually(lambda: not any(alive(pid) for pid in pids))


def test_a_killed_server_comes_back_with_everything(go: Path) -> None:
    with Sandbox(2, python_path=[ALGORITHMS]) as sandbox:
        researcher = sandbox.researcher
        before = researcher.create_task(IMAGE, "variables", ["LANG"], organizations=[1, 2])
        researcher.wait(before["id"])
        task = researcher.create_task(IMAGE, "wait_for", [str(go)], organizations=[1])
        (run,) = researcher.runs(task["id"])
        pid = algorithm_pid(sandbox, run["id"])
        url = sandbox.server_url
        sandbox.stop_server()
        # The run ends while nobody can be told.
        go.touch()
        eventually(lambda: not alive(pid))
        sandbox.start_server()
        assert sandbox.server_url == url
        assert researcher.task(before["id"])["status"] == "completed"
        assert researcher.wait(task["id"])["status"] == "completed"
        assert researcher.results(task["id"]) == ["seen"]
        # And the nodes take new work.
        after = researcher.create_task(IMAGE, "variables", ["LANG"], organizations=[1, 2])
        assert researcher.wait(after["id"])["status"] == "completed"


def test_a_killed_node_begins_its_open_runs_again(go: Path) -> None:
    with Sandbox(1, python_path=[ALGORITHMS]) as sandbox:
        researcher = sandbox.researcher
        task = researcher.create_task(IMAGE, "wait_for", [str(go)], organizations=[1])
        (run,) = researcher.runs(task["id"])
        first = algorithm_pid(sandbox, run["id"])
        port = sandbox.organizations[0].proxy_port
        sandbox.stop_node(1)
        eventually(lambda: not alive(first))
        assert researcher.runs(task["id"])[0]["node"]["status"] == "online"
        go.touch()
        sandbox.start_node(1)
        assert sandbox.organizations[0].proxy_port == port
        assert researcher.wait(task["id"])["status"] == "completed"


def test_a_directory_is_taken_up_again(tmp_path: Path) -> None:
    directory = tmp_path / "state"
    with Sandbox(["north", "south"], directory=directory) as sandbox:
        task = sandbox.researcher.create_task(
            "v6client.sandbox.algorithm", "echo", [1], organizations=[2]
        )
        sandbox.researcher.wait(task["id"])
        with pytest.raises(ConfigurationError, match="running in"):
            Sandbox(["north", "south"], directory=directory).start()
    with Sandbox(["north", "south"], directory=directory) as sandbox:
        assert sandbox.researcher.results(task["id"]) == [1]
        assert [one.name for one in sandbox.organizations] == ["north", "south"]
    with pytest.raises(ConfigurationError, match="another network"):
        Sandbox(["north", "east"], directory=directory).start()


def test_a_child_that_does_not_start_says_why(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    package = tmp_path / "gevent"
    package.mkdir()
    (package / "__init__.py").write_text("raise ImportError('gevent is broken here')")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    with pytest.raises(ConfigurationError, match="gevent is broken here"):
        Sandbox(1).start()


def test_one_signal_stops_a_child_cleanly() -> None:
    with Sandbox(1) as sandbox:
        for pid in sandbox.process_ids:
            os.kill(pid, signal.SIGTERM)
        eventually(lambda: not any(alive(pid) for pid in sandbox.process_ids))
