"""A panel's place in a picture."""

from __future__ import annotations

from typing import Final

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from dashboards.pictures.colours import FRAME, INK

# Of Grafana's grid.
WIDTH: Final = 24
_GAP: Final = 0.12


class Box:
    """A panel's place in the picture, with its frame.

    Parameters
    ----------
    figure
        The picture.
    left, top, width, height
        In units of Grafana's grid.
    rows
        How many units the picture is high.
    """

    def __init__(  # noqa: PLR0913 - a place
        self, figure: Figure, left: float, top: float, width: float, height: float, rows: float
    ) -> None:
        self.figure = figure
        self.left, self.top, self.width, self.height = left, top, width, height
        self._rows = rows

    def inside(
        self, left: float = 0.0, top: float = 0.0, right: float = 0.0, bottom: float = 0.0
    ) -> Axes:
        """Give axes within margins, in units of the grid."""
        x = (self.left + _GAP / 2 + left) / WIDTH
        y = 1 - (self.top + self.height - _GAP / 2 - bottom) / self._rows
        wide = (self.width - _GAP - left - right) / WIDTH
        high = (self.height - _GAP - top - bottom) / self._rows
        return self.figure.add_axes((x, y, wide, high))

    def frame(self, title: str, colour: str = FRAME, ink: str = INK) -> None:
        """Draw the frame and the title."""
        axes = self.inside()
        axes.set_axis_off()
        axes.add_patch(Rectangle((0, 0), 1, 1, transform=axes.transAxes, color=colour, lw=0))
        axes.text(
            0.12 / self.width,
            1 - 0.5 / self.height,
            title,
            transform=axes.transAxes,
            size=10,
            weight="bold",
            color=ink,
            va="center",
        )
