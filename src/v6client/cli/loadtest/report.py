"""The report of a load test: one list of sections, written as Markdown or as a page."""

from __future__ import annotations

import html
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from v6client.cli.loadtest import findings
from v6client.cli.loadtest.histogram import quantile
from v6client.cli.loadtest.plan import Plan
from v6client.cli.loadtest.tally import Counts, add

_PERCENTILES: Final = (0.5, 0.9, 0.95, 0.99)
_MOST_WINDOWS: Final = 30


@dataclass(frozen=True)
class Section:
    """A heading, some sentences, and a table."""

    title: str
    sentences: Sequence[str] = ()
    head: Sequence[str] = ()
    rows: Sequence[Sequence[str]] = field(default_factory=list)


def sections(
    counts: Mapping[str, Any],
    plan: Plan,
    *,
    where: str,
    outage: tuple[float, float] | None = None,
) -> list[Section]:
    """Say what the counts of a test mean.

    Parameters
    ----------
    counts
        What was counted.
    plan
        What was wanted.
    where
        What was loaded, in words.
    outage
        When the proxy was away, in seconds since the epoch.
    """
    seconds = counts.get("seconds", {})
    return [
        _summary(counts, plan, where),
        _requests(counts.get("endpoints", {})),
        _errors(counts.get("errors", {})),
        _reactions(counts),
        _saturation(seconds),
        _algorithms(counts.get("algorithms", {})),
        _fairness(counts.get("users", {})),
        *([_restart(seconds, outage)] if outage else []),
    ]


def _summary(counts: Mapping[str, Any], plan: Plan, where: str) -> Section:
    mix = ", ".join(f"{name} {weight}" for name, weight in plan.mix.items())
    total = _total(counts.get("endpoints", {}))
    answered = total["attempts"] - total["failed"]
    length = max(1, len(counts.get("seconds", {})))
    return Section(
        "Load test",
        [
            (
                f"{where}: up to {plan.users} containers for {plan.seconds:g} s, {plan.rate:g} "
                f"more each second. The mix: {mix}; {plan.flood} that flood."
            ),
            (
                f"{total['attempts']} requests on the wire in {length} s, "
                f"{total['attempts'] / length:.1f} a second; {answered} answered, "
                f"{total['failed']} failed. p50 {_ms(quantile(total['times'], 0.5))}, "
                f"p95 {_ms(quantile(total['times'], 0.95))}."
            ),
        ],
    )


def _total(endpoints: Mapping[str, Any]) -> Counts:
    total: Counts = {"failed": 0, "times": {}}
    for row in endpoints.values():
        add(total, row)
    return {**total, "attempts": sum(total["times"].values())}


def _requests(endpoints: Mapping[str, Any]) -> Section:
    rows = [
        [f"`{name}`", str(sum(row["times"].values())), str(row["failed"]), *_times(row["times"])]
        for name, row in sorted(endpoints.items())
    ]
    return Section(
        "Requests",
        ["Each attempt on the wire, as the client itself measures it."],
        ["endpoint", "attempts", "failed", *(f"p{100 * one:g}" for one in _PERCENTILES)],
        rows,
    )


def _errors(errors: Mapping[str, int]) -> Section:
    rows = [[f"`{name}`", str(count)] for name, count in sorted(errors.items())]
    return Section(
        "Errors by kind", [] if rows else ["None."], ["what an attempt met", "how often"], rows
    )


def _reactions(counts: Mapping[str, Any]) -> Section:
    waits, tasks = counts.get("waits", {}), counts.get("tasks", {})
    late = waits.get("late", {})
    retries = counts.get("retries", {})
    ended = waits.get("ended", {})
    sentences = [
        f"Retries: {_listed(retries)}.",
        (
            f"Subtasks: {tasks.get('created', 0)} created, {tasks.get('found', 0)} found again "
            f"after the answer was lost, {tasks.get('twins', 0)} twins."
        ),
        f"Waits that ended: {_listed(ended)}. They took {waits.get('polls', 0)} polls.",
    ]
    if late:
        sentences.append(
            f"An end was seen late by p50 {_ms(quantile(late, 0.5))}, "
            f"p95 {_ms(quantile(late, 0.95))} (the client's own estimate)."
        )
    return Section("What the client did about it", sentences)


def _listed(counts: Mapping[str, int]) -> str:
    parts = [str(sum(counts.values())), *(f"{how} {counts[how]}" for how in sorted(counts))]
    return "; ".join(parts)


