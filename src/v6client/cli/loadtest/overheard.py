"""What the client measures of itself, overheard for the load test: there is no second client."""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Callable, Mapping
from typing import Final

from opentelemetry.util.types import AttributeValue

from v6client.cli.loadtest.tally import Tally
from v6client.telemetry import metrics, schema
from v6client.telemetry.entries import Instrument

Told = Callable[[str, str, float, str], None]
"""Is told each attempt: method, template, seconds, and what went wrong."""

# Where each user is a greenlet, and threads are patched, this is the greenlet's own.
_current: Final = threading.local()


def enter(scenario: str, user: str) -> None:
    """Say whose attempts the current thread makes from now on."""
    _current.scenario, _current.user = scenario, user


class Overheard(metrics.Instruments):
    """Passes on everything to where it goes, and counts it.

    Parameters
    ----------
    inner
        Where it goes.
    tally
        Counts.
    told
        Is told each attempt.
    now
        The clock: seconds since the epoch.
    """

    def __init__(
        self,
        inner: metrics.Instruments,
        tally: Tally,
        told: Told,
        now: Callable[[], float] = time.time,
    ) -> None:
        self._inner = inner
        self._tally = tally
        self._told = told
        self._now = now

    def record(
        self, entry: Instrument, value: float, attributes: Mapping[str, AttributeValue]
    ) -> None:
        """Pass on and count."""
        self._inner.record(entry, value, attributes)
        if _is_interrupted():
            return
        tally = self._tally
        if entry is schema.REQUEST_DURATION:
            self._attempt(value, attributes)
        elif entry is schema.REQUEST_RETRIES:
            tally.retry(str(attributes[schema.RETRY_REASON]))
        elif entry is schema.WAIT_DURATION:
            tally.wait(value, str(attributes[schema.WAIT_OUTCOME]))
        elif entry is schema.WAIT_POLLS:
            tally.polls(int(value))
        elif entry is schema.WAIT_OVERSHOOT:
            tally.late(value)
        elif entry is schema.TASKS_CREATED:
            tally.task(str(attributes[schema.CREATION]))
        elif entry is schema.TASKS_TWINS:
            tally.task("twins", int(value))

    def _attempt(self, seconds: float, attributes: Mapping[str, AttributeValue]) -> None:
        method = str(attributes[schema.HTTP_METHOD])
        template = str(attributes[schema.URL_TEMPLATE])
        error = str(attributes.get(schema.ERROR_TYPE, ""))
        self._tally.attempt(
            f"{method} {template}",
            seconds,
            error=error,
            moment=self._now(),
            scenario=getattr(_current, "scenario", ""),
            user=getattr(_current, "user", ""),
        )
        self._told(method, template, seconds, error)


def _is_interrupted() -> bool:
    """Tell whether the test's end is what ends the current wait or attempt."""
    kind = sys.exc_info()[0]
    return kind is not None and not issubclass(kind, Exception)


def overhear(tally: Tally, told: Told) -> None:
    """Count from now on what the clients of this process measure."""
    place = metrics.place
    place.own = Overheard(place.own or place.of_api(), tally, told)
