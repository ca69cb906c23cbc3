"""``make chaos``: many regressions under faults, and a table of what happened."""

from __future__ import annotations

import argparse
import importlib
import sys
import tempfile
import time
from pathlib import Path

from tests.chaos.campaign import EXAMPLES, ChaosRun, campaign, summary
from v6client.sandbox.faults import Faults

_GOAL = 0.95


def main() -> int:
    parser = argparse.ArgumentParser(prog="make chaos", description=__doc__)
    parser.add_argument("--runs", type=int, default=200, help="how many (default: 200)")
    parser.add_argument("--first", type=int, default=1, help="the first one's number (default: 1)")
    parser.add_argument("--share", type=float, default=0.2, help="of all requests (default: 0.2)")
    parser.add_argument("--seed", type=int, default=1, help="(default: 1)")
    parser.add_argument("--at-once", type=int, default=8, help="(default: 8)")
    arguments = parser.parse_args()
    sys.path.insert(0, str(EXAMPLES))
    example = importlib.import_module("logistic_regression.demo")
    numbers = range(arguments.first, arguments.first + arguments.runs)
    faults = Faults(arguments.share, seed=arguments.seed)
    done: list[ChaosRun] = []
    with (
        tempfile.TemporaryDirectory(prefix="v6c-") as directory,
        campaign(Path(directory), numbers, faults, example) as running,
    ):
        began = time.monotonic()
        try:
            for run in running.runs(numbers, at_once=arguments.at_once):
                done.append(run)
                _say(f"{len(done):>4} of {arguments.runs}: run {run.number} {_line(run)}")
        except KeyboardInterrupt:
            _say("\nstopped")
        _say("\n" + summary(done, running.sandbox.directory, time.monotonic() - began))
    good = sum(run.is_result for run in done) >= _GOAL * len(done)
    return 0 if good and not any(run.problems for run in done) else 1


def _line(run: ChaosRun) -> str:
    problems = "".join(f"\n      PROBLEM {one}" for one in run.problems)
    problems += f"\n      {run.message}" if run.message else ""
    return (
        f"{run.ending}, {run.seconds:.0f} s, {run.last('requests')} requests, "
        f"{run.last('retries')} retries, {run.twins} twins{problems}"
    )


def _say(text: str) -> None:
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
