"""A trace as a tree with a waterfall."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

from matplotlib.axes import Axes
from matplotlib.patches import Rectangle

from dashboards.pictures.words import written

# What a person looks for; requests and look-ups are left out of the picture.
_SHOWN: Final = frozenset({"algorithm", "task.create", "run", "task.wait"})
# Parts of the width: for the names, and for what is said behind a bar.
_NAMES: Final = 0.3
_SAID: Final = 0.13
_ROOM: Final = 44
_GOOD, _BAD, _WAITING, _INK, _FAINT = "#5794f2", "#e02f44", "#c9d7ee", "#24292e", "#6e7680"


def draw_tree(axes: Axes, trace: Mapping[str, Any]) -> None:
    """Draw a trace: those spans that tell what a job did, as many as there is room for."""
    spans = trace["spans"]
    begin = min(int(one["startTime"]) for one in spans)
    shown = [(depth, span) for depth, span in _walk(spans) if span["operationName"] in _SHOWN]
    # The root, and what else goes on below the picture's end, is cut there.
    below = [span for depth, span in shown[:_ROOM] if depth] or spans
    length = max(int(one["startTime"]) + int(one["duration"]) for one in below) - begin
    axes.set_axis_off()
    axes.set_xlim(0, 1)
    axes.set_ylim(min(len(shown), _ROOM) + 1, 0)
    more = f", the first {_ROOM} of {len(shown)}" if len(shown) > _ROOM else ""
    axes.text(
        *(0, 0.5),
        f"{trace['traceID']}   {len(spans)} spans; shown: {', '.join(sorted(_SHOWN))}{more}",
        size=8.5,
        color=_FAINT,
        va="center",
    )
    for row, (depth, span) in enumerate(shown[:_ROOM], 1):
        _row(axes, row, depth, span, (begin, length))


def _row(axes: Axes, row: int, depth: int, span: Mapping[str, Any], scale: tuple[int, int]) -> None:
    tags = {one["key"]: one["value"] for one in span["tags"]}
    begin, length = scale
    start = (int(span["startTime"]) - begin) / length
    width = min(int(span["duration"]) / length, 1 - start)
    wide = 1 - _NAMES - _SAID
    failed = tags.get("error") in {True, "true"}
    colour = _BAD if failed else _GOOD
    words = [span["operationName"]]
    if "v6client.organization.id" in tags:
        words.append(f"organization {tags['v6client.organization.id']}")
    if span["operationName"] in {"task.create", "task.wait"} and "v6client.task.id" in tags:
        words.append(f"task {tags['v6client.task.id']}")
    text = "  ".join(words)
    axes.text(
        depth * 0.014,
        row + 0.5,
        text,
        size=8.5,
        va="center",
        color=_BAD if failed else _INK,
        weight="bold" if failed else "normal",
    )
    left = _NAMES + start * wide
    axes.add_patch(Rectangle((left, row + 0.15), max(width * wide, 0.001), 0.7, color=colour, lw=0))
    queue = float(tags.get("v6client.run.queue", 0.0)) * 1e6 / length
    if queue:
        axes.add_patch(Rectangle((left, row + 0.15), queue * wide, 0.7, color=_WAITING, lw=0))
    said = [written(int(span["duration"]) / 1e6, "s", 1)]
    if failed:
        causes = (tags.get("v6client.run.status"), tags.get("error.type"))
        said += sorted({str(one) for one in causes if one})
    axes.text(
        left + width * wide + 0.004,
        row + 0.5,
        "  ".join(said),
        size=8,
        va="center",
        color=_BAD if failed else _FAINT,
    )


def _walk(spans: list[dict[str, Any]]) -> Iterator[tuple[int, dict[str, Any]]]:
    ids = {one["spanID"] for one in spans}
    below: dict[str, list[dict[str, Any]]] = {}
    for one in spans:
        parents = [ref["spanID"] for ref in one["references"] if ref["refType"] == "CHILD_OF"]
        parent = parents[0] if parents and parents[0] in ids else ""
        below.setdefault(parent, []).append(one)
    waiting = [(0, one) for one in _ordered(below.get("", []))]
    while waiting:
        depth, span = waiting.pop(0)
        yield depth, span
        waiting[:0] = [(depth + 1, one) for one in _ordered(below.get(span["spanID"], []))]


def _ordered(spans: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return sorted(spans, key=lambda one: int(one["startTime"]))
