"""What panels have in common, so that those of a dashboard say only what they show."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from grafana_foundation_sdk.builders import (
    common as common_builders,
)
from grafana_foundation_sdk.builders import (
    dashboard as builders,
)
from grafana_foundation_sdk.builders import (
    prometheus,
    stat,
    table,
    timeseries,
)
from grafana_foundation_sdk.models import common, dashboard
from grafana_foundation_sdk.models.prometheus import PromQueryFormat

GREEN, ORANGE, RED, GRAY, CLEAR = "green", "orange", "red", "text", "transparent"

# Words of Grafana are given by value: at Python 3.10, which all code is checked for, mypy knows no
# StrEnum.

Steps = Sequence[tuple[float, str]]
Panel = stat.Panel | table.Panel | timeseries.Panel | builders.Panel

METRICS: Final = common.DataSourceRef("prometheus", "${metrics}")

# A point for less than this would have fewer than three scrapes.
INTERVAL: Final = "1m"


@dataclass(frozen=True)
class Query:
    """A PromQL expression, and what its series are called.

    Parameters
    ----------
    expr
        The expression, with Grafana's variables.
    legend
        As Grafana has it: ``{{label}}`` is replaced.
    """

    expr: str
    legend: str = ""


@dataclass(frozen=True)
class Column:
    """A column of a table: an expression by one label, and how its cells look.

    Parameters
    ----------
    title
        Above it.
    expr
        The expression.
    unit, decimals
        Of its values.
    steps
        Colours of a cell, from which value on; none for a plain cell.
    """

    title: str
    expr: str
    unit: str = "none"
    decimals: int = 0
    steps: Steps = ()


def steps(*pairs: tuple[float, str]) -> Steps:
    """Give colours, each from a value on; what has no value has none of them."""
    return pairs


def at_a_glance(  # noqa: PLR0913 - what a figure consists of
    title: str,
    query: Query,
    description: str,
    *,
    unit: str = "none",
    decimals: int | None = None,
    colours: Steps = (),
    none: str = "",
    link: tuple[str, str] | None = None,
) -> stat.Panel:
    """Give one figure, large; with its name where the query's legend has one."""
    panel = stat.Panel()
    _common(panel, title, description)
    panel.with_target(_instant(query, "A"))
    panel.unit(unit)
    if decimals is not None:
        panel.decimals(decimals)
    panel.thresholds(_thresholds(GRAY, colours))
    if none:
        panel.no_value(none)
    panel.color_mode(common.BigValueColorMode("background"))
    panel.graph_mode(common.BigValueGraphMode("none"))
    panel.text_mode(common.BigValueTextMode("value_and_name" if query.legend else "value"))
    panel.reduce_options(common_builders.ReduceDataOptions().calcs(["lastNotNull"]))
    if link:
        panel.links([_link(*link)])
    return panel


def lines(  # noqa: PLR0913 - what a graph consists of
    title: str,
    queries: Sequence[Query],
    description: str,
    *,
    unit: str,
    colours: Steps = (),
    links: Sequence[tuple[str, str]] = (),
    fixed: Mapping[str, str] | None = None,
    interval: str = INTERVAL,
) -> timeseries.Panel:
    """Give lines over time; thresholds are lines, too."""
    panel = _over_time(title, queries, description, unit, links)
    panel.interval(interval)
    panel.draw_style(common.GraphDrawStyle("line"))
    panel.line_width(2)
    panel.show_points(common.VisibilityMode("always"))
    panel.point_size(5)
    # A run that takes an hour gives a point an hour.
    panel.span_nulls(True)
    if colours:
        panel.thresholds(_thresholds(CLEAR, colours))
        panel.thresholds_style(
            common_builders.GraphThresholdsStyleConfig().mode(
                common.GraphThresholdsStyleMode("dashed")
            )
        )
    _fix(panel, fixed or {})
    return panel


def bars(  # noqa: PLR0913 - what a graph consists of
    title: str,
    queries: Sequence[Query],
    description: str,
    *,
    unit: str = "none",
    links: Sequence[tuple[str, str]] = (),
    fixed: Mapping[str, str] | None = None,
) -> timeseries.Panel:
    """Give stacked bars over time: how much came in each interval."""
    panel = _over_time(title, queries, description, unit, links)
    panel.draw_style(common.GraphDrawStyle("bars"))
    panel.line_width(0)
    panel.fill_opacity(80)
    panel.stacking(common_builders.StackingConfig().mode(common.StackingMode("normal")).group("A"))
    _fix(panel, fixed or {})
    return panel


