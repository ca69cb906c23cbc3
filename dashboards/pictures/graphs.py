"""Graphs over time: lines, and stacked bars."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from matplotlib.axes import Axes
from matplotlib.ticker import FuncFormatter, MaxNLocator

from dashboards.pictures.box import Box
from dashboards.pictures.colours import COLOURS, FAINT, colour_of
from dashboards.pictures.sources import Line, Sources
from dashboards.pictures.words import clock, written
from dashboards.view import View


def draw_graph(box: Box, panel: Mapping[str, Any], sources: Sources, view: View) -> None:
    """Draw a panel of Grafana's type timeseries."""
    defaults = panel["fieldConfig"]["defaults"]
    box.frame(panel["title"])
    axes = box.inside(left=1.35, top=1.1, right=0.3, bottom=1.75)
    found = [line for target in panel["targets"] for line in sources.metrics(panel, target, view)]
    fixed = {
        override["matcher"]["options"]: COLOURS[one["value"]["fixedColor"]]
        for override in panel["fieldConfig"]["overrides"]
        for one in override["properties"]
        if one["id"] == "color"
    }
    _style(axes, defaults, view, ticks=max(3, int(box.width / 2)))
    colours = [fixed.get(line.name, colour_of(line.name)) for line in found]
    if defaults["custom"]["drawStyle"] == "bars":
        _stacked(axes, found, colours, view.interval(panel))
    else:
        for line, colour in zip(found, colours, strict=True):
            axes.plot(
                *zip(*line.points, strict=True),
                color=colour,
                label=line.name,
                lw=1.8,
                marker="o",
                ms=3,
            )
        _threshold_lines(axes, defaults.get("thresholds", {}).get("steps", []))
    axes.set_ylim(0, axes.get_ylim()[1] * 1.04)
    if not found:
        axes.text(0.5, 0.5, "No data", transform=axes.transAxes, ha="center", color=FAINT)
    else:
        axes.legend(
            loc="upper left",
            bbox_to_anchor=(-0.02, -0.14),
            ncols=max(1, int(box.width / 2.6)),
            fontsize=8,
            frameon=False,
            handlelength=1.2,
            columnspacing=1.2,
        )


def _style(axes: Axes, defaults: Mapping[str, Any], view: View, ticks: int) -> None:
    axes.set_xlim(view.begin, view.end)
    axes.grid(visible=True, color="#e4e5e6", lw=0.8)
    axes.set_axisbelow(True)
    axes.tick_params(labelsize=8, colors=FAINT, length=0)
    for side in axes.spines.values():
        side.set_visible(False)
    axes.xaxis.set_major_locator(MaxNLocator(min(ticks, 6)))
    axes.xaxis.set_major_formatter(FuncFormatter(lambda at, _: clock(at)))
    axes.yaxis.set_major_locator(MaxNLocator(4))
    unit = defaults.get("unit", "none")
    axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: written(value, unit, None)))


def _threshold_lines(axes: Axes, steps: Sequence[Mapping[str, Any]]) -> None:
    top = axes.get_ylim()[1]
    for one in steps:
        if one.get("value") is not None and one["color"] in COLOURS and one["value"] <= top * 1.5:
            axes.axhline(one["value"], color=COLOURS[one["color"]], lw=1.2, ls=(0, (6, 4)))


def _stacked(axes: Axes, lines: Sequence[Line], colours: Sequence[str], width: float) -> None:
    heights: dict[float, float] = {}
    for line, colour in zip(lines, colours, strict=True):
        times = [at for at, _ in line.points]
        values = [value for _, value in line.points]
        axes.bar(
            [at - width / 2 for at in times],
            values,
            width * 0.85,
            [heights.get(at, 0.0) for at in times],
            color=colour,
            label=line.name,
        )
        for at, value in line.points:
            heights[at] = heights.get(at, 0.0) + value
