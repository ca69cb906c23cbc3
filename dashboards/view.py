"""What Grafana makes of a panel's queries: its variables, by its rules.

https://grafana.com/docs/grafana/latest/dashboards/variables/add-template-variables/#global-variables
and, for ``$__rate_interval``, https://grafana.com/docs/grafana/latest/datasources/prometheus/
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

ALL: Final = ".*"

_UNITS: Final = {"ms": 0.001, "s": 1, "m": 60, "h": 3600, "d": 86400}
# What Grafana rounds an interval to, in seconds; those that matter here.
_ROUND: Final = (0.1, 0.2, 0.5, 1, 2, 5, 10, 15, 20, 30, 60, 120, 300, 600, 900, 1200, 1800, 3600)
_SCRAPES: Final = 4


def seconds(duration: str) -> float:
    """Give a duration such as ``1m`` in seconds."""
    found = re.fullmatch(r"(\d+)(ms|[smhd])", duration)
    if found is None:
        raise ValueError(f"{duration!r} is no duration")
    return int(found[1]) * _UNITS[found[2]]


@dataclass(frozen=True)
class View:
    """A dashboard, looked at.

    Parameters
    ----------
    begin, end
        The time range, as seconds since 1970.
    scrape
        The data source's scrape interval, seconds: 10 as ``deploy/compose`` has it.
    points
        The width of a panel, pixels.
    shorter
        How many times shorter than the dashboards have it a panel's least interval is, where
        everything is quicker than in production.
    chosen
        What variables are set to; all of it, where nothing is chosen.
    """

    begin: float
    end: float
    scrape: float = 10.0
    points: int = 600
    shorter: float = 1.0
    chosen: Mapping[str, str] = field(default_factory=dict)

    def interval(self, panel: Mapping[str, Any]) -> float:
        """Give the seconds between two points of a panel."""
        exact = (self.end - self.begin) / self.points
        rounded = min(_ROUND, key=lambda one: abs(one - exact))
        own = panel.get("interval")
        return max(rounded, seconds(own) / self.shorter if own else self.scrape)

    def filled(self, text: str, panel: Mapping[str, Any]) -> str:
        """Replace the variables in a text of a panel."""
        interval = self.interval(panel)
        rate = max(interval + self.scrape, _SCRAPES * self.scrape)
        values = {
            "__interval_ms": f"{interval * 1000:g}",
            "__interval": _duration(interval),
            "__rate_interval": _duration(rate),
            "__range_s": f"{self.end - self.begin:.0f}",
            "__range": f"{self.end - self.begin:.0f}s",
            **self.chosen,
        }

        def value(found: re.Match[str]) -> str:
            name = found["plain"] or found["braced"]
            given = values.get(name, found[0] if name.startswith("__") else ALL)
            return re.escape(given) if found["how"] == "regex" and name in values else given

        return re.sub(r"\$(?:(?P<plain>\w+)|\{(?P<braced>[\w.]+)(?::(?P<how>\w+))?\})", value, text)


def _duration(length: float) -> str:
    return f"{length * 1000:.0f}ms"
