"""Whose providers our telemetry goes to: the application's where it has set one, else our own.

Ours are never made global, unless telemetry of other libraries is to be exported, too. So an
application can set its own at any time, before us or after, and then ours are not used any more;
and what other libraries emit meets no provider at all, so it cannot leave.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Generic, TypeVar

from opentelemetry import metrics, trace
from opentelemetry.trace import ProxyTracerProvider

Kind = TypeVar("Kind")


@dataclass
class Place(Generic[Kind]):
    """Where one kind of telemetry goes: by the API, or to what the bootstrap has put in place.

    Parameters
    ----------
    make
        Makes by the API what leads to what the application sets, now or later. Not before it is
        needed: the API reads the environment then, which in a container is encoded at first.
    own
        Ours; ``None`` before the bootstrap, and in most processes.
    """

    make: Callable[[], Kind]
    own: Kind | None = None
    api: Kind | None = None

    def of_api(self) -> Kind:
        """Give what the API leads to."""
        if self.api is None:
            self.api = self.make()
        return self.api


def application_traces() -> bool:
    """Tell whether there is a tracer provider for the whole process."""
    return not isinstance(trace.get_tracer_provider(), ProxyTracerProvider)


def application_measures() -> bool:
    """Tell whether there is a meter provider for the whole process."""
    # The API has no public name for what stands there before one is set.
    return type(metrics.get_meter_provider()).__name__ != "_ProxyMeterProvider"
