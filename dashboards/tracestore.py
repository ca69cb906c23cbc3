"""Queries of Grafana's Jaeger data source, which the SDK has no builders for, and their panels."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from grafana_foundation_sdk.builders import dashboard, table
from grafana_foundation_sdk.cog.builder import Builder
from grafana_foundation_sdk.cog.variants import Dataquery
from grafana_foundation_sdk.models.common import DataSourceRef

from dashboards.panels import data_links

_TRACES: Final = DataSourceRef("jaeger", "${traces}")


@dataclass(frozen=True)
class Search(Dataquery):
    """A query as it is built."""

    fields: dict[str, object]

    def to_json(self) -> dict[str, object]:
        """Give it as Grafana keeps it."""
        return dict(self.fields)


@dataclass(frozen=True)
class Find(Builder[Dataquery]):
    """Find traces.

    Parameters
    ----------
    service
        Who exported.
    tags
        What spans of the trace have, as ``key=value key=value``.
    limit
        How many, the newest first.
    """

    service: str
    tags: str = ""
    limit: int = 20

    def build(self) -> Dataquery:
        """Build the query."""
        return Search(
            {
                "refId": "A",
                "datasource": _TRACES.to_json(),
                "queryType": "search",
                "service": self.service,
                "tags": self.tags,
                "limit": self.limit,
            }
        )


@dataclass(frozen=True)
class Show(Builder[Dataquery]):
    """Show one trace.

    Parameters
    ----------
    trace_id
        32 hexadecimal digits.
    """

    trace_id: str

    def build(self) -> Dataquery:
        """Build the query: without a type it is for a trace's id."""
        return Search({"refId": "A", "datasource": _TRACES.to_json(), "query": self.trace_id})


def found_traces(
    title: str, query: Find, description: str, links: Sequence[tuple[str, str]]
) -> table.Panel:
    """Give a table of traces, each of which leads to links."""
    panel = table.Panel()
    panel.title(title)
    panel.description(description)
    panel.datasource(_TRACES)
    panel.with_target(query)
    panel.override_by_name("traceID", [data_links(links)])
    return panel


def one_trace(title: str, query: Show, description: str) -> dashboard.Panel:
    """Give a trace as a tree with a waterfall."""
    panel = dashboard.Panel()
    panel.type("traces")
    panel.title(title)
    panel.description(description)
    panel.datasource(_TRACES)
    panel.with_target(query)
    return panel
