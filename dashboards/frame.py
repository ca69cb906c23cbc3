"""What the four dashboards have in common: variables, links from one to another, the grid."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from grafana_foundation_sdk.builders import dashboard as builders
from grafana_foundation_sdk.cog.builder import Builder
from grafana_foundation_sdk.models import dashboard

from dashboards import series
from dashboards.expressions import OF_COLLABORATION
from dashboards.panels import METRICS, Panel
from v6client.telemetry import schema

TAG: Final = "v6client"
WIDTH: Final = 24

# What was chosen goes along.
_KEPT: Final = "${__url_time_range}&${metrics:queryparam}&${traces:queryparam}"
_FILTER: Final = "v6client.organization.id%3D{}%20error%3Dtrue"

# Series that are there wherever something is observed: requests, and runs as their parent saw them.
_SEEN: Final = "|".join((series.count(schema.REQUEST_DURATION), series.series(schema.RUN_OUTCOMES)))


def to_failed_jobs(organization: str) -> tuple[str, str]:
    """Give the link to jobs in which something failed; the id as Grafana writes it."""
    url = f"/d/v6client-job?{_KEPT}&var-filter={_FILTER.format(organization)}"
    return ("Jobs of this organization in which something failed", url)


TO_ERRORS: Final = (
    "Jobs in which something failed",
    f"/d/v6client-job?{_KEPT}&var-filter=error%3Dtrue",
)


def to_proxy(organization: str) -> tuple[str, str]:
    """Give the link to an organization's proxy."""
    chosen = "${collaboration:queryparam}&${algorithm:queryparam}"
    url = f"/d/v6client-proxy?{_KEPT}&{chosen}&var-organization={organization}"
    return ("The proxy of this organization", url)


OF_FIELD: Final = f"${{__field.labels.{series.ORGANIZATION}}}"
OF_CELL: Final = "${__value.raw}"


def framed(
    uid: str,
    title: str,
    description: str,
    rows: Sequence[tuple[int, Sequence[tuple[int, Panel]]]],
    variables: Sequence[Builder[dashboard.VariableModel]],
) -> builders.Dashboard:
    """Give a dashboard.

    Parameters
    ----------
    uid
        What its address ends with.
    title, description
        The question that it answers, and how.
    rows
        From the top: a height, and panels with their widths, of :data:`WIDTH` altogether.
    variables
        Those at the top, besides the data sources.
    """
    board = builders.Dashboard(title)
    board.uid(uid)
    board.description(description)
    board.tags([TAG])
    board.time("now-6h", "now")
    board.refresh("1m")
    board.timezone("browser")
    board.tooltip(dashboard.DashboardCursorSync.CROSSHAIR)
    board.links([_others()])
    for one in (_source("metrics", "prometheus"), _source("traces", "jaeger"), *variables):
        board.with_variable(one)
    top, number = 0, 0
    for height, panels in rows:
        left = 0
        for width, panel in panels:
            number += 1
            panel.id(number)
            panel.grid_pos(dashboard.GridPos(h=height, w=width, x=left, y=top))
            board.with_panel(panel)
            left += width
        if left != WIDTH:
            raise ValueError(f"the row at {top} is {left} wide")
        top += height
    return board


def selection() -> list[builders.QueryVariable]:
    """Give the variables that select metrics; all of each by default."""
    where = f'{{__name__=~"{_SEEN}"'
    return [
        _choice("collaboration", "Collaboration", f"{where}}}", series.COLLABORATION),
        _choice(
            "organization", "Organization", f"{where},{OF_COLLABORATION}}}", series.ORGANIZATION
        ),
        _choice("algorithm", "Algorithm", f"{where},{OF_COLLABORATION}}}", series.ALGORITHM),
    ]


def service() -> builders.QueryVariable:
    """Give the variable that selects whose traces to look for."""
    variable = builders.QueryVariable("service")
    variable.label("Algorithm")
    variable.description("OTEL_SERVICE_NAME of its containers.")
    # Of namespace/name a trace store has the name alone.
    variable.regex(r"/(?:.*\/)?(.+)/")
    _ask(variable, f'{{__name__=~"{_SEEN}"}}', series.ALGORITHM)
    return variable


def typed(name: str, label: str, description: str, text: str = "") -> builders.TextBoxVariable:
    """Give a variable that is typed; empty by default."""
    variable = builders.TextBoxVariable(name)
    variable.label(label)
    variable.description(description)
    variable.default_value(text)
    return variable


def _choice(name: str, title: str, selector: str, label: str) -> builders.QueryVariable:
    variable = builders.QueryVariable(name)
    variable.label(title)
    variable.multi(True)
    variable.include_all(True)
    variable.all_value(".*")
    everything = dashboard.VariableOption(selected=True, text=["All"], value=["$__all"])
    variable.current(everything)
    _ask(variable, selector, label)
    return variable


def _ask(variable: builders.QueryVariable, selector: str, label: str) -> None:
    variable.datasource(METRICS)
    query = f"label_values({selector}, {label})"
    # As Grafana's own editor writes it; 1 is for the values of a label.
    reference = "PrometheusVariableQueryEditor-VariableQuery"
    variable.query({"qryType": 1, "query": query, "refId": reference})
    variable.refresh(dashboard.VariableRefresh.ON_TIME_RANGE_CHANGED)
    variable.sort(dashboard.VariableSort.NATURAL_ASC)


def _source(name: str, kind: str) -> builders.DatasourceVariable:
    variable = builders.DatasourceVariable(name)
    variable.label(name.capitalize())
    variable.type(kind)
    return variable


def _others() -> builders.DashboardLink:
    link = builders.DashboardLink("Other questions")
    link.type(dashboard.DashboardLinkType("dashboards"))
    link.tags([TAG])
    link.include_vars(True)
    link.keep_time(True)
    return link
