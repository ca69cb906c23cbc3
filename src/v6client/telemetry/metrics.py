"""Metrics: the request-duration histogram, and the counts that end a run's log."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from opentelemetry import metrics
from opentelemetry.util.types import AttributeValue

from v6client._version import __version__
from v6client.forks import renew_in_child
from v6client.telemetry import schema

_meter: Final = metrics.get_meter(schema.INSTRUMENTATION, __version__)
_request_duration: Final = _meter.create_histogram(
    schema.REQUEST_DURATION.name,
    unit=schema.REQUEST_DURATION.unit,
    description=schema.REQUEST_DURATION.description,
    explicit_bucket_boundaries_advisory=schema.REQUEST_DURATION.buckets,
)


@dataclass
class Tally:
    """How many requests, retries and polls this process made.

    Parameters
    ----------
    requests
        Attempts on the wire.
    retries
        Those of them that repeated one.
    polls
        Operations that asked for a task's status while waiting for it.
    """

    requests: int = 0
    retries: int = 0
    polls: int = 0
    _lock: threading.Lock = field(default_factory=threading.Lock, repr=False, compare=False)

    def __post_init__(self) -> None:
        renew_in_child(self._renew)

    def _renew(self) -> None:
        self._lock = threading.Lock()

    def count(self, *, requests: int = 0, retries: int = 0, polls: int = 0) -> None:
        """Add to the counts; safe from several threads."""
        with self._lock:
            self.requests += requests
            self.retries += retries
            self.polls += polls

    def numbers(self) -> dict[str, int]:
        """Give the counts by name."""
        return {"requests": self.requests, "retries": self.retries, "polls": self.polls}


tally: Final = Tally()
"""The counts of this process, over all its clients."""


def record_attempt(
    seconds: float,
    attributes: Mapping[str, AttributeValue],
    *,
    status: int | None,
    error_type: str,
    resend: bool,
) -> None:
    """Record one attempt.

    Parameters
    ----------
    seconds
        How long it took.
    attributes
        Method, template and address.
    status, error_type
        What came of it.
    resend
        Whether it repeated a request.
    """
    tally.count(requests=1, retries=int(resend))
    if status is not None:
        attributes = {**attributes, schema.HTTP_STATUS: status}
    if error_type:
        attributes = {**attributes, schema.ERROR_TYPE: error_type}
    _request_duration.record(seconds, attributes)
