"""Figures and names as a person reads them; names so that they do nothing to a terminal."""

from __future__ import annotations

import unicodedata
from datetime import datetime, timezone
from typing import Final

_LONGEST: Final = 200
_SECOND: Final = 1_000_000_000
_MINUTE, _HOUR, _DAY = 60, 3600, 86400
# Up to which a second has so many places that no more follow.
_SHORT, _ONE, _EXACT = 0.01, 0.995, 9.95


def plain(text: str, longest: int = _LONGEST) -> str:
    """Give a text that may be printed: no control, no escape, no change of direction, not long.

    Parameters
    ----------
    text
        Anything, such as a file's name.
    longest
        Characters that are kept.
    """
    shown = "".join(
        "?" if unicodedata.category(one)[0] in "CZ" and one != " " else one
        for one in text[: longest + 1]
    )
    return f"{shown[:longest]}…" if len(text) > longest else shown


def count(number: int, what: str, many: str = "") -> str:
    """Give a number with its noun: ``1 task``, ``1,200 retries``."""
    return f"{number:,} {what if number == 1 else many or f'{what}s'}"


def seconds(nanoseconds: float | None) -> str:
    """Give a duration in the unit that fits it; empty where there is none."""
    if nanoseconds is None:
        return ""
    length = nanoseconds / _SECOND
    if length < _EXACT:
        return _short(length)
    if length < _MINUTE:
        return f"{length:.0f} s"
    whole = round(length)
    if whole < _HOUR:
        return f"{whole // _MINUTE} min {whole % _MINUTE:02d} s"
    if whole < _DAY:
        return f"{whole // _HOUR} h {whole % _HOUR // _MINUTE:02d} min"
    return f"{whole // _DAY} d {whole % _DAY // _HOUR:02d} h"


def _short(length: float) -> str:
    if length < _SHORT:
        return f"{length * 1000:.1f} ms" if length else "0 s"
    return f"{length:.2f} s" if length < _ONE else f"{length:.1f} s"


def moment(nanoseconds: int) -> str:
    """Give a time of day, in UTC."""
    at = datetime.fromtimestamp(min(nanoseconds / _SECOND, _LAST), tz=timezone.utc)
    return at.strftime("%Y-%m-%d %H:%M:%S UTC")


# The end of the year 9999, which datetime does not go beyond.
_LAST: Final = 253_402_300_799


def share(part: float, whole: float) -> str:
    """Give a part in percent."""
    return f"{100 * part / whole:.0f} %" if whole else "0 %"
