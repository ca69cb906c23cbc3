"""Locust's users: each is an algorithm's container, with a client of its own.

To be imported only where gevent has patched the process first; see ``load``.
"""

from __future__ import annotations

import time
import uuid
from collections.abc import Mapping
from typing import Any, ClassVar, Final

import gevent
from locust import User, task

from v6client import AlgorithmClient, V6ClientError
from v6client.cli.loadtest.overheard import enter
from v6client.cli.loadtest.plan import FLOOD, MOST_SECONDS, Plan
from v6client.cli.loadtest.tally import Tally

_SHORT: Final = 0.2
_ROUNDS, _ROUND = 10, 1.0
# After an error: a network that is broken is asked no faster than one that works.
_AFTER_ERROR: Final = 1.0


class Container(User):
    """An algorithm's container: it runs one algorithm after the other."""

    abstract = True
    scenario: ClassVar[str]
    plan: ClassVar[Plan]
    target: ClassVar[Mapping[str, Any]]
    tally: ClassVar[Tally]

    def on_start(self) -> None:
        """Make the client."""
        name = uuid.uuid4().hex[:12]
        enter(self.scenario, name)
        self.tally.start(self.scenario, name)
        at = self.target
        self.client = AlgorithmClient(at["token"], at["host"], at["port"], at["path"])
        self.organization = self.plan.organization or self.client.organization_id

    def on_stop(self) -> None:
        """Close the client."""
        self.client.close()

    def wait_time(self) -> float:
        """Give the seconds between two algorithms."""
        return self.plan.pause

    @task
    def run_algorithm(self) -> None:
        """Run one algorithm, and count how it ended."""
        began = time.perf_counter()
        try:
            self.algorithm()
        except V6ClientError as error:
            outcome = type(error).__name__
        else:
            outcome = "completed"
        self.tally.algorithm(self.scenario, time.perf_counter() - began, outcome)
        if outcome != "completed":
            gevent.sleep(_AFTER_ERROR)

    def algorithm(self) -> None:
        """Do what this kind of algorithm does."""
        raise NotImplementedError

    def subtask(self, name: str, seconds: float, size: int = 0) -> None:
        """Create a subtask, and wait for its results."""
        kwargs = {"seconds": seconds, "size": size}
        made = self.client.task.create(
            {"method": self.plan.method, "kwargs": kwargs}, [self.organization], name
        )
        self.client.wait_for_results(made["id"])


class Short(Container):
    """Short algorithms."""

    scenario = "short"

    def algorithm(self) -> None:
        """Make one short subtask."""
        self.subtask("short", _SHORT)


class Long(Container):
    """Long algorithms."""

    scenario = "long"

    def algorithm(self) -> None:
        """Make one long subtask."""
        self.subtask("long", self.plan.long)


class Rounds(Container):
    """Iterative algorithms, whose later rounds are waited for with what earlier ones told."""

    scenario = "rounds"

    def algorithm(self) -> None:
        """Make one round after the other."""
        for number in range(_ROUNDS):
            self.subtask(f"round {number}", _ROUND)


class Large(Container):
    """Algorithms with a large result."""

    scenario = "large"

    def algorithm(self) -> None:
        """Make one subtask with a large result."""
        self.subtask("large", _SHORT, self.plan.size)


class Crowd(Container):
    """Containers that wait."""

    scenario = "crowd"

    def algorithm(self) -> None:
        """Wait for what does not end."""
        self.subtask("crowd", MOST_SECONDS)


class Flood(Container):
    """A container that asks without a pause."""

    scenario = FLOOD

    def wait_time(self) -> float:
        """Give none."""
        return 0.0

    def algorithm(self) -> None:
        """Ask once."""
        self.client.organization.get(self.client.organization_id)


KINDS: Final[Mapping[str, type[Container]]] = {
    kind.scenario: kind for kind in (Short, Long, Rounds, Large, Crowd, Flood)
}
