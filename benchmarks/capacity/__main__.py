"""Measure how many waiting containers the real node proxy carries, and hold a model against it."""

from __future__ import annotations

import argparse
import json
import sys
import time
from pathlib import Path
from typing import Any, Final

from benchmarks.capacity import place, report
from benchmarks.capacity.figures import SIDES, Point, point_of, proxy_of
from benchmarks.capacity.model import Prediction, Proxy
from benchmarks.capacity.plot import draw

_DOCS: Final = Path(__file__).parents[2] / "docs"
_FIGURES: Final = Path(__file__).with_name("measured.json")
_FLAT_SECONDS: Final = 10.0
_FULL, _PAUSE = 50, 0.1
_CROWDS: Final = {
    "vantage6's client": (10, 100, 200, 300, 400, 500),
    "v6client": (10, 100, 200, 300, 400),
    "v6client, set for a crowd": (200, 400, 600),
    "v6client, without the busy growth": (100, 200),
}


def main() -> int:
    """Measure, and write page and picture."""
    parser = argparse.ArgumentParser(prog="make bench-capacity", description=__doc__)
    parser.add_argument("--mean", type=float, default=20.0, help="s of a task (%(default)g)")
    parser.add_argument("--seconds", type=float, default=40.0, help="of a crowd (%(default)g)")
    parser.add_argument("--most", type=int, default=600, help="containers (%(default)s)")
    parser.add_argument(
        "--again", action="store_true", help="measure nothing: write what was measured last"
    )
    parser.add_argument("--figures", type=Path, default=_FIGURES, help="(%(default)s)")
    parser.add_argument("--docs", type=Path, default=_DOCS, help="(%(default)s)")
    arguments = parser.parse_args()
    if not arguments.again:
        if reason := place.why_not():
            sys.stderr.write(f"{reason}: type 'make contract'\n")
            return 3
        measure(arguments.mean, arguments.seconds, arguments.most, arguments.figures)
    known: dict[str, Any] = json.loads(arguments.figures.read_text("utf-8"))
    proxy = Proxy(**known["proxy"])
    points = [
        Point(**{**one, "measured": Prediction(**one["measured"])}) for one in known["points"]
    ]
    page = arguments.docs / "proxy-capacity.md"
    page.write_text(report.inserted(page.read_text("utf-8"), proxy, points, known["mean"]), "utf-8")
    draw(proxy, points, known["mean"], arguments.docs / "proxy-capacity.png")
    return 0


def measure(mean: float, seconds: float, most: int, to: Path) -> None:
    """Measure the proxy, and a crowd after the other; write each as soon as it is there."""
    began = time.monotonic()
    with place.real_place() as real:

        def crowd(which: str, containers: int, **more: Any) -> dict[str, Any]:  # noqa: ANN401
            facts = {"seconds": seconds, "mean": mean, "settings": {}, **more}
            return real.crowd(which, containers, **facts)

        flat = {"flat_out": True, "seconds": _FLAT_SECONDS}
        alone = crowd(place.OURS, 1, **flat, pause=_PAUSE)
        proxy = proxy_of(alone, crowd(place.OURS, _FULL, **flat))
        sys.stderr.write(f"{proxy}\n")
        points: list[Point] = []
        for side, containers in _order(most):
            which, settings = SIDES[side]
            figures = crowd(which, containers, settings=settings)
            points.append(point_of(side, containers, figures, proxy.service))
            sys.stderr.write(f"{time.monotonic() - began:5.0f} s  {points[-1]}\n")
            document = {
                "mean": mean,
                "seconds": seconds,
                "proxy": vars(proxy),
                "points": [one.to_json() for one in points],
            }
            to.write_text(json.dumps(document, indent=1) + "\n", "utf-8")


def _order(most: int) -> list[tuple[str, int]]:
    """Give the crowds by size, so that each size is measured at about the same time."""
    all_of_them = [(side, one) for side, some in _CROWDS.items() for one in some if one <= most]
    return sorted(all_of_them, key=lambda one: one[1])


if __name__ == "__main__":
    sys.exit(main())
