"""Values as Grafana's units write them."""

from __future__ import annotations

import datetime as dt
import math
from typing import Final

_SHORT_SECONDS: Final = ((1e-3, 1e6, "µs"), (1.0, 1e3, "ms"))
_LONG_SECONDS: Final = ((60.0, 1.0, "s"), (3600.0, 1 / 60, "mins"), (86400.0, 1 / 3600, "hours"))
_BYTES: Final = ("B", "KiB", "MiB", "GiB", "TiB")
_STEP: Final = 1024
_SUFFIX: Final = "suffix:"
_DIGITS: Final = 3


def written(value: float, unit: str, decimals: int | None) -> str:
    """Write a value.

    Parameters
    ----------
    value
        The value.
    unit
        ``none``, ``s``, ``percentunit``, ``bytes``, or ``suffix:`` and what follows the number.
    decimals
        How many; three digits altogether where not given.
    """
    if unit == "percentunit":
        return f"{_number(value * 100, decimals)} %"
    if unit == "s":
        scale, name = _of_seconds(abs(value))
        return f"{_number(value * scale, decimals if name == 's' else None)} {name}"
    if unit == "bytes":
        power = min(int(math.log(value, _STEP)), len(_BYTES) - 1) if value >= 1 else 0
        return f"{_number(value / _STEP**power, decimals)} {_BYTES[power]}"
    suffix = f" {unit.removeprefix(_SUFFIX)}" if unit.startswith(_SUFFIX) else ""
    return _number(value, decimals) + suffix


def _of_seconds(value: float) -> tuple[float, str]:
    if 0 < value < 1:
        return next((scale, name) for below, scale, name in _SHORT_SECONDS if value < below)
    return next(
        ((scale, name) for below, scale, name in _LONG_SECONDS if value < below),
        (1 / 86400, "days"),
    )


def _number(value: float, decimals: int | None) -> str:
    if decimals is not None:
        text = f"{value:.{decimals}f}"
        return text.removeprefix("-") if float(text) == 0 else text
    whole = len(str(int(abs(value))))
    text = f"{value:.{max(0, _DIGITS - whole)}f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def clock(at: float) -> str:
    """Write a moment, seconds since 1970, in UTC."""
    return dt.datetime.fromtimestamp(at, dt.timezone.utc).strftime("%H:%M:%S")
