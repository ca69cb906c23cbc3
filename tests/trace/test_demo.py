"""The end of a demo: the tree in the terminal, and the path of the page."""

from __future__ import annotations

import re
import sys
from pathlib import Path

import pytest

from v6client.cli import main

_ALGORITHM = """
from v6client import AlgorithmClient, algorithm_client

@algorithm_client
def central(client: AlgorithmClient) -> list[int]:
    ids = [one["id"] for one in client.organization.list()]
    return client.wait_for_results(client.task.create({"method": "part"}, ids)["id"])

def part() -> int:
    return 1
"""
_DEMO = """
PACKAGE = "tiny_example"
INPUT = {"method": "central", "kwargs": {}}

def prepare(directory):
    (directory / "one.csv").write_text("a\\n1\\n")
    return [{"default": directory / "one.csv"}] * 2

def report(result, databases):
    return f"sum {sum(result)}", sum(result) == 2
"""


def test_the_demo_ends_with_the_tree_and_a_page_that_stays(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    monkeypatch.setattr("tempfile.tempdir", None)
    monkeypatch.setattr(sys, "path", [*sys.path])
    folder = tmp_path / "tiny_example"
    folder.mkdir()
    (folder / "__init__.py").write_text(_ALGORITHM)
    (folder / "demo.py").write_text(_DEMO)
    assert main(["demo", str(folder)]) == 0
    output = capsys.readouterr().out
    assert "sum 2" in output
    assert "task 2" in output
    assert "2 of 2 completed" in output
    assert re.search(r"made \d+ requests, \d+ of them retries, and \d+ status polls", output)
    found = re.search(r"for a browser: (\S+)", output)
    assert found is not None
    page = Path(found[1])
    assert "Job of task 1" in page.read_text()
    # The containers' own files lie beside it, for what else somebody has.
    assert main(["trace", str(page.parent)]) == 0
    assert "3 of 3 runs completed" in capsys.readouterr().out
