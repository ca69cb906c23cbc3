"""How busy the proxy is, as far as a client's own polls tell: pure arithmetic."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

# A poll that takes up to twice the shortest one says nothing: so much they scatter at rest.
_USUAL: Final = 2.0
_NEW: Final = 0.3
# The shortest one is forgotten slowly: a server may become slower for good.
_FORGOTTEN: Final = 1.01


@dataclass(slots=True)
class Pace:
    """Compares how long polls take now with the shortest one.

    At a proxy that serves one request at a time, a poll takes its service time and what it waits
    for others. At half of the proxy's time in use that is 1.5 times the service time, at nine
    tenths 5.5 times (Pollaczek and Khinchine, M/D/1). So the ratio tells what a poll costs
    everybody else. One is kept for each client, since a wait of a few polls does not see the
    proxy at rest.
    """

    _shortest: float = field(default=0.0, init=False)
    _usual: float = field(default=0.0, init=False)

    def note(self, duration: float) -> None:
        """Note how many seconds a successful poll attempt took."""
        if not self._shortest:
            self._shortest = self._usual = duration
        self._shortest = min(duration, self._shortest * _FORGOTTEN)
        self._usual += _NEW * (duration - self._usual)

    @property
    def stretch(self) -> float:
        """The factor by which to ask less often: 1 at rest, else the square of the ratio."""
        if self._usual <= _USUAL * self._shortest:
            return 1.0
        return (self._usual / (_USUAL * self._shortest)) ** 2 if self._shortest else 1.0
