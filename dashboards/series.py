"""What the gateway makes of the schema's names: those of Prometheus.

The rule is that of OpenTelemetry's exporter: ``_`` for each ``.``, then the unit in words, then
``_total`` for a counter.
https://opentelemetry.io/docs/specs/otel/compatibility/prometheus_and_openmetrics/
"""

from __future__ import annotations

from typing import Final

from v6client.telemetry import schema
from v6client.telemetry.entries import Instrument

_UNITS: Final = {"s": "_seconds", "By": "_bytes"}


def label(attribute: str) -> str:
    """Give the label that an attribute becomes."""
    return attribute.replace(".", "_")


def series(entry: Instrument) -> str:
    """Give what a metric's series are called; of a histogram without what follows."""
    name = label(entry.name) + _UNITS.get(entry.unit, "")
    return f"{name}_total" if entry.kind == "counter" else name


def count(entry: Instrument) -> str:
    """Give a histogram's number of values."""
    return f"{series(entry)}_count"


def total(entry: Instrument) -> str:
    """Give a histogram's sum of values."""
    return f"{series(entry)}_sum"


def buckets(entry: Instrument) -> str:
    """Give a histogram's buckets."""
    return f"{series(entry)}_bucket"


COLLABORATION: Final = label(schema.COLLABORATION_ID)
ORGANIZATION: Final = label(schema.ORGANIZATION_ID)
STATUS: Final = label(schema.RUN_STATUS)
OUTCOME: Final = label(schema.WAIT_OUTCOME)
REASON: Final = label(schema.RETRY_REASON)
CREATION: Final = label(schema.CREATION)
DIRECTION: Final = label(schema.DIRECTION)
METHOD: Final = label(schema.HTTP_METHOD)
TEMPLATE: Final = label(schema.URL_TEMPLATE)
ANSWER: Final = label(schema.HTTP_STATUS)
ERROR: Final = label(schema.ERROR_TYPE)

# Whose containers they are: OTEL_SERVICE_NAME, behind the namespace where there is one.
ALGORITHM: Final = "job"
