"""Writes docs/telemetry.md from the schema: ``python -m tests.telemetry.document``."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Final

from v6client.telemetry import schema
from v6client.telemetry.entries import Attribute

PATH: Final = Path(__file__).parents[2] / "docs" / "telemetry.md"

_HEAD: Final = """\
# What is emitted

Written from `src/v6client/telemetry/schema.py` by `python -m tests.telemetry.document`; a test
holds the two together. Nothing else is emitted, and nothing else passes the barrier in front of an
exporter: [tracing.md](tracing.md) says how, how to switch it on, and what never leaves. A text is
from an enumeration or fits its pattern, else it is dropped.

Source: the semantic conventions of OpenTelemetry (OTel), or v6client itself. What is *stable* keeps
its name and meaning until the next major version; what is in *development* may change with a minor
one.
"""


def document() -> str:
    """Write the document."""
    return "\n".join([_HEAD, *_spans(), *_metrics(), *_events(), *_resource(), *_attributes()])


def _table(head: str, rows: Iterable[Iterable[str]]) -> list[str]:
    columns = head.count("|") + 1
    lines = [f"| {head} |", "|" + "---|" * columns]
    return [*lines, *(f"| {' | '.join(row)} |" for row in rows), ""]


def _keys(keys: Iterable[str], table: Mapping[str, Attribute]) -> str:
    return ", ".join(f"`{key}`" for key in table if key in keys)


def _spans() -> list[str]:
    rows = (
        (
            f"`{one.name}`",
            one.kind.name,
            one.description,
            _keys(one.attributes, schema.ATTRIBUTES),
            ", ".join(f"`{name}`" for name in sorted(one.events)),
        )
        for one in schema.SPANS.values()
    )
    events = (
        (f"`{one.name}`", one.description, _keys(one.attributes, schema.ATTRIBUTES))
        for one in schema.SPAN_EVENTS.values()
    )
    return [
        "## Spans\n",
        "A span that ends with an error has the status error, without a description, and its class",
        "as `error.type`. No exception is recorded: its message may hold data.\n",
        *_table("name | kind | what | attributes | events", rows),
        "### Events on spans\n",
        *_table("name | what | attributes", events),
    ]


def _metrics() -> list[str]:
    rows = (
        (
            f"`{one.name}`",
            one.kind,
            f"`{one.unit}`",
            one.description,
            _keys(one.attributes, schema.ATTRIBUTES),
            ", ".join(str(bucket) for bucket in one.buckets),
            f"{one.source}, {one.stability}",
        )
        for one in schema.METRICS.values()
    )
    return [
        "## Metrics\n",
        *_table("name | instrument | unit | what | attributes | buckets | source", rows),
    ]


def _events() -> list[str]:
    rows = (
        (
            f"`{one.name}`",
            logging.getLevelName(one.level),
            one.description,
            _keys(one.fields, schema.FIELDS),
        )
        for one in schema.EVENTS.values()
    )
    always = {
        schema.TRACE_ID_FIELD,
        schema.SPAN_ID_FIELD,
        schema.RUN_TASK_FIELD,
        schema.RUN_ORGANIZATION_FIELD,
    }
    return [
        "## Log lines\n",
        "Each has `event`, `level` and `timestamp`, and, where there is such,",
        f"{_keys(always, schema.FIELDS)}. A field is left out where it is not known.\n",
        *_table("event | level | what | fields", rows),
        "### Fields\n",
        *_attribute_table(schema.FIELDS.values(), with_source=False),
    ]


def _resource() -> list[str]:
    return [
        "## Resource\n",
        "Who exports: " + _keys(schema.RESOURCE, schema.ATTRIBUTES) + ".\n",
    ]


def _attributes() -> list[str]:
    return [
        "## Attributes\n",
        *_attribute_table(schema.ATTRIBUTES.values(), with_source=True),
    ]


def _attribute_table(attributes: Iterable[Attribute], *, with_source: bool) -> list[str]:
    rows = []
    for one in attributes:
        allowed = ", ".join(f"`{value}`" for value in sorted(one.values))
        if one.pattern is not None:
            allowed = f"`{one.pattern.pattern}`".replace("|", "\\|")
        row = [f"`{one.key}`", one.type, one.unit and f"`{one.unit}`", one.description, allowed]
        rows.append([*row, f"{one.source}, {one.stability}"] if with_source else row)
    head = "key | type | unit | what | allowed"
    return _table(f"{head} | source" if with_source else head, rows)


if __name__ == "__main__":
    PATH.write_text(document(), "utf-8")
