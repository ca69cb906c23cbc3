"""Durations, counted in classes: small, and the same however many processes counted them."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Final

# A class is 4 % wide, so a quantile is right to within 2 %.
_WIDTH: Final = math.log(1.04)
_LEAST: Final = 1e-5


def class_of(seconds: float) -> str:
    """Give the class of a duration, as a key of JSON."""
    return str(math.floor(math.log(max(seconds, _LEAST) / _LEAST) / _WIDTH))


def quantile(counts: Mapping[str, float], share: float) -> float:
    """Give the duration that this share of all does not exceed.

    Parameters
    ----------
    counts
        How many durations there are, by class.
    share
        From 0 to 1; 0.5 gives the median.

    Returns
    -------
    float
        Seconds, the middle of a class; 0 where there is no duration.
    """
    wanted = share * sum(counts.values())
    seen = 0.0
    for number in sorted(map(int, counts)):
        seen += counts[str(number)]
        if seen >= wanted:
            return _LEAST * math.exp((number + 0.5) * _WIDTH)
    return 0.0
