"""A job as one page: no network, no markup but ours, nothing but the schema's fields.

The policy allows the page's own style and script, by their hashes, and nothing else at all:
https://www.w3.org/TR/CSP3/.
"""

from __future__ import annotations

import base64
import hashlib
from collections import Counter
from collections.abc import Iterator, Sequence
from importlib import resources
from typing import Final

from v6client._version import __version__
from v6client.cli.trace.findings import Failure, Role
from v6client.cli.trace.glossary import WORDS
from v6client.cli.trace.job import State
from v6client.cli.trace.markup import Markup, joined, tag
from v6client.cli.trace.page_data import data_of, in_script
from v6client.cli.trace.path import Part, Stretch
from v6client.cli.trace.story import Story
from v6client.cli.trace.texts import count, moment, seconds, share

_MOST_JOBS: Final = 20
_MOST_FAILURES: Final = 50
_MOST_STRETCHES: Final = 30
_VERDICTS: Final = {True: "good", False: "bad", None: "unsure"}


def page_of(stories: Sequence[Story], problems: Sequence[str] = ()) -> str:
    """Write the page.

    Parameters
    ----------
    stories
        The jobs; of very many, the first.
    problems
        What is wrong with the files that were read, for people.

    Returns
    -------
    str
        HTML.
    """
    shown = stories[:_MOST_JOBS]
    style, script = _asset("page.css"), _asset("page.js")
    policy = (
        f"default-src 'none'; style-src '{_hash(style)}'; script-src '{_hash(script)}'; "
        "base-uri 'none'; form-action 'none'"
    )
    head = tag(
        "head",
        tag("meta", charset="utf-8"),
        Markup(f'<meta http-equiv="Content-Security-Policy" content="{policy}">'),
        tag("meta", name="viewport", content="width=device-width, initial-scale=1"),
        tag("meta", name="referrer", content="no-referrer"),
        tag("title", _title(shown[0]) if len(shown) == 1 else count(len(stories), "job")),
        tag("style", Markup(style)),
    )
    gaps = [tag("p", one, class_="card gap") for one in problems]
    if len(shown) < len(stories):
        gaps.append(tag("p", f"Of {len(stories):,} jobs, the first {len(shown)} are here."))
    words = [joined(tag("dt", word), tag("dd", text)) for word, text in WORDS.items()]
    body = tag(
        "body",
        tag(
            "main",
            *(_job(story) for story in shown),
            *gaps,
            tag("h2", "What the words mean"),
            tag("dl", *words, class_="words"),
            tag(
                "p",
                f"Written by v6client {__version__}. No names, no data: ids and times alone.",
                class_="meta",
            ),
        ),
        tag(
            "script",
            Markup(in_script([data_of(story) for story in shown])),
            type="application/json",
            id="data",
        ),
        tag("script", Markup(script)),
    )
    return f'<!DOCTYPE html>\n<html lang="en">{joined(head, body).text}</html>\n'


def _asset(name: str) -> str:
    return resources.files("v6client.cli.trace").joinpath("page").joinpath(name).read_text("utf-8")


def _hash(text: str) -> str:
    return f"sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}"


def _title(story: Story) -> str:
    first = next((task.task_id for task in story.job.tasks if not task.is_orphan), None)
    return "A job whose first task is not known" if first is None else f"Job of task {first}"


def _job(story: Story) -> Markup:
    job = story.job
    return tag(
        "section",
        tag(
            "div",
            tag("h1", _title(story)),
            tag("span", story.verdict, class_=f"verdict {_VERDICTS[story.is_well]}"),
            class_="head",
        ),
        tag("p", f"{moment(job.start)} · trace {job.trace_id}", class_="meta"),
        _tiles(story),
        *(tag("p", problem, class_="card gap") for problem in job.problems),
        *_failures(story.failures),
        tag("ul", *(tag("li", one) for one in (story.size, *story.more)), class_="story"),
        tag("h2", "What happened when"),
        tag(
            "div",
            _sign("q", "in the queue"),
            _sign("c", "computing"),
            _sign("c bad", "failed"),
            tag("span", tag("i", "◆", class_="mark"), "on the critical path"),
            class_="legend",
        ),
        tag(
            "div",
            tag("noscript", "The tree needs JavaScript. All else is on this page without it."),
            class_="waterfall",
        ),
        *_path(story),
        tag("h2", "Organizations"),
        _organizations(story),
        *_resent(story),
        class_="job",
    )


def _sign(kind: str, text: str) -> Markup:
    return tag("span", tag("i", class_=kind), text)


def _tiles(story: Story) -> Markup:
    runs = list(story.job.all_runs())
    done = sum(run.state is State.COMPLETED for run in runs)
    failed = len(story.failures)
    tiles = [
        (seconds(story.job.end - story.job.start), "from begin to end", ""),
        (f"{done:,} of {len(runs):,}", "runs completed", ""),
        (f"{failed:,}", "runs failed", "bad" if failed else ""),
        (f"{len(story.organizations):,}", "organizations", ""),
        (f"{sum(run.retries for run in runs):,}", "requests repeated", ""),
        (f"{sum(run.polls for run in runs):,}", "status polls", ""),
    ]
    cells = [
        tag("li", tag("b", figure), tag("span", text), **({"class_": kind} if kind else {}))
        for figure, text, kind in tiles
    ]
    return tag("ul", *cells, class_="tiles")


