"""The figures as Markdown."""

from __future__ import annotations

import math
import statistics
from collections.abc import Sequence
from typing import Final

from benchmarks.polling.campaign import (
    BOUNDED,
    GEOMETRIC,
    HISTORY,
    OPTIMUM,
    SCHEDULES,
    UPSTREAM,
    WARM_UP,
    Case,
    Change,
    Figures,
    Size,
)
from benchmarks.polling.simulation import Tuning

BEGIN: Final = "<!-- make bench-polling writes from here -->"
END: Final = "<!-- to here -->"

Sensitivity = Sequence[tuple[float, Tuning, Sequence[Case]]]


_PAGE: Final = """\
# The polling benchmark

`make bench-polling` wrote this page, the table in [waiting](waiting.md) and the picture. Time is
simulated, so the figures depend on the seed alone:
`SEED={size.seed} ALGORITHMS={size.algorithms} ROUNDS={size.rounds}`.

![Polls, lateness and cost of each schedule](polling.png)

## What is compared

- **upstream**: vantage6 4.15.2's client asks at once, then after 1 s, 1.5 s, 2.25 s and so on up to
  300 s.
- **geometric**: v6client's schedule without history, with the default settings.
- **history**: the same with the history of the rounds before. The first {warm_up} rounds of each
  algorithm are without history and not counted; the {size.rounds} after them are.
- **optimum**: the polls with the least expected cost, by dynamic programming, for a distribution
  that is known exactly. No client knows that, so it is a bound.
- **optimum, cap**: the same, but as v6client never waiting longer than 60 s for the next poll. For
  tasks of minutes it is what history can be compared with: the free optimum sleeps ten minutes over
  a task that always took ten, whatever happens to it.

The same durations for each. A poll takes 12 ms, as at the real proxy. *Late* is from the end of a
task to the answer that tells it. *Cost* is lateness in seconds plus a price for each poll: 1 % of
the median duration, but not less than 0.1 s. Nobody notices that a task was one percent longer,
but a poll keeps a proxy and a server busy that others use too. Other prices are below.

## The figures

{figures}

## When durations change

Twenty rounds around 30 s (lognormal, σ = 0.2), then forty that suddenly take a third of that, or
three times as long. A third is the worst case for an aim: nothing is asked before the time when
earlier rounds ended, until so many rounds were over by the first poll that shorter durations are
looked for.

{changes}

## Other prices and settings

The price of a poll, as a part of the median duration (of 10 s where that is longer), against
settings: the default ones; those that fit the price, with growth = √price; and a longer cap. Means
of the ratios of cost over all durations (geometric means).

{prices}
"""


def page(
    cases: Sequence[Case], changes: Sequence[Change], sensitivity: Sensitivity, size: Size
) -> str:
    """Write docs/polling.md."""
    return _PAGE.format(
        size=size,
        warm_up=WARM_UP,
        figures="\n".join(_all_figures(cases)),
        changes="\n".join(_changed(changes)),
        prices="\n".join(_prices(sensitivity)),
    )


def summary(cases: Sequence[Case]) -> str:
    """Write the table of docs/waiting.md."""
    lines = [
        (
            "| duration, median | polls: upstream | geometric | history | mean lateness: upstream "
            "| geometric | history | cost of history ÷ geometric | ÷ optimum (with cap) |"
        ),
        "|---|--:|--:|--:|--:|--:|--:|--:|--:|",
    ]
    for case in cases:
        by = [case.figures[name] for name in (UPSTREAM, GEOMETRIC, HISTORY)]
        cells = [f"{case.shape}, {_seconds(case.median)}"]
        cells += [f"{one.polls:.1f}" for one in by]
        cells += [_seconds(one.late) for one in by]
        free, bounded = case.ratio(HISTORY, OPTIMUM), case.ratio(HISTORY, BOUNDED)
        cells += [f"{case.ratio(HISTORY, GEOMETRIC):.2f}", f"{free:.2f} ({bounded:.2f})"]
        lines.append(_row(cells))
    return "\n".join(lines)


def inserted(text: str, table: str) -> str:
    """Put a table between the marks in a page.

    Raises
    ------
    ValueError
        When the page has no marks.
    """
    before, begin, rest = text.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not begin or not end:
        raise ValueError(f"the page has no {BEGIN} ... {END}")
    return f"{before}{BEGIN}\n{table}\n{END}{after}"


def _all_figures(cases: Sequence[Case]) -> list[str]:
    lines: list[str] = []
    for median in dict.fromkeys(case.median for case in cases):
        chosen = [case for case in cases if case.median == median]
        lines += [
            *([""] if lines else []),
            f"### Median {_seconds(median)}, a poll worth {_seconds(chosen[0].price)}",
            "",
            (
                "| duration | schedule | polls | late, mean | late, p95 | cost | ÷ optimum "
                "| ÷ optimum, cap |"
            ),
            "|---|---|--:|--:|--:|--:|--:|--:|",
        ]
        for case in chosen:
            lines += [_figures_row(case, name) for name in SCHEDULES]
            better = {True: "better", False: "not better"}
            lines.append(
                f"| | *history than upstream* | {better[case.fewer_polls]} "
                f"| {better[case.sooner]} | | | | |"
            )
    return lines


def _figures_row(case: Case, name: str) -> str:
    one = case.figures[name]
    cells = [case.shape, name, f"{one.polls:.1f}", _seconds(one.late), _seconds(one.late_p95)]
    cells.append(_seconds(one.cost))
    cells += [f"{case.ratio(name, best):.2f}" for best in (OPTIMUM, BOUNDED)]
    return _row([f"**{cell}**" if name == HISTORY else cell for cell in cells])


def _changed(changes: Sequence[Change]) -> list[str]:
    lines = [
        (
            "| rounds now take | of the rounds after | polls: geometric | history "
            "| mean lateness: geometric | history | cost of history ÷ geometric |"
        ),
        "|---|---|--:|--:|--:|--:|--:|",
    ]
    for change in changes:
        parts: list[tuple[str, dict[str, Figures]]] = [
            ("the first ten", change.first),
            ("the other thirty", change.later),
        ]
        for text, by in parts:
            both = [by[GEOMETRIC], by[HISTORY]]
            cells = [f"× {change.factor:.2g}", text]
            cells += [f"{one.polls:.1f}" for one in both]
            cells += [_seconds(one.late) for one in both]
            lines.append(_row([*cells, f"{both[1].cost / both[0].cost:.2f}"]))
    return lines


def _prices(sensitivity: Sensitivity) -> list[str]:
    lines = [
        "| price | growth | interval | cap | history ÷ geometric | ÷ upstream | ÷ optimum, cap |",
        "|--:|--:|--:|--:|--:|--:|--:|",
    ]
    for share, tuning, cases in sensitivity:
        cells = [f"{100 * share:g} %", f"{tuning.growth:.2g}", f"{tuning.interval:.2g} s"]
        cells.append(f"{tuning.cap:g} s")
        cells += [_mean_ratio(cases, to) for to in (GEOMETRIC, UPSTREAM, BOUNDED)]
        lines.append(_row(cells))
    return lines


def _mean_ratio(cases: Sequence[Case], to: str) -> str:
    return f"{math.exp(statistics.fmean(math.log(case.ratio(HISTORY, to)) for case in cases)):.2f}"


def _row(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"


def _seconds(seconds: float) -> str:
    if seconds < 1:
        return f"{seconds:.2g} s"
    return f"{seconds:.1f} s" if seconds < 100 and seconds % 1 else f"{seconds:.0f} s"  # noqa: PLR2004 - three digits
