"""The command itself: its processes, its users, its end."""

from __future__ import annotations

import importlib.util
import json
import re
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from v6client.cli import main

# Not importorskip: to import Locust patches this process.
needs_locust = pytest.mark.skipif(
    any(importlib.util.find_spec(name) is None for name in ("locust", "gevent", "flask")),
    reason="needs v6client[loadtest]",
)
PATIENCE = 60


def start(folder: Path, *options: str) -> subprocess.Popen[str]:
    return subprocess.Popen(  # noqa: S603 - our own command
        [sys.executable, "-c", _MAIN, "loadtest", "--report", str(folder), *options],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


_MAIN = "import sys; from v6client.cli import main; sys.exit(main())"


def ended(process: subprocess.Popen[str], folder: Path) -> tuple[dict[str, Any], str]:
    out, errors = process.communicate(timeout=PATIENCE)
    assert process.returncode == 0, errors
    text = (folder / "report.md").read_text("utf-8")
    assert text in out
    assert (folder / "report.html").read_text("utf-8").startswith("<!doctype html>")
    counts: dict[str, Any] = json.loads((folder / "counts.json").read_text("utf-8"))
    return counts, text


@needs_locust
def test_users_wait_at_the_same_time(tmp_path: Path) -> None:
    """Of twenty that blocked each other, three could have seen the end of 2 s of work in 7 s."""
    options = ["--users", "20", "--rate", "100", "--seconds", "7", "--mix", "long", "--long", "2"]
    counts, text = ended(start(tmp_path, *options, "--pause", "30"), tmp_path)
    # Once each, because of the pause.
    assert counts["algorithms"]["long"]["ended"] == {"completed": 20}
    assert len(counts["users"]["long"]) == 20
    assert "Nobody starved." in text
    # Telemetry is on: what was exported has the spans of their subtasks.
    traces = "".join(one.read_text("utf-8") for one in (tmp_path / "traces").iterdir())
    assert traces.count('"task.create"') >= 20


@needs_locust
def test_a_master_and_two_workers_share_the_load(tmp_path: Path) -> None:
    options = ["--users", "6", "--rate", "6", "--seconds", "6", "--workers", "2"]
    counts, text = ended(start(tmp_path, *options, "--mix", "short"), tmp_path)
    assert len(counts["users"]["short"]) == 6
    assert counts["algorithms"]["short"]["ended"] == {
        "completed": counts["algorithms"]["short"]["ended"]["completed"]
    }
    # A master makes no load itself, so these are three processes.
    assert len(list((tmp_path / "traces").iterdir())) >= 2
    assert max(row.get("users", 0) for row in counts["seconds"].values()) == 6
    total = sum(sum(row["times"].values()) for row in counts["endpoints"].values())
    assert f"{total} requests on the wire" in text


@needs_locust
def test_ctrl_c_gives_the_report_so_far(tmp_path: Path) -> None:
    process = start(tmp_path, "--users", "2", "--seconds", "600", "--mix", "short")
    assert process.stderr is not None
    # The first line that says how it goes.
    line = process.stderr.readline()
    assert re.match(r" +5 s +2 users", line), line
    began = time.monotonic()
    process.send_signal(signal.SIGINT)
    counts, text = ended(process, tmp_path)
    assert time.monotonic() - began < 30
    assert counts["algorithms"]["short"]["ended"]["completed"] > 0
    assert "for 600 s" in text


@needs_locust
def test_a_restart_is_survived_and_reported(tmp_path: Path) -> None:
    options = ["--users", "10", "--rate", "10", "--seconds", "14", "--mix", "short"]
    options += ["--restart-at", "4", "--restart-for", "1"]
    counts, text = ended(start(tmp_path, *options), tmp_path)
    assert counts["errors"].get("connection_refused", 0) > 0
    assert counts["retries"]["never_sent"] > 0
    # The client waits for the proxy: no algorithm ended with an error.
    assert set(counts["algorithms"]["short"]["ended"]) == {"completed"}
    assert re.search(r"The proxy was away for \d+\.\d s\. .* times as many\.", text)
    assert "Nobody starved." in text


@pytest.mark.parametrize(
    ("options", "told"),
    [
        (["--users", "2001"], "--users 2001"),
        (["--seconds", "3601"], "--seconds 3601"),
        (["--workers", "17"], "--workers"),
        (["--mix", "nobody"], "there are short"),
        (["--token-file", "x"], "go with --address"),
        (["--address", "http://127.0.0.1:1"], "--address needs --token-file"),
        (["--role", "worker"], "--role goes with --address"),
    ],
)
@needs_locust
def test_what_cannot_be_is_told_before_anything_starts(
    options: list[str], told: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["loadtest", "--report", str(tmp_path / "none"), *options]) == 1
    assert told in capsys.readouterr().err
    assert not (tmp_path / "none").exists()


@needs_locust
def test_an_address_elsewhere_is_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    token = tmp_path / "token"
    token.write_text("canary")
    words = ["loadtest", "--address", "http://192.0.2.1:80", "--token-file", str(token)]
    assert main(words) == 1
    told = capsys.readouterr().err
    assert "--i-own-this-proxy" in told
    assert "canary" not in told
    # One's own, but nobody's token.
    assert main(["loadtest", "--address", "http://127.0.0.1:9", *words[3:]]) == 1
    told = capsys.readouterr().err
    assert "token" in told
    assert "canary" not in told


def test_help_names_the_bounds_and_the_guard(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended_with:
        main(["loadtest", "--help"])
    assert ended_with.value.code == 0
    told = capsys.readouterr().out
    for text in ("at most 2000", "at most 3600", "--i-own-this-proxy", "--workers", "crowd"):
        assert text in told


def test_the_command_line_alone_imports_neither_gevent_nor_locust() -> None:
    code = (
        "import sys, contextlib\n"
        "from v6client.cli import main\n"
        "with contextlib.suppress(SystemExit): main(['loadtest', '--help'])\n"
        "print({'gevent', 'locust', 'flask'} & set(sys.modules))"
    )
    done = subprocess.run(  # noqa: S603 - our own code
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    assert done.stdout.splitlines()[-1] == "set()"
