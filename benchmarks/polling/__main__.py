"""Compare the polling schedules in simulated time, and write the result to the docs."""

from __future__ import annotations

import argparse
import dataclasses
import math
import sys
import time
from pathlib import Path

from benchmarks.polling import report
from benchmarks.polling.campaign import SHARE, Case, Size, case, cases, change
from benchmarks.polling.durations import MEDIANS, SHAPES
from benchmarks.polling.plot import draw
from benchmarks.polling.simulation import Tuning

DOCS = Path(__file__).parents[2] / "docs"


def main() -> int:
    """Run the benchmark."""
    parser = argparse.ArgumentParser(prog="make bench-polling", description=__doc__)
    parser.add_argument("--seed", type=int, default=Size().seed, help="(default: %(default)s)")
    parser.add_argument(
        "--algorithms", type=int, default=Size().algorithms, help="(default: %(default)s)"
    )
    parser.add_argument(
        "--rounds", type=int, default=Size().rounds, help="of each, counted (default: %(default)s)"
    )
    parser.add_argument(
        "--docs", type=Path, default=DOCS, help="where polling.md, polling.png and waiting.md are"
    )
    arguments = parser.parse_args()
    size = Size(arguments.algorithms, arguments.rounds, arguments.seed)
    began = time.monotonic()

    simulated = []
    for one in cases(size):
        simulated.append(one)
        _say(_line(one))
    changes = [change(factor, size) for factor in (1 / 3, 3.0)]
    # Means over fifteen durations: a quarter of the algorithms is enough for them.
    less = dataclasses.replace(size, algorithms=max(1, size.algorithms // 4))
    sensitivity = [
        (share, tuning, _all_cases(less, share, tuning))
        for share, tuning in (
            (SHARE / 5, Tuning()),
            (SHARE / 5, _fitting(SHARE / 5)),
            (SHARE, Tuning()),
            (SHARE, Tuning(cap=300)),
            (SHARE * 5, Tuning()),
            (SHARE * 5, _fitting(SHARE * 5)),
        )
    ]

    text = report.page(simulated, changes, sensitivity, size)
    (arguments.docs / "polling.md").write_text(text, "utf-8")
    waiting = arguments.docs / "waiting.md"
    waiting.write_text(
        report.inserted(waiting.read_text("utf-8"), report.summary(simulated)), "utf-8"
    )
    draw(simulated, arguments.docs / "polling.png")
    _say(f"Wrote polling.md, polling.png and waiting.md in {time.monotonic() - began:.0f} s.")
    return 0


def _fitting(share: float) -> Tuning:
    """Give the settings of which the price of a poll is this: the default ones for ``SHARE``."""
    return Tuning(interval=share / SHARE, growth=math.sqrt(share))


def _all_cases(size: Size, share: float, tuning: Tuning) -> list[Case]:
    return [
        case(shape, median, size, share=share, tuning=tuning)
        for median in MEDIANS
        for shape in SHAPES
    ]


def _line(one: Case) -> str:
    figures = ", ".join(
        f"{name} {by.polls:.1f} polls {by.late:.3g} s" for name, by in one.figures.items()
    )
    return f"{one.shape}, {one.median:g} s: {figures}"


def _say(text: str) -> None:
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
