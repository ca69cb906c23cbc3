"""The results that are fetched."""

from __future__ import annotations

import base64
import json
import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

MEGABYTE: Final = 10**6


@dataclass(frozen=True)
class Scenario:
    """One task's results.

    Parameters
    ----------
    task_id
        By which it is asked for.
    name
        What it is.
    rows
        How many results there are.
    size
        Bytes of base64 of each.
    make
        Makes the JSON document of one, of about so many bytes.
    has_goal
        Whether the goals are for it: of a megabyte, interpreter and buffers are the larger part;
        and of a list of numbers, the floor alone is above both.
    """

    task_id: int
    name: str
    rows: int
    size: int
    make: Callable[[int], bytes]
    has_goal: bool = True

    @property
    def base64_bytes(self) -> int:
        """All results' base64 together."""
        return self.rows * self.size

    def texts(self) -> list[bytes]:
        """Give each result as it travels. They share memory: only the client's counts."""
        return [base64.b64encode(self.make(self.size * 3 // 4))] * self.rows


def text(size: int) -> bytes:
    """Make an object with one long string, as a serialized model is."""
    return b'{"weights": "' + b"0123456789abcdef" * (size // 16) + b'"}'


def numbers(size: int) -> bytes:
    """Make a list of floats, each of some twenty characters."""
    some = random.Random(7)  # noqa: S311 - not secret
    block = [some.random() for _ in range(1000)]
    return json.dumps(block * (size // len(json.dumps(block)))).encode()


SCENARIOS: Final[Sequence[Scenario]] = (
    Scenario(1, "one text, 1 MB", 1, 1 * MEGABYTE, text, has_goal=False),
    Scenario(2, "one text, 50 MB", 1, 50 * MEGABYTE, text),
    Scenario(3, "one text, 200 MB", 1, 200 * MEGABYTE, text),
    Scenario(4, "100 texts of 1 MB", 100, 1 * MEGABYTE, text),
    Scenario(5, "numbers, 50 MB", 1, 50 * MEGABYTE, numbers, has_goal=False),
)