def _saturation(seconds: Mapping[str, Any]) -> Section:
    some = findings.windows(seconds)
    found = findings.saturation(some)
    sentence = "It did not saturate: the slowest seconds were not three times as slow as the best."
    if found:
        sentence = (
            f"From {found.users:.0f} containers on: {found.rate:.1f} requests a second are near "
            f"the most there was, and p95 is {_ms(found.p95)} instead of {_ms(found.p95_before)}."
        )
    step = max(1, -(-len(some) // _MOST_WINDOWS))
    rows = [
        [
            str(one.start - some[0].start),
            f"{one.users:.0f}",
            f"{one.rate:.1f}",
            _ms(one.p50),
            _ms(one.p95),
            str(one.failed),
        ]
        for one in some[::step]
    ]
    head = ["second", "containers", "requests/s", "p50", "p95", "failed"]
    return Section("Where it saturates", [sentence], head, rows)


def _algorithms(algorithms: Mapping[str, Any]) -> Section:
    rows = []
    for name, row in sorted(algorithms.items()):
        bad = {how: count for how, count in row["ended"].items() if how != "completed"}
        told = ", ".join(f"{how} {count}" for how, count in sorted(bad.items())) or "none"
        rows.append([name, str(row["ended"].get("completed", 0)), told, *_times(row["times"])])
    head = ["scenario", "completed", "ended with an error"]
    head += [f"p{100 * one:g}" for one in _PERCENTILES]
    sentence = "Algorithms that were under way at the end are not counted."
    return Section("Algorithms", [sentence], head, rows)


def _fairness(users: Mapping[str, Any]) -> Section:
    found = findings.fairness(users)
    starved = findings.starved(found)
    verdict = "Nobody starved." if not starved else f"{starved} containers got no answer at all."
    rows = [
        [
            one.scenario,
            str(one.users),
            str(one.least),
            str(one.most),
            f"{one.index:.2f}",
            _ms(one.longest),
        ]
        for one in found
    ]
    head = ["scenario", "containers", "fewest answers", "most", "Jain's index", "longest request"]
    return Section("Fairness", [verdict], head, rows)


def _restart(seconds: Mapping[str, Any], outage: tuple[float, float]) -> Section:
    began, ended = outage
    found = findings.after_restart(seconds, began, ended)
    if found is None:
        return Section("After the restart", ["The test was too short to tell."])
    sentence = (
        f"The proxy was away for {ended - began:.1f} s. Before it there were {found.normal:.1f} "
        f"requests a second; the worst {findings.WINDOW} s after it, from second "
        f"{found.worst_second} on, had {found.worst:.1f}: {found.ratio:.2f} times as many."
    )
    return Section("After the restart", [sentence])


def _times(times: Mapping[str, float]) -> list[str]:
    return [_ms(quantile(times, share)) for share in _PERCENTILES]


def _ms(seconds: float) -> str:
    return f"{1e3 * seconds:.3g} ms" if seconds < 1 else f"{seconds:.3g} s"


def markdown(some: Sequence[Section]) -> str:
    """Write the sections as Markdown."""
    parts = []
    for level, one in enumerate(some):
        parts.append(f"{'#' if level == 0 else '##'} {one.title}")
        if one.sentences:
            parts.append("\n".join(f"- {text}" for text in one.sentences))
        if one.rows:
            lines = [one.head, ["---"] * len(one.head), *one.rows]
            parts.append("\n".join(f"| {' | '.join(line)} |" for line in lines))
    return "\n\n".join(parts) + "\n"


def page(some: Sequence[Section]) -> str:
    """Write the sections as a page of HTML that needs nothing else."""
    parts = []
    for level, one in enumerate(some):
        tag = "h1" if level == 0 else "h2"
        parts.append(f"<{tag}>{html.escape(one.title)}</{tag}>")
        parts += [f"<p>{html.escape(text)}</p>" for text in one.sentences]
        if one.rows:
            head = "".join(f"<th>{html.escape(text)}</th>" for text in one.head)
            body = "".join(f"<tr>{''.join(map(_cell, row))}</tr>" for row in one.rows)
            parts.append(f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>")
    return _PAGE.format(title=html.escape(some[0].title), body="\n".join(parts))


def _cell(text: str) -> str:
    return f"<td>{html.escape(text.strip('`'))}</td>"


_PAGE: Final = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>{title}</title>
<style>
body {{ font: 16px/1.5 system-ui, sans-serif; max-width: 60rem; margin: 2rem auto }}
table {{ border-collapse: collapse; font-variant-numeric: tabular-nums }}
th, td {{ padding: .2rem .8rem .2rem 0; border-bottom: 1px solid #ddd; text-align: right }}
th:first-child, td:first-child {{ text-align: left }}
</style></head><body>
{body}
</body></html>
"""
