"""The ids of our own spans: random, but for those that both sides of a run derive."""

from __future__ import annotations

import random
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Final

from opentelemetry.sdk.trace.id_generator import IdGenerator
from opentelemetry.trace import INVALID_SPAN_ID, INVALID_TRACE_ID

_SPAN_BITS: Final = 64
_TRACE_BITS: Final = 128


class RunSpanIds(IdGenerator):
    """Makes trace and span ids from the system's randomness, or gives those that it was told.

    Not from ``random``'s shared generator, as the SDK's own does: an algorithm that calls
    ``random.seed`` would get the same ids in each of its containers, and with telemetry other
    random numbers than without.
    """

    def __init__(self) -> None:
        self._random = random.SystemRandom()
        self._next: ContextVar[list[int] | None] = ContextVar("v6client_next_span_id", default=None)
        self._trace_id: int | None = None

    @contextmanager
    def next_span_id(self, span_id: int) -> Iterator[None]:
        """Give this id to the first span that this thread starts inside the block.

        Parameters
        ----------
        span_id
            64 bits, not 0.

        Raises
        ------
        ValueError
            When it is no span id.
        """
        if not INVALID_SPAN_ID < span_id < 2**_SPAN_BITS:
            raise ValueError("a span id has 64 bits and is not 0")
        token = self._next.set([span_id])
        try:
            yield
        finally:
            self._next.reset(token)

    def force_trace_id(self, trace_id: int | None) -> None:
        """Give this id to every trace that begins in this process; ``None`` for random ones again.

        Parameters
        ----------
        trace_id
            128 bits, not 0.

        Raises
        ------
        ValueError
            When it is no trace id.
        """
        if trace_id is not None and not INVALID_TRACE_ID < trace_id < 2**_TRACE_BITS:
            raise ValueError("a trace id has 128 bits and is not 0")
        self._trace_id = trace_id

    def generate_span_id(self) -> int:
        """Give the forced id once, else a random one."""
        forced = self._next.get()
        return forced.pop() if forced else self._draw(_SPAN_BITS)

    def generate_trace_id(self) -> int:
        """Give the forced id, else a random one."""
        return self._draw(_TRACE_BITS) if self._trace_id is None else self._trace_id

    def is_trace_id_random(self) -> bool:
        """Tell whether the next trace id is random (W3C Trace Context, level 2)."""
        return self._trace_id is None

    def _draw(self, bits: int) -> int:
        while True:
            drawn = self._random.getrandbits(bits)
            if drawn:
                return drawn


run_span_ids: Final = RunSpanIds()
"""The ids of the spans that go to our own provider."""
