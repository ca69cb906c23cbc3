"""The figures as a picture."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

import matplotlib as mpl
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from benchmarks.polling.campaign import BOUNDED, GEOMETRIC, HISTORY, UPSTREAM, Case
from benchmarks.polling.durations import SHAPES

_COLOURS: Final = {
    UPSTREAM: "#b2182b",
    GEOMETRIC: "#e08214",
    HISTORY: "#2166ac",
    BOUNDED: "#636363",
}
_MARKERS: Final = dict(zip(SHAPES, "osD^P", strict=True))
_SHORT: Final = dict(
    zip(SHAPES, ("constant", "σ = 0.2", "σ = 1", "bimodal", "heavy tail"), strict=True)
)
_OFF_THE_SCALE: Final = 20.0


def draw(cases: Sequence[Case], path: Path) -> None:
    """Draw lateness over polls, and the cost as a multiple of the optimum's.

    Parameters
    ----------
    cases
        All shapes of each median.
    path
        The PNG to write.
    """
    medians = list(dict.fromkeys(case.median for case in cases))
    with mpl.rc_context({"font.size": 10, "axes.spines.top": False, "axes.spines.right": False}):
        figure = Figure(figsize=(12, 7.6), layout="constrained", facecolor="white")
        axes = figure.subplots(2, len(medians), squeeze=False)
        for column, median in enumerate(medians):
            chosen = [case for case in cases if case.median == median]
            _scatter(axes[0][column], chosen, median)
            _bars(axes[1][column], chosen)
        axes[0][0].set_ylabel("mean lateness (s); lower left is better")
        axes[1][0].set_ylabel("cost ÷ the optimum's under the cap")
        schedules, shapes = _legend()
        figure.legend(handles=schedules, loc="outside upper center", ncols=len(schedules))
        figure.legend(handles=shapes, loc="outside lower center", ncols=len(shapes))
        figure.savefig(path, dpi=110, metadata={"Software": None})


def _scatter(axes: Any, cases: Sequence[Case], median: float) -> None:  # noqa: ANN401 - untyped
    for case in cases:
        for name, colour in _COLOURS.items():
            one = case.figures[name]
            hollow = name == BOUNDED
            axes.scatter(
                one.polls,
                one.late,
                marker=_MARKERS[case.shape],
                s=52,
                facecolors="none" if hollow else colour,
                edgecolors=colour if hollow else "white",
                linewidths=1.2 if hollow else 0.6,
                zorder=2 if hollow else 3,
            )
    axes.set(xscale="log", yscale="log", xlabel="polls of a task")
    axes.set_title(f"median {median:g} s")
    axes.xaxis.set_major_formatter("{x:g}")
    axes.yaxis.set_major_formatter("{x:g}")
    axes.xaxis.set_major_locator(mpl.ticker.LogLocator(subs=(1, 2, 5)))
    axes.xaxis.set_minor_formatter(mpl.ticker.NullFormatter())
    axes.grid(visible=True, color="#dddddd", linewidth=0.6)
    axes.set_axisbelow(True)


def _bars(axes: Any, cases: Sequence[Case]) -> None:  # noqa: ANN401 - untyped
    names = (UPSTREAM, GEOMETRIC, HISTORY)
    width = 0.8 / len(names)
    for number, name in enumerate(names):
        for place, case in enumerate(cases):
            ratio = case.ratio(name, BOUNDED)
            x = place + (number - 1) * width
            axes.bar(x, min(ratio, _OFF_THE_SCALE), width * 0.92, color=_COLOURS[name], zorder=3)
            axes.annotate(
                f"{ratio:.0f}" if ratio >= _OFF_THE_SCALE / 2 else f"{ratio:.1f}",
                (x, min(ratio, _OFF_THE_SCALE)),
                ha="center",
                va="bottom",
                fontsize=7.5,
            )
    axes.axhline(1.0, color=_COLOURS[BOUNDED], linewidth=1.2, linestyle="--", zorder=4)
    axes.set(yscale="log", ylim=(0.8, _OFF_THE_SCALE * 1.3))
    axes.set_xticks(range(len(cases)), [_SHORT[case.shape] for case in cases], fontsize=9)
    axes.set_yticks([1, 1.3, 2, 5, 10, 20], ["1", "1.3", "2", "5", "10", "≥ 20"])
    axes.yaxis.set_minor_locator(mpl.ticker.NullLocator())
    axes.grid(visible=True, axis="y", color="#dddddd", linewidth=0.6)
    axes.set_axisbelow(True)


def _legend() -> tuple[list[Line2D], list[Line2D]]:
    labels = {BOUNDED: "optimum under the cap"}
    schedules = [
        Line2D(
            [],
            [],
            linestyle="",
            marker="s",
            markersize=9,
            markerfacecolor="none" if name == BOUNDED else colour,
            markeredgecolor=colour,
            label=labels.get(name, name),
        )
        for name, colour in _COLOURS.items()
    ]
    shapes = [
        Line2D([], [], linestyle="", marker=marker, markersize=7, color="#333333", label=shape)
        for shape, marker in _MARKERS.items()
    ]
    return schedules, shapes
