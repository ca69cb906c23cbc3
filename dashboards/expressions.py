"""PromQL, put together: what is selected, how it is counted, by what it is added up.

``increase()`` and ``rate()`` are right here, because the gateway shows each counter at zero before
its first value (deploy/collector/README.md).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from dashboards import series
from v6client.telemetry import schema

# Variables of Grafana. "All" is .*, which is also right where a label is missing.
OF_COLLABORATION: Final = f'{series.COLLABORATION}=~"$collaboration"'
OF_ORGANIZATION: Final = f'{series.ORGANIZATION}=~"$organization"'
OF_ALGORITHM: Final = f'{series.ALGORITHM}=~"$algorithm"'
SELECTED: Final = (OF_COLLABORATION, OF_ORGANIZATION, OF_ALGORITHM)

# Of what ended so, nothing failed.
WELL: Final = "completed|killed by user"

Counted = Callable[[str], str]


def of(name: str, *matchers: str, selected: tuple[str, ...] = SELECTED) -> str:
    """Select series by the dashboard's variables, and more."""
    return f"{name}{{{','.join((*selected, *matchers))}}}"


def in_range(selector: str) -> str:
    """Count what came in the dashboard's whole time range."""
    return f"increase({selector}[$__range])"


def a_second(selector: str) -> str:
    """Give what came in a second, around each point."""
    return f"rate({selector}[$__rate_interval])"


def a_bar(selector: str) -> str:
    """Count what came between a point and the one before it.

    ``increase(...[$__interval])`` would miss what came between the last scrape of one window and
    the first of the next. ``$__rate_interval`` is one scrape longer than ``$__interval``, so
    windows touch, and what ``rate()`` extrapolates is just that scrape.
    """
    return f"rate({selector}[$__rate_interval]) * $__interval_ms / 1000"


def by(labels: str, expression: str) -> str:
    """Add up by labels; over everything where there are none."""
    return f"sum by ({labels}) ({expression})" if labels else f"sum({expression})"


def ratio(above: str, below: str) -> str:
    """Divide, where there is something to divide by."""
    return f"{above} / ({below} > 0)"


def or_zero(expression: str) -> str:
    """Say zero where there is no such series yet."""
    return f"{expression} or vector(0)"


def mean(
    above: str,
    below: str,
    labels: str = "",
    counted: Counted = in_range,
    selected: tuple[str, ...] = SELECTED,
) -> str:
    """Give a mean: a histogram's sum, or another counter, by a number of events."""
    return ratio(
        by(labels, counted(of(above, selected=selected))),
        by(labels, counted(of(below, selected=selected))),
    )


def quantile(
    share: float, name: str, labels: str = "", counted: Counted = in_range, matcher: str = ""
) -> str:
    """Give a histogram's quantile, interpolated between its buckets."""
    grouped = f"le, {labels}" if labels else "le"
    selector = of(name, *([matcher] if matcher else []))
    return f"histogram_quantile({share:g}, {by(grouped, counted(selector))})"


def lower_median(expression: str) -> str:
    """Give the median, of an even number the lower one of the two in the middle.

    Of two it is the lower: their mean would be drawn up by the one that is far above.
    """
    rank = f"floor((count({expression}) - 1) / 2) / clamp_min(count({expression}) - 1, 1)"
    return f"quantile(scalar({rank}), {expression})"


def failures(
    labels: str = series.ORGANIZATION,
    counted: Counted = in_range,
    selected: tuple[str, ...] = SELECTED,
) -> str:
    """Count the organizations' own failures.

    When one run fails, the server calls those that have not started failed, too. The rule is that
    of ``organization:v6client_runs_failed:increase1h``, which says why: what started and was not
    completed, or what has a status of its own, where that is more; a researcher's kill is no
    failure. Zero where there were runs. By nothing is the sum over all organizations.
    """
    runs = series.series(schema.RUN_OUTCOMES)
    started = counted(of(series.count(schema.RUN_COMPUTES), selected=selected))
    well = counted(of(runs, f'{series.STATUS}=~"{WELL}"', selected=selected))
    others = counted(of(runs, f'{series.STATUS}!~"{WELL}|failed"', selected=selected))
    # Which of the two is more is told apart where it is counted, and added up then.
    each = f"{series.COLLABORATION}, {series.ORGANIZATION}, {series.ALGORITHM}"
    difference = by(each, f"{_part('started', started)} or {_part('well', f'-({well})')}")
    parts = (
        _part("started", f"clamp_min({difference}, 0)"),
        _part("other", by(each, others)),
        _part("none", f"0 * {by(each, counted(of(runs, selected=selected)))}"),
    )
    return by(labels, f"max by ({each}) ({' or '.join(parts)})")


def _part(name: str, expression: str) -> str:
    # What two expressions give for the same labels: ``or`` would keep the first alone.
    return f'label_replace({expression}, "part", "{name}", "", "")'
