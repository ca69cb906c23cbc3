"""What an entry of the schema is: an attribute, a span, a metric, a log event; and what fits it."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from opentelemetry.trace import SpanKind

OTEL: Final = "OTel semantic conventions"
OURS: Final = "v6client"

_LONGEST_LIST: Final = 1000


@dataclass(frozen=True, slots=True)
class Attribute:
    """An attribute of spans, metrics or resources, or a field of log events.

    Parameters
    ----------
    key, description
        Its name, and what it tells.
    type
        ``string``, ``int``, ``double``, ``boolean`` or ``int[]``.
    unit
        UCUM; empty for a plain number or text.
    source, stability
        Who defines it, and whether it may still change: ``stable`` or ``development``.
    values
        All values of an enumeration.
    pattern
        Fits the whole of a text that is not from an enumeration. A text needs one of the two:
        what is not known to be harmless does not leave.
    """

    key: str
    type: str
    description: str
    unit: str = ""
    source: str = OURS
    stability: str = "development"
    values: frozenset[str] = frozenset()
    pattern: re.Pattern[str] | None = None

    def fits(self, value: object) -> bool:
        """Tell whether a value may leave under this name: the right type, and a known text."""
        if self.type == "string":
            return isinstance(value, str) and self._is_known(value)
        if self.type == "boolean":
            return isinstance(value, bool)
        if self.type == "int":
            return _is_int(value)
        if self.type == "double":
            return isinstance(value, float) or _is_int(value)
        return (
            isinstance(value, Sequence)
            and not isinstance(value, (str, bytes))
            and len(value) <= _LONGEST_LIST
            and all(_is_int(one) for one in value)
        )

    def _is_known(self, text: str) -> bool:
        if self.pattern is not None:
            return self.pattern.fullmatch(text) is not None
        return text in self.values


def _is_int(value: object) -> bool:
    # A bool is an int for Python, but not for OTel.
    return isinstance(value, int) and not isinstance(value, bool)


@dataclass(frozen=True, slots=True)
class Span:
    """A span: its name, its kind, and the attributes and events that it may have."""

    name: str
    kind: SpanKind
    description: str
    attributes: frozenset[str]
    events: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class SpanEvent:
    """An event on a span, and the attributes that it may have."""

    name: str
    description: str
    attributes: frozenset[str]


@dataclass(frozen=True, slots=True)
class Instrument:
    """A metric: ``counter``, ``histogram`` or ``gauge``, and the attributes that it may have."""

    name: str
    kind: str
    unit: str
    description: str
    attributes: frozenset[str]
    buckets: tuple[float, ...] = ()
    source: str = OURS
    stability: str = "development"


@dataclass(frozen=True, slots=True)
class LogEvent:
    """A log line's event, its level, and the fields that it may have."""

    name: str
    level: int
    fields: frozenset[str]
    description: str
