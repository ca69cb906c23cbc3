"""What was measured of a crowd, and what the model says of the same."""

from __future__ import annotations

import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from benchmarks.capacity.model import Client, Prediction, Proxy, ours, predict, upstream
from v6client.settings import Settings

SIDES: Final[Mapping[str, tuple[str, Mapping[str, str]]]] = {
    "vantage6's client": ("upstream", {}),
    "v6client": ("ours", {}),
    "v6client, set for a crowd": (
        "ours",
        {
            "V6CLIENT_POLL_GROWTH": "0.5",
            "V6CLIENT_POLL_LOAD": "400",
            "V6CLIENT_POLL_CAP": "300",
        },
    ),
    "v6client, without the busy growth": ("ours", {"V6CLIENT_POLL_GROWTH_BUSY": "0.1"}),
}
"""The clients that are compared: which one, and its settings."""


@dataclass(frozen=True)
class Point:
    """One crowd that was measured."""

    side: str
    containers: int
    measured: Prediction
    p95_late: float
    failed: int

    def to_json(self) -> dict[str, Any]:
        """Give it as what JSON can hold."""
        return {**vars(self), "measured": vars(self.measured)}


def client_of(side: str, proxy: Proxy) -> Client:
    """Give the model of a side."""
    which, variables = SIDES[side]
    if which == "upstream":
        return upstream()
    settings = Settings.from_environment(variables)
    return ours(
        shortest=proxy.alone,
        cap=settings.poll_cap,
        load=settings.poll_load,
        growth=settings.poll_growth,
        busy_growth=settings.poll_growth_busy,
    )


def predicted(point: Point, proxy: Proxy, mean: float) -> Prediction:
    """Say what the model says of a crowd that was measured."""
    return predict(proxy, client_of(point.side, proxy), point.containers, mean)


def point_of(side: str, containers: int, figures: Mapping[str, Any], service: float) -> Point:
    """Make a point of what a crowd gave."""
    times = [one[0] for one in figures["samples"]]
    rate = len(times) / figures["seconds"]
    measured = Prediction(
        rate=rate,
        utilisation=rate * service,
        mean=statistics.fmean(times),
        p95=quantile(times, 0.95),
        late=statistics.fmean(figures["lates"]) if figures["lates"] else 0.0,
    )
    return Point(
        side,
        containers,
        measured,
        quantile(figures["lates"], 0.95),
        sum(not one[2] for one in figures["samples"]),
    )


def proxy_of(alone: Mapping[str, Any], full: Mapping[str, Any]) -> Proxy:
    """Tell a proxy from one container that asks now and then, and from many without a pause.

    Those keep it busy all the time, so the time between two answers is the service time; what one
    alone needs more than that is outside of the proxy, or because nothing is warm.
    """
    times = [one[0] for one in alone["samples"]]
    mean = statistics.fmean(times)
    service = full["seconds"] / len(full["samples"])
    # Without the few that met something else on this machine.
    calm = [one for one in times if one < 3 * mean]
    return Proxy(
        service=service,
        variation=statistics.stdev(calm) / mean,
        outside=max(0.0, mean - service),
    )


def quantile(values: Sequence[float], share: float) -> float:
    """Give the value that this share of all does not exceed; 0 where there is none."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))] if ordered else 0.0
