"""How long tasks take: five shapes, each with a median."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from statistics import NormalDist
from typing import Final

Quantile = Callable[[float], float]
"""Gives the duration that so large a part of all tasks does not exceed, in medians."""

_NORMAL: Final = NormalDist()
_FAST_SHARE: Final = 0.6
_SLOW: Final = 5.0
_MODE_SIGMA: Final = 0.1
_TAIL: Final = 1.5


def _constant(_: float) -> float:
    return 1.0


def _narrow(part: float) -> float:
    return math.exp(0.2 * _NORMAL.inv_cdf(part))


def _wide(part: float) -> float:
    return math.exp(_NORMAL.inv_cdf(part))


def _bimodal(part: float) -> float:
    """Six in ten around the median, four around five times it: the modes do not overlap."""
    if part < _FAST_SHARE:
        return math.exp(_MODE_SIGMA * _NORMAL.inv_cdf(part / _FAST_SHARE))
    rest = (part - _FAST_SHARE) / (1 - _FAST_SHARE)
    return _SLOW * math.exp(_MODE_SIGMA * _NORMAL.inv_cdf(max(rest, 1e-12)))


def _heavy(part: float) -> float:
    """Pareto with the exponent 1.5: it has a mean, and no variance."""
    return float((2 * (1 - part)) ** (-1 / _TAIL))


SHAPES: Final[Mapping[str, Quantile]] = {
    "constant": _constant,
    "lognormal σ=0.2": _narrow,
    "lognormal σ=1": _wide,
    "bimodal": _bimodal,
    "heavy tail": _heavy,
}
MEDIANS: Final = (2.0, 30.0, 600.0)
