"""What a check finds, in words that may be in a run's log."""

from __future__ import annotations

import enum
from dataclasses import dataclass


class State(enum.Enum):
    """How a check came out."""

    GOOD = "good"
    BAD = "bad"
    """Something does not work: the exit status says so."""
    DOUBTFUL = "doubtful"
    """It works, but not as it should."""
    NOTE = "note"
    """There is nothing to check here."""


@dataclass(frozen=True, slots=True)
class Check:
    """One line of the table.

    Parameters
    ----------
    name
        What was checked.
    state
        How it came out.
    text
        What was found: names of variables of v6client's, of the node's and of OpenTelemetry's;
        never a variable's value, a database's label, a header or an address.
    advice
        What to do; for all that is not good.
    """

    name: str
    state: State
    text: str
    advice: str = ""


def good(name: str, text: str) -> Check:
    """Say that something is as it should be."""
    return Check(name, State.GOOD, text)


def bad(name: str, text: str, advice: str) -> Check:
    """Say that something does not work."""
    return Check(name, State.BAD, text, advice)


def doubtful(name: str, text: str, advice: str) -> Check:
    """Say that something works, but not as it should."""
    return Check(name, State.DOUBTFUL, text, advice)


def note(name: str, text: str) -> Check:
    """Say that there is nothing to check."""
    return Check(name, State.NOTE, text)
