"""Metrics: one function for each thing that is measured, and the counts that end a run's log."""

from __future__ import annotations

import threading
import weakref
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final, Protocol

from opentelemetry import metrics
from opentelemetry.metrics import CallbackOptions, Counter, Histogram, Meter, Observation
from opentelemetry.util.types import AttributeValue

from v6client._version import __version__
from v6client.forks import renew_in_child
from v6client.telemetry import schema
from v6client.telemetry.entries import Instrument
from v6client.telemetry.providers import Place, application_measures


class Bucket(Protocol):
    """A retry budget, as far as it is measured."""

    @property
    def tokens(self) -> float:
        """How many tokens there are."""


class Instruments:
    """All instruments of the schema, made of one meter.

    Parameters
    ----------
    meter
        Makes them.
    """

    def __init__(self, meter: Meter) -> None:
        self._counters: dict[str, Counter] = {}
        self._histograms: dict[str, Histogram] = {}
        for entry in schema.METRICS.values():
            facts = {"unit": entry.unit, "description": entry.description}
            if entry.kind == "counter":
                self._counters[entry.name] = meter.create_counter(entry.name, **facts)
            elif entry.kind == "histogram":
                self._histograms[entry.name] = meter.create_histogram(
                    entry.name, **facts, explicit_bucket_boundaries_advisory=entry.buckets
                )
            else:
                meter.create_observable_gauge(entry.name, [_least_tokens], **facts)

    def record(
        self, entry: Instrument, value: float, attributes: Mapping[str, AttributeValue]
    ) -> None:
        """Count or measure something.

        Raises
        ------
        ValueError
            When the schema's metric has no such attribute.
        """
        if not attributes.keys() <= entry.attributes:
            raise ValueError(f"{entry.name} has no such attribute in telemetry/schema.py")
        if entry.kind == "counter":
            self._counters[entry.name].add(value, attributes)
        else:
            self._histograms[entry.name].record(value, attributes)


_buckets: Final[list[weakref.ref[Bucket]]] = []


def watch_budget(bucket: Bucket) -> None:
    """Measure a client's retry budget, as long as it lives."""
    _buckets.append(weakref.ref(bucket, _buckets.remove))


def _least_tokens(_options: CallbackOptions) -> Iterable[Observation]:
    left = [bucket.tokens for one in list(_buckets) if (bucket := one()) is not None]
    return [Observation(min(left))] if left else []


place: Final[Place[Instruments]] = Place(
    lambda: Instruments(metrics.get_meter(schema.INSTRUMENTATION, __version__))
)
"""Where our metrics go."""


def _record(entry: Instrument, value: float, attributes: Mapping[str, AttributeValue]) -> None:
    own = place.own
    instruments = place.of_api() if own is None or application_measures() else own
    instruments.record(entry, value, attributes)


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
    _record(schema.REQUEST_DURATION, seconds, attributes)


def record_retry(method: str, template: str, reason: str) -> None:
    """Record that an attempt will be repeated.

    Parameters
    ----------
    method, template
        The request's.
    reason
        One of ``schema.RETRY_REASONS``: what the attempt met.
    """
    _record(
        schema.REQUEST_RETRIES,
        1,
        {
            schema.HTTP_METHOD: method,
            schema.URL_TEMPLATE: template,
            schema.RETRY_REASON: reason,
        },
    )


def record_creation(how: str, twins: int) -> None:
    """Record that a subtask was adopted.

    Parameters
    ----------
    how
        ``created`` where the answer to the creation came, ``found`` where it was lost.
    twins
        How many other tasks with the same key the server has.
    """
    _record(schema.TASKS_CREATED, 1, {schema.CREATION: how})
    record_twins(twins)


def record_twins(twins: int) -> None:
    """Record twins, such as those that are found when a wait ends."""
    if twins:
        _record(schema.TASKS_TWINS, twins, {})


def record_wait(seconds: float, polls: int, overshoot: float | None, outcome: str) -> None:
    """Record that a wait for a subtask has ended.

    Parameters
    ----------
    seconds
        How long it took.
    polls
        How many status polls there were.
    overshoot
        An estimate of the seconds between the task's end and the poll that saw it; ``None``
        where there is none.
    outcome
        One of ``schema.WAIT_OUTCOMES``.
    """
    attributes = {schema.WAIT_OUTCOME: outcome}
    _record(schema.WAIT_DURATION, seconds, attributes)
    _record(schema.WAIT_POLLS, polls, attributes)
    if overshoot is not None:
        _record(schema.WAIT_OVERSHOOT, max(0.0, overshoot), attributes)


def record_run(
    status: str, organization_id: int, queue_s: float | None, compute_s: float | None
) -> None:
    """Record that one organization's run has ended.

    Parameters
    ----------
    status
        As the server has it; one that vantage6 4.15.2 does not know is counted as ``other``.
    organization_id
        Whose run it is.
    queue_s
        Seconds from the task's creation to the run's start; ``None`` where not known.
    compute_s
        Seconds from its start to its end; ``None`` where it never started.
    """
    whose: dict[str, Any] = {schema.ORGANIZATION_ID: organization_id}
    _record(schema.RUN_OUTCOMES, 1, {**whose, schema.RUN_STATUS: schema.known_status(status)})
    if queue_s is not None:
        _record(schema.RUN_QUEUES, max(0.0, queue_s), whose)
    if compute_s is not None:
        _record(schema.RUN_COMPUTES, max(0.0, compute_s), whose)


def record_payload(direction: str, size: int) -> None:
    """Record the size of an input or a result.

    Parameters
    ----------
    direction
        ``sent`` for an input, ``received`` for a result.
    size
        Bytes, as encoded for the wire.
    """
    _record(schema.PAYLOAD_SIZE, size, {schema.DIRECTION: direction})