def _failures(failures: Sequence[Failure]) -> Iterator[Markup]:
    causes = [one for one in failures if one.role is Role.CAUSE]
    rest = [one for one in failures if one.role is not Role.CAUSE]
    if causes:
        yield tag("h2", "What failed first")
    for one in causes[:_MOST_FAILURES]:
        run = one.run
        error = f" with {run.error_type}" if run.error_type else ""
        after = f", {seconds(run.compute)} after its start" if run.compute is not None else ""
        before = ", before it started" if run.started is None else ""
        which = "" if run.run_id is None else f", run {run.run_id}"
        yield tag(
            "p",
            tag("b", f"Organization {run.organization_id}: {run.status}{error}"),
            f"{after}{before} (task {run.task.task_id}{which}). The run's log at the server says "
            "more.",
            class_="card cause",
        )
    if len(causes) > _MOST_FAILURES:
        yield tag("p", f"{len(causes) - _MOST_FAILURES:,} more failed by themselves.")
    if rest:
        items = [
            tag(
                "li",
                f"Organization {one.run.organization_id}, task {one.run.task.task_id}: "
                f"{one.role.value}.",
            )
            for one in rest[:_MOST_FAILURES]
        ]
        left = len(rest) - _MOST_FAILURES
        if left > 0:
            items.append(tag("li", f"… and {left:,} more"))
        yield tag(
            "details",
            tag("summary", f"{count(len(rest), 'more run')} failed in consequence"),
            tag("ul", *items),
        )


_KINDS: Final = {Part.COMPUTE: "c", Part.QUEUE: "q", Part.NOTICE: "n"}
_WIDTH: Final = 1000


def _path(story: Story) -> Iterator[Markup]:
    whole = sum(stretch.length for stretch in story.path)
    if not whole:
        return
    central = set(map(id, story.job.first_runs))

    def kind(stretch: Stretch) -> str:
        is_own = stretch.part is Part.COMPUTE and id(stretch.run) in central
        return "own" if is_own else _KINDS[stretch.part]

    start = story.path[0].start
    rects = [
        tag(
            "rect",
            x=f"{(one.start - start) / whole * _WIDTH:.2f}",
            width=f"{one.length / whole * _WIDTH:.2f}",
            height="26",
            class_=kind(one),
        )
        for one in _longest(story.path, _WIDTH)
    ]
    yield tag("h2", "What the time went into: the critical path")
    parts: Counter[tuple[int, Part]] = Counter()
    for one in story.path:
        parts[one.run.organization_id, one.part] += one.length
    yield tag(
        "svg",
        tag("title", "The critical path from begin to end"),
        *rects,
        viewBox=f"0 0 {_WIDTH} 26",
        preserveAspectRatio="none",
        class_="strip",
        role="img",
    )
    yield tag(
        "div",
        _sign("own", "the central part itself"),
        _sign("c", "computing at organizations"),
        _sign("qq", "in the queue"),
        _sign("n", "until the end was noticed"),
        class_="legend",
    )
    rows = [
        [f"organization {organization}", part.value, seconds(length), share(length, whole)]
        for (organization, part), length in parts.most_common(_MOST_STRETCHES)
    ]
    yield _table(["who", "doing what", "time", "of the job"], rows, words={0, 1})


def _longest(path: Sequence[Stretch], most: int) -> list[Stretch]:
    """Give at most so many stretches: shorter ones could not be seen."""
    if len(path) <= most:
        return list(path)
    shortest = sorted((stretch.length for stretch in path), reverse=True)[most - 1]
    return [stretch for stretch in path if stretch.length > shortest]


def _organizations(story: Story) -> Markup:
    whole = sum(stretch.length for stretch in story.path)
    head = ["organization", "runs", "failed", "queue, median", "longest"]
    head += ["compute, median", "longest", "last to finish", "retries", "of the critical path"]
    rows = [
        [
            f"{one.organization_id}",
            f"{one.runs:,}",
            f"{one.not_completed:,}",
            f"{seconds(one.median_queue)}{' (clocks disagree)' if one.is_skewed else ''}",
            seconds(max(one.queues, default=None)),
            seconds(one.median_compute),
            seconds(max(one.computes, default=None)),
            f"{one.last:,}",
            f"{one.retries:,}",
            share(one.critical, whole) if whole else "",
        ]
        for one in story.organizations
    ]
    bad = {index for index, one in enumerate(story.organizations) if one.not_completed}
    return _table(head, rows, words=set(), bad=bad)


def _resent(story: Story) -> Iterator[Markup]:
    if not story.resent:
        return
    yield tag("h2", "Requests that were repeated")
    rows = [
        [
            one.request,
            f"organization {one.organization_id}",
            f"{one.count:,}",
            ", ".join(f"{reason} ({number:,})" for reason, number in one.reasons),
        ]
        for one in story.resent[:_MOST_FAILURES]
    ]
    yield _table(["request", "by", "times", "after"], rows, words={0, 1, 3})


def _table(
    head: Sequence[str],
    rows: Sequence[Sequence[str]],
    *,
    words: set[int],
    bad: set[int] | frozenset[int] = frozenset(),
) -> Markup:
    def cells(name: str, texts: Sequence[str], **more: str) -> list[Markup]:
        return [
            tag(name, text, **more, **({"class_": "words"} if index in words else {}))
            for index, text in enumerate(texts)
        ]

    lines = [
        tag("tr", *cells("td", row), **({"class_": "bad"} if index in bad else {}))
        for index, row in enumerate(rows)
    ]
    table = tag(
        "table", tag("thead", tag("tr", *cells("th", head, scope="col"))), tag("tbody", *lines)
    )
    return tag("div", table, class_="scroll", tabindex="0", role="region", aria_label="table")
