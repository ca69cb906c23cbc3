"""What happened in a load test, as counts that several processes can add up."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from v6client.cli.loadtest.histogram import class_of

LONGEST: Final = "longest"
"""The one kind of number whose sum is the larger of two."""

Counts = dict[str, Any]
"""Numbers by name, in mappings in mappings."""


def add(to: Counts, more: Mapping[str, Any]) -> None:
    """Add counts to others, name by name."""
    for name, value in more.items():
        if isinstance(value, Mapping):
            add(to.setdefault(name, {}), value)
        elif name == LONGEST:
            to[name] = max(to.get(name, 0), value)
        else:
            to[name] = to.get(name, 0) + value


class Tally:
    """Counts attempts, retries, waits and algorithms, by kind, by second and by user.

    The counts are a mapping of mappings of numbers:

    - ``endpoints``: method and template, then ``times`` (a histogram), ``bytes`` and ``failed``
    - ``errors``: what attempts met, then how often
    - ``retries``: why, then how often
    - ``seconds``: second of the clock, then ``attempts``, ``failed``, ``users`` and ``times``
    - ``waits``: ``late`` (a histogram), ``times``, ``polls`` and ``ended`` (by outcome)
    - ``tasks``: ``created``, ``found`` and ``twins``
    - ``algorithms``: scenario, then ``times`` and ``ended`` (by outcome)
    - ``users``: scenario, user, then ``answered`` and ``longest`` (seconds of one attempt)
    """

    def __init__(self) -> None:
        self._counts: Counts = {}

    def attempt(  # noqa: PLR0913 - the facts of one attempt
        self,
        endpoint: str,
        seconds: float,
        *,
        error: str,
        moment: float,
        scenario: str,
        user: str,
    ) -> None:
        """Count an attempt that ended at a moment (seconds since the epoch)."""
        failed = int(bool(error))
        times = {class_of(seconds): 1}
        facts: Counts = {"failed": failed, "times": times}
        add(
            self._counts,
            {
                "endpoints": {endpoint: facts},
                "errors": {error: 1} if error else {},
                "seconds": {str(int(moment)): {"attempts": 1, **facts}},
                "users": {scenario: {user: {"answered": 1 - failed, LONGEST: seconds}}},
            },
        )

    def users(self, count: int, moment: float) -> None:
        """Count the users of a second; once a second and process."""
        add(self._counts, {"seconds": {str(int(moment)): {"users": count}}})

    def start(self, scenario: str, user: str) -> None:
        """Count a user, so that one whom nobody ever answers is seen."""
        add(self._counts, {"users": {scenario: {user: {"answered": 0, LONGEST: 0.0}}}})

    def retry(self, reason: str) -> None:
        """Count a retry."""
        add(self._counts, {"retries": {reason: 1}})

    def wait(self, seconds: float, outcome: str) -> None:
        """Count a wait that has ended."""
        add(self._counts, {"waits": {"times": {class_of(seconds): 1}, "ended": {outcome: 1}}})

    def polls(self, count: int) -> None:
        """Count the polls of a wait that has ended."""
        add(self._counts, {"waits": {"polls": count}})

    def late(self, seconds: float) -> None:
        """Count how late a wait saw the end of its task."""
        add(self._counts, {"waits": {"late": {class_of(seconds): 1}}})

    def task(self, what: str, count: int = 1) -> None:
        """Count subtasks that were ``created`` or ``found``, or ``twins``."""
        add(self._counts, {"tasks": {what: count}})

    def algorithm(self, scenario: str, seconds: float, outcome: str) -> None:
        """Count an algorithm that has ended: ``completed``, or with which error."""
        facts = {"ended": {outcome: 1}, "times": {class_of(seconds): 1}}
        add(self._counts, {"algorithms": {scenario: facts}})

    def take(self) -> Counts:
        """Give what was counted since the last time."""
        taken, self._counts = self._counts, {}
        return taken
