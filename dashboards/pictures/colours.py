"""Colours: Grafana's words, and one for each series."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

PAPER, FRAME, INK, FAINT = "#f4f5f5", "#ffffff", "#24292e", "#6e7680"
COLOURS: Final = {
    "green": "#56a64b",
    "orange": "#ff780a",
    "dark-orange": "#fa6400",
    "red": "#e02f44",
    "dark-red": "#a3172c",
    "blue": "#3274d9",
    "purple": "#a352cc",
    "text": "#464c54",
}
# Apart for those who see red and green alike: Okabe and Ito, 2008.
_PALETTE: Final = (
    *("#0072b2", "#e69f00", "#009e73", "#cc79a7", "#56b4e9", "#d55e00", "#8a7f00", "#5b5b5b"),
)


def colour_of(name: str) -> str:
    """Give a series' colour, the same in each panel."""
    number = sum(name.encode())
    digits = "".join(one for one in name if one.isdigit())
    return _PALETTE[(int(digits) - 1 if digits else number) % len(_PALETTE)]


def step_of(value: float, thresholds: Mapping[str, Any]) -> str:
    """Give the colour of the highest step that a value reaches; minus infinity is no value."""
    reached = [
        one["color"]
        for one in thresholds["steps"]
        if one.get("value") is None or value >= one["value"]
    ]
    return COLOURS.get(reached[-1], FRAME)