def cells(  # noqa: PLR0913 - what a table consists of
    title: str,
    labels: Mapping[str, str],
    columns: Sequence[Column],
    description: str,
    *,
    sort: str = "",
    links: Mapping[str, Sequence[tuple[str, str]]] | None = None,
) -> table.Panel:
    """Give a table: labels first, by their titles, then a column an expression."""
    panel = table.Panel()
    _common(panel, title, description)
    for number, column in enumerate(columns):
        panel.with_target(_instant(Query(column.expr), _ref(number), PromQueryFormat("table")))
    panel.with_transformation(dashboard.DataTransformerConfig("merge", options={}))
    # With one query the value has no reference behind its name.
    names = ["Value"] if len(columns) == 1 else [f"Value #{_ref(n)}" for n in range(len(columns))]
    order = {name: place for place, name in enumerate([*labels, *names])}
    panel.with_transformation(
        dashboard.DataTransformerConfig(
            "organize",
            options={"excludeByName": {"Time": True}, "indexByName": order, "renameByName": {}},
        )
    )
    for name, shown in labels.items():
        properties = [dashboard.DynamicConfigValue("displayName", shown)]
        if links and name in links:
            properties.append(data_links(links[name]))
        panel.override_by_name(name, properties)
    for name, column in zip(names, columns, strict=True):
        panel.override_by_name(name, _cell(column))
    if sort:
        panel.sort_by([_sorted_by(sort)])
    return panel


def _over_time(
    title: str,
    queries: Sequence[Query],
    description: str,
    unit: str,
    links: Sequence[tuple[str, str]],
) -> timeseries.Panel:
    panel = timeseries.Panel()
    _common(panel, title, description)
    for number, one in enumerate(queries):
        target = prometheus.Dataquery()
        target.datasource(METRICS)
        target.expr(one.expr)
        target.legend_format(one.legend)
        target.ref_id(_ref(number))
        target.range()
        panel.with_target(target)
    panel.interval(INTERVAL)
    panel.unit(unit)
    panel.min(0)
    panel.color_scheme(
        builders.FieldColor().mode(dashboard.FieldColorModeId("palette-classic-by-name"))
    )
    legend = common_builders.VizLegendOptions()
    legend.display_mode(common.LegendDisplayMode("list"))
    legend.placement(common.LegendPlacement("bottom"))
    legend.show_legend(True)
    panel.legend(legend)
    tooltip = common_builders.VizTooltipOptions()
    tooltip.mode(common.TooltipDisplayMode("multi"))
    tooltip.sort(common.SortOrder("desc"))
    panel.tooltip(tooltip)
    if links:
        panel.data_links([_link(*one) for one in links])
    return panel


def _common(
    panel: stat.Panel | table.Panel | timeseries.Panel, title: str, description: str
) -> None:
    panel.title(title)
    panel.description(description)
    panel.datasource(METRICS)


def _instant(query: Query, ref: str, shape: PromQueryFormat | None = None) -> prometheus.Dataquery:
    target = prometheus.Dataquery()
    target.datasource(METRICS)
    target.expr(query.expr)
    target.ref_id(ref)
    target.instant()
    if query.legend:
        target.legend_format(query.legend)
    if shape:
        target.format(shape)
    return target


def _cell(column: Column) -> list[dashboard.DynamicConfigValue]:
    values: dict[str, Any] = {
        "displayName": column.title,
        "unit": column.unit,
        "decimals": column.decimals,
    }
    if column.steps:
        values["custom.cellOptions"] = {"type": "color-background", "mode": "basic"}
        values["thresholds"] = _thresholds(CLEAR, column.steps).build()
    return [dashboard.DynamicConfigValue(name, value) for name, value in values.items()]


def _thresholds(empty: str, colours: Steps) -> builders.ThresholdsConfig:
    config = builders.ThresholdsConfig()
    config.mode(dashboard.ThresholdsMode("absolute"))
    # Grafana paints what has no value as the first step, which is below all.
    config.steps(
        [dashboard.Threshold(value, colour) for value, colour in ((None, empty), *colours)]
    )
    return config


def _fix(panel: timeseries.Panel, colours: Mapping[str, str]) -> None:
    for name, colour in colours.items():
        value = {"mode": "fixed", "fixedColor": colour}
        panel.override_by_name(name, [dashboard.DynamicConfigValue("color", value)])


def _link(title: str, url: str) -> builders.DashboardLink:
    link = builders.DashboardLink(title)
    link.url(url)
    return link


def _sorted_by(name: str) -> common_builders.TableSortByFieldState:
    state = common_builders.TableSortByFieldState()
    state.display_name(name)
    state.desc(True)
    return state


def data_links(links: Sequence[tuple[str, str]]) -> dashboard.DynamicConfigValue:
    """Give the links of a field's values, as an override has them."""
    return dashboard.DynamicConfigValue(
        "links", [{"title": title, "url": url} for title, url in links]
    )


def _ref(number: int) -> str:
    return chr(ord("A") + number)
