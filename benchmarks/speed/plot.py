"""The two figures that a picture says better than a table."""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

import matplotlib as mpl
from matplotlib.figure import Figure

from benchmarks.speed import sides
from benchmarks.speed.report import Figures

_OURS: Final = "#2166ac"
_UPSTREAM: Final = "#b2182b"
_OTHERS: Final = "#9e9e9e"


def draw(figures: Sequence[Figures], path: Path) -> None:
    """Draw one panel of bars for each of the quantities: the median, and the range of the rounds.

    Parameters
    ----------
    figures
        The quantities.
    path
        The PNG to write.
    """
    with mpl.rc_context({"font.size": 10, "axes.spines.top": False, "axes.spines.right": False}):
        size = (4.6 * len(figures), 3.4)
        figure = Figure(figsize=size, layout="constrained", facecolor="white")
        [panels] = figure.subplots(1, len(figures), squeeze=False)
        for axes, one in zip(panels, figures, strict=True):
            _bars(axes, one)
        figure.savefig(path, dpi=110, metadata={"Software": None})


def _bars(axes: Any, figures: Figures) -> None:  # noqa: ANN401 - untyped
    for place, (client, of) in enumerate(figures.of.items()):
        median = statistics.median(of)
        spread = [[median - min(of)], [max(of) - median]]
        axes.barh(place, median, color=_colour(client), zorder=2)
        axes.errorbar(median, place, xerr=spread, color="#333333", linewidth=1.2, zorder=3)
        axes.annotate(
            f" {median:,.0f}", (max(of), place), va="center", fontsize=9, annotation_clip=False
        )
    axes.set_yticks(range(len(figures.clients)), figures.clients)
    axes.invert_yaxis()
    axes.set_title(figures.what, fontsize=10, loc="left")
    axes.set_xlim(0, 1.15 * max(max(of) for of in figures.of.values()))
    axes.grid(visible=True, axis="x", color="#dddddd", linewidth=0.6)
    axes.set_axisbelow(True)


def _colour(client: str) -> str:
    if client == sides.UPSTREAM:
        return _UPSTREAM
    return _OURS if client in {sides.OFF, sides.ON, sides.OTLP} else _OTHERS
