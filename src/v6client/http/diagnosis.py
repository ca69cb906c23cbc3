"""The diagnosis of a masked 500: whether the server refused the request, or is away."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Final

from v6client.single_flight import SingleFlight

# How long an answer holds, in seconds: ten calls that fail together ask once.
_VALID_FOR: Final = 5.0
# Who waited so long for an answer may speak for the others, in seconds.
_PATIENT: Final = 20.0


class Diagnosis:
    """Asks the server one small thing, and remembers the answer for some seconds.

    Parameters
    ----------
    ask
        Makes one attempt, within so many seconds, at a request that uses token and database;
        tells whether it succeeded.
    now
        The clock: monotonic seconds.
    """

    def __init__(
        self, ask: Callable[[float], bool], *, now: Callable[[], float] = time.monotonic
    ) -> None:
        self._ask = ask
        self._now = now
        self._answer = False
        self._asked_at = -float("inf")
        self._flight = SingleFlight[bool]()

    def server_answers(self, within: float) -> bool:
        """Tell whether the server answers this container at all.

        Parameters
        ----------
        within
            Seconds that the question may take; no answer by then is none.
        """
        if self._now() - self._asked_at < _VALID_FOR:
            return self._answer
        try:
            # Who fails meanwhile waits for the answer instead of asking, too.
            return self._flight.call(lambda: self._asked(within), patience=within)
        except TimeoutError:
            return False

    def _asked(self, within: float) -> bool:
        began = self._now()
        answer = self._ask(within)
        # That somebody in a hurry got no answer in time says nothing to the others.
        if answer or within >= _PATIENT or self._now() - began < within:
            self._answer, self._asked_at = answer, self._now()
        return answer
