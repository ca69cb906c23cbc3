"""Ten of the runs that ``make chaos`` makes hundreds of."""

from __future__ import annotations

import importlib
import sys
from pathlib import Path
from typing import Any, Final

from tests.chaos.campaign import EXAMPLES, adoption_problems, campaign, summary
from v6client.sandbox.faults import Faults

RUNS: Final = range(1, 11)
# Of ten. The share over hundreds of runs is in docs/chaos.md.
FEWEST_RESULTS: Final = 8


def test_every_run_ends_with_the_exact_result_or_a_typed_error(tmp_path: Path) -> None:
    sys.path.insert(0, str(EXAMPLES))
    example = importlib.import_module("logistic_regression.demo")
    with campaign(tmp_path, RUNS, Faults(0.2, seed=1), example) as running:
        runs = list(running.runs(RUNS, at_once=len(RUNS)))
        table = summary(runs, running.sandbox.directory, 0.0)
    assert {run.number: run.problems for run in runs if run.problems} == {}
    assert sum(run.is_result for run in runs) >= FEWEST_RESULTS, table
    # That there were faults at all, of both kinds that make a creation doubtful.
    assert sum(run.last("retries") for run in runs) > 0, table
    assert sum(run.count("task.found") for run in runs) > 0, table
    assert sum(run.twins for run in runs) > 0, table


def created(*ids: int) -> list[dict[str, Any]]:
    return [{"event": "task.created", "task_id": one} for one in ids]


def used(*ids: int) -> list[dict[str, Any]]:
    return [{"event": "task.finished", "task_id": one} for one in ids]


class TestTheJudge:
    """What would be a problem is called one."""

    server = {"k1": [2, 3], "k2": [4]}  # noqa: RUF012 - never changed

    def test_one_of_each_key_is_right(self) -> None:
        events = created(3, 4) + used(3, 4)
        assert adoption_problems(self.server, events, complete=True) == []

    def test_two_of_a_key(self) -> None:
        events = created(2, 3, 4) + used(2, 4)
        assert len(adoption_problems(self.server, events, complete=True)) >= 1
        assert len(adoption_problems(self.server, events, complete=False)) >= 1

    def test_results_of_two_or_of_another(self) -> None:
        both = created(2, 4) + used(2, 3, 4)
        other = created(2, 4) + used(3, 4)
        assert adoption_problems(self.server, both, complete=False)
        assert adoption_problems(self.server, other, complete=True)

    def test_a_result_without_all_keys_adopted(self) -> None:
        events = created(2) + used(2)
        assert adoption_problems(self.server, events, complete=True)
        assert adoption_problems(self.server, events, complete=False) == []

    def test_adopted_what_the_server_does_not_have(self) -> None:
        assert adoption_problems(self.server, created(9), complete=False)
