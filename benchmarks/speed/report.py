"""The figures as ratios with their spread, as a table, and as JSON."""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any


@dataclass
class Figures:
    """One quantity of several clients, once for each round.

    Parameters
    ----------
    what
        The quantity with its unit.
    clients
        Whose.
    """

    what: str
    clients: Sequence[str]
    of: dict[str, list[float]] = field(init=False)

    def __post_init__(self) -> None:
        self.of = {one: [] for one in self.clients}

    def add(self, client: str, figure: float) -> None:
        """Add the figure of a client's next round."""
        self.of[client].append(figure)


@dataclass(frozen=True)
class Ratio:
    """How one client compares with another in each round, and what the goal is.

    Parameters
    ----------
    what, figures, client, than
        Which quantity, whose, and compared with whose.
    goal
        The most that the median may be; ``None`` where there is none.
    is_least
        Whether the goal is the least that it may be.
    """

    what: str
    figures: Figures
    client: str
    than: str
    goal: float | None
    is_least: bool = False

    def quartiles(self) -> tuple[float, float, float]:
        """Give the median of the ratios within the rounds, between the quartiles."""
        pairs = zip(self.figures.of[self.client], self.figures.of[self.than], strict=True)
        ratios = [ours / theirs for ours, theirs in pairs]
        if len(ratios) == 1:
            return ratios[0], ratios[0], ratios[0]
        low, median, high = statistics.quantiles(ratios, n=4, method="inclusive")
        return low, median, high

    def is_met(self) -> bool:
        """Tell whether the goal is met."""
        _, median, _ = self.quartiles()
        if self.goal is None:
            return True
        return median >= self.goal if self.is_least else median <= self.goal


@dataclass(frozen=True)
class Count:
    """How many requests and connections something took.

    Parameters
    ----------
    what, client
        What, and whose.
    requests, connections
        How many.
    endpoints
        How many of each.
    most
        The most requests that it may take; ``None`` where there is no goal.
    """

    what: str
    client: str
    requests: int
    connections: int
    endpoints: dict[str, int]
    most: int | None

    def is_met(self) -> bool:
        """Tell whether the goal is met."""
        return self.most is None or self.requests <= self.most


@dataclass
class Measured:
    """What one measurement gave."""

    figures: list[Figures]
    ratios: list[Ratio]
    counts: list[Count] = field(default_factory=list)

    def __add__(self, other: Measured) -> Measured:
        return Measured(
            self.figures + other.figures, self.ratios + other.ratios, self.counts + other.counts
        )

    def missed(self) -> list[str]:
        """Name the goals that are missed."""
        ratios = [f"{one.what} against {one.than}" for one in self.ratios if not one.is_met()]
        return ratios + [one.what for one in self.counts if not one.is_met()]


def table(measured: Measured) -> str:
    """Write everything as tables of Markdown."""
    return "\n\n".join(
        part
        for part in (
            _ratios(measured.ratios),
            _counts(measured.counts),
            *(_figures(one) for one in measured.figures),
        )
        if part
    )


def document(measured: Measured) -> dict[str, Any]:
    """Give everything as JSON."""
    return {
        "figures": {one.what: one.of for one in measured.figures},
        "ratios": [
            {
                "what": one.what,
                "client": one.client,
                "than": one.than,
                "goal": one.goal,
                **dict(zip(("low", "median", "high"), one.quartiles(), strict=True)),
                "met": one.is_met(),
            }
            for one in measured.ratios
        ],
        "counts": [vars(one) | {"met": one.is_met()} for one in measured.counts],
    }


def _ratios(ratios: Sequence[Ratio]) -> str:
    rows = []
    for one in ratios:
        low, median, high = one.quartiles()
        goal = "" if one.goal is None else f"{'≥' if one.is_least else '≤'} {one.goal:.2f}"
        verdict = "" if one.goal is None else "met" if one.is_met() else "**missed**"
        spread = f"{median:.2f} ({low:.2f} to {high:.2f})"
        rows.append([one.what, one.than, spread, goal, verdict])
    return _markdown(["ours", "against", "ratio (quartiles)", "goal", ""], rows)


def _counts(counts: Sequence[Count]) -> str:
    rows = []
    for one in counts:
        goal = "" if one.most is None else f"≤ {one.most}"
        verdict = "" if one.most is None else "met" if one.is_met() else "**missed**"
        kinds = ", ".join(f"{count} {name}" for name, count in sorted(one.endpoints.items()))
        rows.append(
            [one.what, one.client, str(one.requests), str(one.connections), goal, verdict, kinds]
        )
    titles = ["what", "client", "requests", "connections", "goal", "", "which"]
    return _markdown(titles, rows)


def _figures(figures: Figures) -> str:
    rows = [
        [client, f"{statistics.median(of):,.1f}", f"{min(of):,.1f} to {max(of):,.1f}"]
        for client, of in figures.of.items()
    ]
    return _markdown([figures.what, "median", "rounds"], rows)


def _markdown(titles: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    if not rows:
        return ""
    lines = [titles, ["---"] * len(titles), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)
