"""The benchmark of speed: its arithmetic, and one run of what only counts."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
from benchmarks.speed import sides
from benchmarks.speed.plot import draw
from benchmarks.speed.report import Count, Figures, Measured, Ratio, document, table

ROOT = Path(__file__).parents[2]


def figures() -> Figures:
    found = Figures("CPU, µs", ["ours", "upstream"])
    # The machine was three times as slow in the last round, for both of them.
    for ours, theirs in ((10.0, 20.0), (12.0, 20.0), (33.0, 60.0)):
        found.add("ours", ours)
        found.add("upstream", theirs)
    return found


def test_what_is_compared_is_within_a_round() -> None:
    ratio = Ratio("CPU", figures(), "ours", "upstream", 0.55)
    assert ratio.quartiles() == pytest.approx((0.525, 0.55, 0.575))
    assert ratio.is_met()


@pytest.mark.parametrize(
    ("goal", "is_least", "is_met"),
    [(0.5, False, False), (0.6, False, True), (0.5, True, True), (0.6, True, False)],
)
def test_a_missed_goal_is_told(goal: float, is_least: bool, is_met: bool) -> None:
    ratio = Ratio("CPU of a request", figures(), "ours", "upstream", goal, is_least=is_least)
    measured = Measured([], [ratio], [Count("a list", "ours", 6, 1, {"GET /x": 6}, most=5)])
    cpu = [] if is_met else ["CPU of a request against upstream"]
    assert measured.missed() == [*cpu, "a list"]
    assert table(measured).count("**missed**") == len(measured.missed())
    assert [one["met"] for one in document(measured)["ratios"]] == [is_met]


def test_one_round_has_no_spread() -> None:
    one = Figures("x", ["ours", "upstream"])
    one.add("ours", 1)
    one.add("upstream", 2)
    assert Ratio("x", one, "ours", "upstream", None).quartiles() == (0.5, 0.5, 0.5)


def test_a_picture_is_drawn(tmp_path: Path) -> None:
    draw([figures(), figures()], tmp_path / "picture.png")
    assert (tmp_path / "picture.png").read_bytes().startswith(b"\x89PNG")


def run(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(  # noqa: S603 - our own module
        [sys.executable, "-m", "benchmarks.speed", *arguments],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )


@pytest.mark.skipif(bool(sides.why_not()), reason=f"{sides.why_not()}: type 'make contract'")
def test_requests_and_connections_against_upstream(tmp_path: Path) -> None:
    done = run("--only", "counts", "--json", str(tmp_path / "figures.json"))
    # A result can only be read of one task at a time, which is the goal that is missed.
    assert done.returncode == 1, done.stderr
    missed = done.stdout.partition("Goals missed: ")[2].strip().rstrip(".").split("; ")
    assert missed == [f"reads of the results of {many} subtasks" for many in (100, 1000)]
    counts = json.loads((tmp_path / "figures.json").read_text())["counts"]
    requests = {(one["what"], one["client"]): one["requests"] for one in counts}
    for organizations in (4, 50):
        what = f"task.create for {organizations} organizations, twice"
        assert requests[what, sides.OFF] == 5
        assert requests[what, sides.UPSTREAM] == 2 * (organizations + 2)
    assert requests["list of 500 organizations", sides.OFF] == 5
    assert requests["list of 500 organizations", sides.UPSTREAM] == 50
    assert 0 < requests["polls of 1000 subtasks, waited for at once", sides.OFF] <= 300


def test_wrong_arguments_are_told() -> None:
    done = run("--rounds", "0")
    assert done.returncode == 2
    assert "--rounds has to be at least 1" in done.stderr
