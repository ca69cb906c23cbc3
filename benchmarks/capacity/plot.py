"""The curve: p95 of a request, and lateness, against the containers that wait."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Final

import matplotlib as mpl

mpl.use("Agg")

from matplotlib import pyplot as plt

from benchmarks.capacity.figures import SIDES, Point, client_of
from benchmarks.capacity.model import Proxy, predict

_CURVE: Final = (5, 10, 20, 35, *range(50, 601, 25))
_COLOURS: Final = ("tab:red", "tab:blue", "tab:green", "tab:gray")


def draw(proxy: Proxy, points: Sequence[Point], mean: float, path: Path) -> None:
    """Draw measured points and the model's lines."""
    figure, (left, right) = plt.subplots(1, 2, figsize=(11, 4.2))
    for side, colour in zip(SIDES, _COLOURS, strict=True):
        mine = [one for one in points if one.side == side]
        client = client_of(side, proxy)
        lines = [predict(proxy, client, one, mean) for one in _CURVE]
        for axes, model, seen in (
            (left, [1e3 * one.p95 for one in lines], [1e3 * one.measured.p95 for one in mine]),
            (right, [one.late for one in lines], [one.measured.late for one in mine]),
        ):
            axes.plot(_CURVE, model, color=colour, linewidth=1)
            axes.plot([one.containers for one in mine], seen, "o", color=colour, label=side)
    left.set(yscale="log", ylabel="p95 of a request, ms")
    right.set(ylabel="end seen late, mean, s", ylim=(0, None))
    for axes in (left, right):
        axes.set(xlabel="containers that wait", xlim=(0, None))
        axes.grid(alpha=0.3)
    left.legend(fontsize=8, title="points: measured; lines: the model", title_fontsize=8)
    figure.tight_layout()
    figure.savefig(path, dpi=120, metadata={"Software": ""})
    plt.close(figure)
