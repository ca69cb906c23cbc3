"""The tables of docs/proxy-capacity.md."""

from __future__ import annotations

import random
from collections.abc import Sequence
from statistics import fmean
from typing import Final

from benchmarks.capacity.figures import SIDES, Point, client_of, predicted
from benchmarks.capacity.model import (
    Client,
    Proxy,
    highest_rate,
    most,
    predict,
)
from benchmarks.polling.simulation import Tuning, rounds
from benchmarks.polling.simulation import upstream as alone

_BEGIN: Final = "<!-- make bench-capacity writes from here -->"
_END: Final = "<!-- to here -->"
_WITHIN: Final = 0.25
_MEANS: Final = (30.0, 120.0, 600.0)
_CROWDS: Final = (10, 100, 1000)
_AFTER: Final = 2.0
_ALGORITHMS, _UNKNOWN, _KNOWN = 10, 5, 30
_TUNINGS: Final[dict[str, Tuning | None]] = {
    "vantage6's client": None,
    "v6client": Tuning(),
    "v6client, growth 0.5": Tuning(growth=0.5),
    "v6client, growth 0.5, cap 300": Tuning(growth=0.5, cap=300),
}


def inserted(page: str, proxy: Proxy, points: Sequence[Point], mean: float) -> str:
    """Put the tables into the page."""
    before, _, rest = page.partition(_BEGIN)
    _, _, after = rest.partition(_END)
    text = "\n\n".join(
        [
            (
                f"The proxy: {1e3 * proxy.service:.1f} ms of service, so "
                f"{1 / proxy.service:.0f} requests a second at most; {1e3 * proxy.alone:.1f} ms "
                f"for a request where nobody else asks; coefficient of variation "
                f"{proxy.variation:.2f}. Tasks take {0.5 * mean:g} to {1.5 * mean:g} s."
            ),
            _measured(proxy, points, mean),
            "### How many within p95 of 250 ms, by the model",
            _carried(proxy),
            "### With history, by the model",
            _with_history(proxy),
            "### 10, 100 and 1,000 containers, by the model",
            _planned(proxy),
        ]
    )
    return f"{before}{_BEGIN}\n\n{text}\n\n{_END}{after}"


def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = [head, ["---", *["--:"] * (len(head) - 1)], *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _measured(proxy: Proxy, points: Sequence[Point], mean: float) -> str:
    rows = []
    for side in SIDES:
        for one in sorted(
            (one for one in points if one.side == side), key=lambda one: one.containers
        ):
            model = predicted(one, proxy, mean)
            rows.append(
                [
                    side,
                    str(one.containers),
                    f"{one.measured.rate:.1f}",
                    f"{model.rate:.1f}",
                    _ms(one.measured.mean),
                    _ms(model.mean),
                    _ms(one.measured.p95),
                    _ms(model.p95),
                    f"{one.measured.late:.1f} s",
                    f"{model.late:.1f} s",
                ]
            )
    head = ["client", "containers", "requests/s", "model", "mean", "model", "p95", "model"]
    return _table([*head, "late, mean", "model"], rows)


def _carried(proxy: Proxy) -> str:
    rows = []
    for mean in _MEANS:
        for name, client in _clients(proxy).items():
            count = most(proxy, client, mean, _WITHIN)
            late = predict(proxy, client, count, mean).late
            rows.append([f"{mean:g} s", name, str(count), f"{late:.1f} s"])
    return _table(["task", "client", "containers", "late there, mean"], rows)


def _with_history(proxy: Proxy) -> str:
    """Count rounds of an iterative algorithm (lognormal, 20 % spread), from the sixth on."""
    rate = highest_rate(proxy, _WITHIN)
    rows = []
    for mean in _MEANS:
        usual = None
        for name, tuning in _TUNINGS.items():
            polls, late = _rounds(mean, tuning)
            after = _AFTER if tuning else 1.0
            count = rate * (mean + late) / (polls + after)
            usual = usual or count
            rows.append(
                [
                    f"{mean:g} s",
                    name,
                    f"{polls + after:.1f}",
                    f"{late:.1f} s",
                    f"{count:.0f}",
                    f"{count / usual:.1f}",
                ]
            )
    head = ["round", "client", "requests", "late, mean", "containers", "to vantage6's"]
    return _table(head, rows)


def _rounds(mean: float, tuning: Tuning | None) -> tuple[float, float]:
    """Give polls and lateness of a round."""
    waits = []
    for number in range(_ALGORITHMS):
        dice = random.Random(number)  # noqa: S311 - a simulation
        durations = [mean * dice.lognormvariate(0, 0.2) for _ in range(_UNKNOWN + _KNOWN)]
        some = rounds(durations, tuning, dice) if tuning else [alone(one) for one in durations]
        waits += some[_UNKNOWN:]
    return fmean(one.polls for one in waits), fmean(one.late for one in waits)


def _planned(proxy: Proxy) -> str:
    clients = _clients(proxy)
    rows = []
    for mean in _MEANS:
        for count in _CROWDS:
            row = [f"{mean:g} s", f"{count:,}"]
            for client in clients.values():
                one = predict(proxy, client, count, mean)
                row.append(f"{100 * one.utilisation:.0f} %, {_ms(one.p95)}, {one.late:.1f} s")
            rows.append(row)
    return _table(["task", "containers", *clients], rows)


def _clients(proxy: Proxy) -> dict[str, Client]:
    return {side: client_of(side, proxy) for side in SIDES}


def _ms(seconds: float) -> str:
    return f"{1e3 * seconds:.0f} ms" if seconds < 1 else f"{seconds:.1f} s"
