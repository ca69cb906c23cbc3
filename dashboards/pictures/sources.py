"""What Grafana's data sources ask of Prometheus and Jaeger for a panel."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import requests

from dashboards.view import View

_TIMEOUT: Final = 60


@dataclass(frozen=True)
class Line:
    """One series of an answer.

    Parameters
    ----------
    name
        What the query's legend makes of its labels.
    labels
        What Prometheus tells it by.
    points
        Seconds since 1970, and values; no value is left out.
    """

    name: str
    labels: Mapping[str, str]
    points: tuple[tuple[float, float], ...]

    @property
    def last(self) -> float:
        """The last value."""
        return self.points[-1][1]


@dataclass(frozen=True)
class Sources:
    """Where a dashboard's data is.

    Parameters
    ----------
    prometheus, jaeger
        Their addresses.
    """

    prometheus: str
    jaeger: str

    def metrics(
        self, panel: Mapping[str, Any], target: Mapping[str, Any], view: View
    ) -> list[Line]:
        """Ask a query of a panel: at the end of the time range, or over it.

        Returns
        -------
        list[Line]
            The series that have a value.

        Raises
        ------
        ValueError
            When Prometheus refuses the expression.
        """
        expr = view.filled(target["expr"], panel)
        if target.get("instant"):
            found = self._ask("query", query=expr, time=f"{view.end:.3f}")
            series = [(one["metric"], [one["value"]]) for one in found]
        else:
            step = view.interval(panel)
            begin, end = (math.floor(at / step) * step for at in (view.begin, view.end))
            asked = {"start": f"{begin:.3f}", "end": f"{end:.3f}", "step": f"{step:g}"}
            found = self._ask("query_range", query=expr, **asked)
            series = [(one["metric"], one["values"]) for one in found]
        lines = [
            Line(
                _named(target.get("legendFormat", ""), labels),
                labels,
                tuple((at, float(value)) for at, value in values if not math.isnan(float(value))),
            )
            for labels, values in series
        ]
        return [line for line in lines if line.points]

    def choices(self, variable: Mapping[str, Any], view: View) -> list[str]:
        """Ask for the values that a variable offers.

        Raises
        ------
        ValueError
            When its query is not of the kind ``label_values(selector, label)``.
        """
        query = view.filled(variable["query"]["query"], {})
        found = re.fullmatch(r"label_values\((?P<selector>.+), (?P<label>\w+)\)", query)
        if found is None:
            raise ValueError(f"not label_values(selector, label): {query}")
        values = self._ask(
            f"label/{found['label']}/values",
            **{
                "match[]": found["selector"],
                "start": f"{view.begin:.3f}",
                "end": f"{view.end:.3f}",
            },
        )
        pattern = variable.get("regex", "").strip("/").replace(r"\/", "/")
        if not pattern:
            return [str(one) for one in values]
        return [match[1] for one in values if (match := re.fullmatch(pattern, one))]

    def traces(
        self, panel: Mapping[str, Any], target: Mapping[str, Any], view: View
    ) -> list[dict[str, Any]]:
        """Ask for traces, as Grafana's Jaeger data source does."""
        if target.get("queryType") != "search":
            trace_id = view.filled(target["query"], panel)
            return self._traces(f"traces/{trace_id}")
        tags = view.filled(target["tags"], panel).split()
        asked = {
            "service": view.filled(target["service"], panel),
            "limit": str(target["limit"]),
            "start": f"{view.begin * 1e6:.0f}",
            "end": f"{view.end * 1e6:.0f}",
        }
        if tags:
            asked["tags"] = json.dumps(dict(tag.split("=", 1) for tag in tags))
        return self._traces("traces", **asked)

    def _ask(self, what: str, **parameters: str) -> list[Any]:
        url = f"{self.prometheus}/api/v1/{what}"
        answer = requests.get(url, params=parameters, timeout=_TIMEOUT).json()
        if answer["status"] != "success":
            raise ValueError(f"{answer['error']}: {parameters}")
        data = answer["data"]
        found: list[Any] = data["result"] if isinstance(data, dict) else data
        return found

    def _traces(self, what: str, **parameters: str) -> list[dict[str, Any]]:
        url = f"{self.jaeger}/api/{what}"
        answer = requests.get(url, params=parameters, timeout=_TIMEOUT).json()
        found: list[dict[str, Any]] = answer["data"] or []
        return found


def _named(legend: str, labels: Mapping[str, str]) -> str:
    return re.sub(r"\{\{\s*(\w+)\s*\}\}", lambda found: labels.get(found[1], ""), legend)
