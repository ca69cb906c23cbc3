"""A dashboard's JSON as a picture."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Final

from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from dashboards.pictures.box import Box
from dashboards.pictures.colours import FAINT, INK, PAPER, step_of
from dashboards.pictures.graphs import draw_graph
from dashboards.pictures.sources import Sources
from dashboards.pictures.tables import draw_table
from dashboards.pictures.tree import draw_tree
from dashboards.pictures.words import written
from dashboards.view import View

_INCH_WIDE: Final = 15.0
_INCH_HIGH: Final = 0.36
_HEAD: Final = 1.6


def draw(
    document: Mapping[str, Any], sources: Sources, view: View, path: Path, subtitle: str = ""
) -> None:
    """Draw a dashboard into a PNG file.

    Parameters
    ----------
    document
        Its JSON.
    sources
        Where its data is.
    view
        The time range, and what is chosen.
    path
        Where the picture goes.
    subtitle
        What is to be seen, below the title.
    """
    panels = document["panels"]
    rows = _HEAD + max(one["gridPos"]["y"] + one["gridPos"]["h"] for one in panels)
    figure = Figure(figsize=(_INCH_WIDE, rows * _INCH_HIGH), facecolor=PAPER)
    FigureCanvasAgg(figure)
    figure.text(
        0.006, 1 - 0.55 / rows, document["title"], size=17, weight="bold", color=INK, va="center"
    )
    figure.text(0.006, 1 - 1.25 / rows, subtitle, size=10, color=FAINT, va="center")
    for panel in panels:
        at = panel["gridPos"]
        box = Box(figure, at["x"], at["y"] + _HEAD, at["w"], at["h"], rows)
        _DRAWN[panel["type"]](box, panel, sources, view)
    figure.savefig(path, dpi=100, metadata={"Software": None})


def _stat(box: Box, panel: Mapping[str, Any], sources: Sources, view: View) -> None:
    defaults = panel["fieldConfig"]["defaults"]
    lines = sources.metrics(panel, panel["targets"][0], view)
    name = ""
    if lines:
        text = written(lines[0].last, defaults.get("unit", "none"), defaults.get("decimals"))
        name = lines[0].name
        colour = step_of(lines[0].last, defaults["thresholds"])
    else:
        text = defaults.get("noValue", "No data")
        colour = step_of(-math.inf, defaults["thresholds"])
    box.frame(panel["title"], colour, "white")
    axes = box.inside()
    axes.set_axis_off()
    axes.text(
        0.5,
        0.45 if not name else 0.5,
        text,
        size=25,
        color="white",
        ha="center",
        va="center",
        weight="bold",
    )
    axes.text(0.5, 0.14, name, size=12, color="white", ha="center", va="center", weight="bold")


def _trace(box: Box, panel: Mapping[str, Any], sources: Sources, view: View) -> None:
    box.frame(panel["title"])
    axes = box.inside(left=0.2, top=1.0, right=0.2, bottom=0.2)
    traces = sources.traces(panel, panel["targets"][0], view)
    if traces:
        draw_tree(axes, traces[0])


_DRAWN: Final[Mapping[str, Callable[[Box, Mapping[str, Any], Sources, View], None]]] = {
    "stat": _stat,
    "table": draw_table,
    "timeseries": draw_graph,
    "traces": _trace,
}
