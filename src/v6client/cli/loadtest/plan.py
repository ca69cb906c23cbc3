"""What a load test does, and the bounds of it."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from v6client.errors import ConfigurationError

SCENARIOS: Final = {
    "short": "one subtask of 0.2 s after the other",
    "long": "one subtask of --long seconds after the other",
    "rounds": "ten rounds of 1 s, as an iterative algorithm has",
    "large": "one subtask whose result has --size bytes after the other",
    "crowd": "waits for a subtask that outlasts the test",
}
FLOOD: Final = "flood"
"""Asks without a pause; not a share of the mix but a number."""

DEFAULT_MIX: Final = "short=4,rounds=2,crowd=2,long=1,large=1"
MOST_USERS, MOST_SECONDS, MOST_WORKERS, MOST_FLOOD = 2000, 3600, 16, 20
MOST_SIZE: Final = 50_000_000
_MOST_WEIGHT: Final = 1000


@dataclass(frozen=True)
class Plan:
    """One load test.

    Parameters
    ----------
    users
        How many containers.
    seconds
        How long, from the first user on.
    rate
        Containers that start in a second.
    mix
        The weight of each scenario.
    flood
        How many of the containers ask without a pause.
    long
        Seconds of a long subtask.
    size
        Bytes of a large result.
    pause
        Seconds between two algorithms of a container.
    method
        The method of the subtasks; it takes ``seconds`` and ``size``.
    organization
        Whose node runs the subtasks; 0 for the container's own.

    Raises
    ------
    ConfigurationError
        When a number is out of its bounds: what runs against somebody's proxy has an end.
    """

    users: int = 10
    seconds: float = 30.0
    rate: float = 2.0
    mix: Mapping[str, int] = field(default_factory=lambda: mix_of(DEFAULT_MIX))
    flood: int = 0
    long: float = 10.0
    size: int = 1_000_000
    pause: float = 1.0
    method: str = "work"
    organization: int = 0

    def __post_init__(self) -> None:
        for name, low, high in (
            ("users", 1, MOST_USERS),
            ("seconds", 1, MOST_SECONDS),
            ("rate", 0.01, MOST_USERS),
            ("flood", 0, min(MOST_FLOOD, self.users)),
            ("long", 0, MOST_SECONDS),
            ("size", 0, MOST_SIZE),
            ("pause", 0, MOST_SECONDS),
        ):
            value = getattr(self, name)
            # Written so that what is not a number is refused, too.
            if not low <= value <= high:
                raise ConfigurationError(f"--{name} {value:g}: {low:g} to {high:g} are allowed")

    def to_json(self) -> dict[str, Any]:
        """Give it as what JSON can hold."""
        return dataclasses.asdict(self)


def mix_of(text: str) -> dict[str, int]:
    """Read a mix such as ``short=4,crowd=1``, or ``crowd`` alone.

    Raises
    ------
    ConfigurationError
        When it names no scenario, or a weight is not a small positive number.
    """
    mix = {}
    for part in text.split(","):
        name, _, weight = part.strip().partition("=")
        if name not in SCENARIOS:
            raise ConfigurationError(f"--mix {part!a}: there are {', '.join(SCENARIOS)}")
        if not (weight or "1").isdecimal() or not 1 <= int(weight or "1") <= _MOST_WEIGHT:
            raise ConfigurationError(f"--mix {part!a}: a weight is 1 to {_MOST_WEIGHT}")
        mix[name] = int(weight or "1")
    return mix
