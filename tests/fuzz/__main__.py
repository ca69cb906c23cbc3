"""``python -m tests.fuzz --cases 1000000 --seed 1``: broken payloads for every reader."""

from __future__ import annotations

import argparse
import math
import resource
import sys
import time
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed

import hypothesis
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.fuzz.targets import EDITS, TARGETS, Edit, Target, edited, shorten

# Hypothesis remembers what it tried: in rounds, so that its memory stays small.
_ROUND = 5000


def fuzz(name: str, seed: int, cases: int) -> tuple[str, int, int]:
    """Feed one target; give its name, how many payloads it took, and the peak memory in MB."""
    shorten(setattr)
    target = next(one for one in TARGETS if one.name == name)
    taken = 0

    def check(which: int, edits: Sequence[Edit], size: int) -> None:
        nonlocal taken
        taken += 1
        _feed(target, which, edits, size)

    run = settings(
        max_examples=cases, database=None, deadline=None, suppress_health_check=list(HealthCheck)
    )(given(st.integers(0, 100), EDITS, st.integers(1, 40))(check))
    hypothesis.seed(seed)(run)()
    return name, taken, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024


def _feed(target: Target, which: int, edits: Sequence[Edit], size: int) -> None:
    target.check(edited(target.payloads[which % len(target.payloads)], edits), size)


def main() -> int:
    """Feed all targets and print a table; an error of another kind than ours is raised."""
    parser = argparse.ArgumentParser(description=__doc__, allow_abbrev=False)
    parser.add_argument("--cases", type=int, default=1_000_000, help="payloads (%(default)s)")
    parser.add_argument("--seed", type=int, default=1, help="another one gives others")
    parser.add_argument("--jobs", type=int, default=2, help="processes (%(default)s)")
    arguments = parser.parse_args()
    each = arguments.cases / sum(target.share for target in TARGETS)
    began = time.monotonic()
    taken = {target.name: 0 for target in TARGETS}
    peak = 0
    with ProcessPoolExecutor(arguments.jobs) as pool:
        rounds = [
            pool.submit(fuzz, target.name, arguments.seed * 1_000_003 + first, _ROUND)
            for target in TARGETS
            for first in range(0, math.ceil(each * target.share), _ROUND)
        ]
        for done in as_completed(rounds):
            name, count, memory = done.result()
            taken[name] += count
            peak = max(peak, memory)
    lines = [f"{name}\t{count}" for name, count in taken.items()]
    lines.append(f"all\t{sum(taken.values())} in {time.monotonic() - began:.0f} s, peak {peak} MB")
    sys.stdout.write("\n".join(lines) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
