"""Tables: of figures, and of traces."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

from matplotlib.patches import Rectangle

from dashboards.pictures.box import Box
from dashboards.pictures.colours import FAINT, INK, step_of
from dashboards.pictures.sources import Sources
from dashboards.pictures.words import clock, written
from dashboards.view import View


def draw_table(box: Box, panel: Mapping[str, Any], sources: Sources, view: View) -> None:
    """Draw a panel of Grafana's type table."""
    if panel["datasource"]["type"] == "jaeger":
        _found(box, panel, sources, view)
        return
    overrides = {
        one["matcher"]["options"]: {each["id"]: each["value"] for each in one["properties"]}
        for one in panel["fieldConfig"]["overrides"]
    }
    labels = [name for name in overrides if not name.startswith("Value")]
    values = [name for name in overrides if name.startswith("Value")]
    rows: dict[tuple[str, ...], dict[str, float]] = {}
    for name, target in zip(values, panel["targets"], strict=True):
        for line in sources.metrics(panel, target, view):
            key = tuple(line.labels.get(one, "") for one in labels)
            rows.setdefault(key, {})[name] = line.last
    by_title = {overrides[name]["displayName"]: name for name in values}
    sort = by_title[panel["options"]["sortBy"][0]["displayName"]]
    ordered = sorted(rows.items(), key=lambda row: (-row[1].get(sort, -1.0), row[0]))
    table = [
        [(text, None) for text in key]
        + [_cell(found.get(name), overrides[name]) for name in values]
        for key, found in ordered
    ]
    heads = [overrides[name]["displayName"] for name in (*labels, *values)]
    weights = [1.3 if len(labels) == 1 else _wide(name) for name in labels] + [1.0] * len(values)
    _cells(box, panel["title"], heads, table, weights)


def _wide(label: str) -> float:
    return {"url_template": 2.2, "v6client_run_status": 2.2}.get(label, 1.0)


def _cell(value: float | None, looks: Mapping[str, Any]) -> tuple[str, str | None]:
    empty = value is None or math.isnan(value)
    at = -math.inf if value is None or empty else value
    colour = step_of(at, looks["thresholds"]) if "thresholds" in looks else None
    return "" if empty else written(at, looks["unit"], looks["decimals"]), colour


def _cells(
    box: Box,
    title: str,
    heads: Sequence[str],
    rows: Sequence[Sequence[tuple[str, str | None]]],
    weights: Sequence[float],
) -> None:
    box.frame(title)
    axes = box.inside(left=0.15, top=1.0, right=0.15, bottom=0.15)
    axes.set_axis_off()
    room = int(box.height - 1.2) - 1
    axes.set_xlim(0, sum(weights))
    axes.set_ylim(room + 1, 0)
    left = 0.0
    for column, (head, weight) in enumerate(zip(heads, weights, strict=True)):
        axes.text(left + 0.05, 0.5, head, size=9, weight="bold", color=FAINT, va="center")
        for number, row in enumerate(rows[:room], 1):
            text, colour = row[column]
            if colour:
                axes.add_patch(
                    Rectangle((left + 0.01, number + 0.06), weight - 0.02, 0.88, color=colour, lw=0)
                )
            axes.text(
                left + 0.05,
                number + 0.5,
                text,
                size=9.5,
                va="center",
                color="white" if colour else INK,
                weight="bold" if colour else "normal",
            )
        left += weight
    if not rows:
        axes.text(0.05, 1.5, "No data", size=9.5, color=FAINT, va="center")


def _found(box: Box, panel: Mapping[str, Any], sources: Sources, view: View) -> None:
    traces = sources.traces(panel, panel["targets"][0], view)
    rows = []
    for trace in traces:
        first = min(trace["spans"], key=lambda span: int(span["startTime"]))
        begin = int(first["startTime"])
        end = max(int(one["startTime"]) + int(one["duration"]) for one in trace["spans"])
        service = trace["processes"][first["processID"]]["serviceName"]
        texts = (
            trace["traceID"],
            f"{service}: {first['operationName']}",
            clock(begin / 1e6),
            written((end - begin) / 1e6, "s", 1),
        )
        rows.append((begin, [(text, None) for text in texts]))
    rows.sort(key=lambda row: -row[0])
    heads = ["Trace ID", "Trace name", "Start time", "Duration"]
    _cells(box, panel["title"], heads, [row for _, row in rows], [3.0, 2.2, 1.0, 1.0])
