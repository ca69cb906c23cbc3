"""``v6client sandbox`` as a person uses it."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.sandbox.conftest import ALGORITHMS, write_tables
from tests.sandbox.polling import alive, eventually
from v6client.cli import main

COMMAND = [sys.executable, "-m", "v6client", "sandbox"]


@pytest.fixture(scope="module")
def directory(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("up") / "state"


@pytest.fixture(scope="module")
def up(directory: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A network that is up; gives what it printed."""
    tables = write_tables(tmp_path_factory.mktemp("tables"), [1, 2], [6])
    options = [
        *("--organizations", "2", "--directory", str(directory)),
        *("--database", f"1:default={tables[0]['default']}"),
        *("--database", f"2:default={tables[1]['default']}"),
        *("--python-path", str(ALGORITHMS), "--algorithm", "average=sandbox_average"),
    ]
    with subprocess.Popen(  # noqa: S603 - ourselves
        [*COMMAND, "up", *options], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        printed = ""
        while "Ctrl-C" not in printed:
            line = process.stdout.readline()
            assert line, process.stderr.read()
            printed += line
        children = _children(process.pid)
        assert len(children) == 3
        yield printed
        process.send_signal(signal.SIGINT)
        rest, errors = process.communicate(timeout=30)
    assert (process.returncode, rest, errors) == (0, "\nstopping\n", "")
    eventually(lambda: not any(alive(pid) for pid in children))


def _children(pid: int) -> list[int]:
    return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def _run(directory: Path, *options: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(  # noqa: S603 - ourselves
        [*COMMAND, "run", "--directory", str(directory), *options],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def test_up_says_where_everything_is(up: str, directory: Path) -> None:
    assert re.search(r"server  http://127\.0\.0\.1:\d+/api\n", up)
    assert re.search(r" 2  organization-2  http://127\.0\.0\.1:\d+\n", up)
    login = directory / "researcher.json"
    assert str(login) in up
    assert login.stat().st_mode & 0o777 == 0o600
    assert json.loads(login.read_text())["password"] not in up


@pytest.mark.usefixtures("up")
def test_run_shows_progress_and_prints_results(directory: Path) -> None:
    done = _run(
        directory,
        *("--image", "average", "--method", "central", "--organization", "1"),
        *("--args", '["age"]', "--kwargs", '{"organizations": [1, 2]}', "--database", "default"),
    )
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout) == [3.0]
    assert "organization 1: completed" in done.stderr


@pytest.mark.usefixtures("up")
def test_run_shows_the_log_of_a_failure(directory: Path) -> None:
    done = _run(
        directory,
        *("--image", "v6client.sandbox.algorithm", "--method", "crash", "--organization", "2"),
        *("--args", '["what went wrong"]'),
    )
    assert (done.returncode, done.stdout) == (1, "")
    assert "what went wrong" in done.stderr
    assert "organization 2: crashed" in done.stderr


@pytest.mark.usefixtures("up")
def test_a_second_up_in_the_same_directory_is_refused(directory: Path) -> None:
    done = subprocess.run(  # noqa: S603 - ourselves
        [*COMMAND, "up", "--organizations", "2", "--directory", str(directory)],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 1
    assert "running in" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["up", "--organizations", "0"], "at least one"),
        (["up", "--database", "default"], "name=value"),
        (["up", "--database", "9:default=/etc/hosts"], "'9' is no organization"),
        (["up", "--database", "default=/no/such/file"], "/no/such/file"),
        (["run", "--args", "[", "--image", "i", "--method", "m", "--organization", "1"], "no JSON"),
        (["run", "--args", "{}", "--image", "i", "--method", "m", "--organization", "1"], "list"),
        (["run", "--image", "i", "--method", "m", "--organization", "1"], "there is no network"),
    ],
)
def test_a_wrong_line_is_explained(
    options: list[str],
    message: str,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert main(["sandbox", *options, "--directory", str(tmp_path / "none")]) == 1
    error = capsys.readouterr().err
    assert message in error
    assert "Traceback" not in error


def test_a_network_that_is_down_is_explained(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    login = {"server_url": "http://127.0.0.1:1/api", "username": "u", "password": "p"}
    (tmp_path / "researcher.json").write_text(json.dumps(login))
    options = ["--image", "i", "--method", "m", "--organization", "1"]
    assert main(["sandbox", "run", *options, "--directory", str(tmp_path)]) == 1
    assert "is `v6client sandbox up` running?" in capsys.readouterr().err


def test_missing_packages_are_named(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda _: None)
    assert main(["sandbox", "up", "--directory", str(tmp_path)]) == 1
    assert "pip install 'v6client[sandbox]'" in capsys.readouterr().err


def test_the_default_directory_is_the_users(monkeypatch: pytest.MonkeyPatch) -> None:
    from v6client.cli import sandbox as command  # noqa: PLC0415 - after the variable is set

    monkeypatch.setitem(os.environ, "XDG_STATE_HOME", "/state")
    assert command._default_directory() == Path("/state/v6client/sandbox")
    monkeypatch.delenv("XDG_STATE_HOME")
    assert command._default_directory().parts[-4:] == (".local", "state", "v6client", "sandbox")
