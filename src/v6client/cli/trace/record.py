"""A span as it is read: with the schema's own fields alone, whatever else a file holds."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from v6client.telemetry import schema
from v6client.telemetry.entries import Span as Entry

Value = int | float | bool | str

TRACE_ID: Final = re.compile(r"[0-9a-f]{32}")
SPAN_ID: Final = re.compile(r"[0-9a-f]{16}")
# 2262: beyond it a time is no time, and no sum of two overflows anything.
LATEST: Final = 2**63 - 1


@dataclass(frozen=True, slots=True)
class Record:
    """One span.

    Parameters
    ----------
    trace_id, span_id, parent_id
        Hexadecimal; ``parent_id`` is empty where there is none.
    name
        One of the schema's, such as ``run`` or ``{method} {url.template}``.
    start, end
        Nanoseconds since 1970; ``end`` is ``None`` while it lasts.
    attributes
        Those of the schema for this span, with values that fit.
    is_error
        Whether it ended with an error.
    began
        Of a run's span: when the algorithm began; ``None`` where it never did.
    task_id, organization_id
        Whose container exported it; ``None`` where that is not said.
    """

    trace_id: str
    span_id: str
    parent_id: str
    name: str
    start: int
    end: int | None
    attributes: Mapping[str, Value]
    is_error: bool = False
    began: int | None = None
    task_id: int | None = None
    organization_id: int | None = None

    def whole(self, key: str) -> int | None:
        """Give an attribute that is a whole number."""
        value = self.attributes.get(key)
        return value if isinstance(value, int) and not isinstance(value, bool) else None

    def text(self, key: str) -> str:
        """Give an attribute that is a text; empty where there is none."""
        value = self.attributes.get(key)
        return value if isinstance(value, str) else ""


def entry_of(name: object, attributes: Mapping[str, Value]) -> Entry | None:
    """Find the schema's entry of a span; ``None`` for one that is not of v6client."""
    if not isinstance(name, str):
        return None
    entry = schema.SPANS.get(name)
    if entry is None:
        method = attributes.get(schema.HTTP_METHOD)
        template = attributes.get(schema.URL_TEMPLATE)
        if method is None or template is None or name != f"{method} {template}":
            return None
        return schema.SPANS[schema.ATTEMPT_SPAN]
    return None if entry.name == schema.ATTEMPT_SPAN else entry
