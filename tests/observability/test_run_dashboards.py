"""Each query of each dashboard against the real Prometheus and Jaeger, after all that was run.

Named so that it comes after ``test_run.py``, whose figures are of health alone.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final

import pytest
from dashboards.pictures.colours import COLOURS, step_of
from dashboards.pictures.draw import draw
from dashboards.pictures.sources import Line, Sources
from dashboards.view import ALL, View

from tests.observability import jobs
from tests.observability.install import ROOT
from tests.observability.observed import Fired, Observed, Studied
from tests.observability.stack import QUICKER

BOARDS: Final = {
    path.stem: json.loads(path.read_text("utf-8"))
    for path in sorted((ROOT / "dashboards").glob("*.json"))
}
ORGANIZATION: Final = "v6client_organization_id"

# What a dashboard says where something never happened; so it would hide that a name is wrong.
NEVER: Final = " or vector(0)"
SELECTOR: Final = re.compile(r"([a-zA-Z_:][\w:]*)\{(?:[^{}$]|\$\{[^{}]*\}|\$)*\}")

Query = tuple[str, str, str]


def queries(kind: str) -> Iterator[tuple[Query, dict[str, Any], dict[str, Any]]]:
    for name, board in BOARDS.items():
        for panel in board["panels"]:
            for target in panel["targets"]:
                if panel["datasource"]["type"] == kind:
                    yield (name, panel["title"], target["refId"]), panel, target


METRICS: Final = {query: (panel, target) for query, panel, target in queries("prometheus")}
TRACES: Final = {query: (panel, target) for query, panel, target in queries("jaeger")}


@pytest.fixture(scope="module")
def sources(observed: Observed) -> Sources:
    return Sources(observed.stack.prometheus, observed.stack.jaeger)


@pytest.fixture(scope="module")
def everything(observed: Observed, fired: Fired) -> View:
    """Look at all that was run."""
    chosen = {"service": "v6client", "trace": observed.healthy.trace_id, "filter": ""}
    return view(observed.begin, fired.end, chosen)


@pytest.fixture(scope="module")
def of_study(studied: Studied) -> View:
    """Look at the study alone."""
    chosen = {"algorithm": jobs.STUDY, "service": jobs.STUDY, "trace": studied.trace_id}
    return view(studied.begin, studied.end, {**chosen, "filter": ""})


def view(begin: float, end: float, chosen: Mapping[str, str]) -> View:
    return View(begin, end, scrape=10 / QUICKER, shorter=QUICKER, chosen=chosen)


# ------------------------------------------------------------------------- every query has data


def faults_of(
    sources: Sources, panel: Mapping[str, Any], target: Mapping[str, Any], seen: View
) -> list[str]:
    """Say what of a query has no data: a selector in it, or all of it."""
    never = {**target, "expr": target["expr"].replace(NEVER, "")}
    faults = [] if sources.metrics(panel, never, seen) else [never["expr"]]
    length = f"{seen.end - seen.begin:.0f}s"
    for found in SELECTOR.finditer(seen.filled(target["expr"], panel)):
        counted = {"expr": f"count(last_over_time({found[0]}[{length}]))", "instant": True}
        if not sources.metrics({}, counted, seen):
            faults.append(found[0])
    return faults


@pytest.mark.parametrize("query", METRICS, ids="-".join)
def test_each_expression_has_data(sources: Sources, everything: View, query: Query) -> None:
    assert faults_of(sources, *METRICS[query], everything) == []


@pytest.mark.parametrize("query", METRICS, ids="-".join)
def test_a_misspelt_name_would_be_seen(sources: Sources, everything: View, query: Query) -> None:
    panel, target = METRICS[query]
    names = list(SELECTOR.finditer(target["expr"]))
    assert names
    for found in names:
        misspelt = f"{target['expr'][: found.end(1)]}x{target['expr'][found.end(1) :]}"
        assert faults_of(sources, panel, {**target, "expr": misspelt}, everything)


@pytest.mark.parametrize("query", TRACES, ids="-".join)
def test_each_question_to_the_trace_store_has_an_answer(
    sources: Sources, everything: View, query: Query
) -> None:
    traces = sources.traces(*TRACES[query], everything)
    assert traces
    assert all(one["spans"] for one in traces)


def test_a_job_is_found_by_what_its_spans_have(
    sources: Sources, of_study: View, studied: Studied
) -> None:
    [(_, panel, target)] = [one for one in queries("jaeger") if one[0][1] == "Jobs"]
    for tags, found in {
        f"v6client.organization.id={jobs.FAILING} error=true": True,
        "v6client.task.id=2": True,
        "v6client.run.status=crashed": True,
        "error.type=MaskedServerError": True,
        "v6client.task.id=999999": False,
    }.items():
        seen = View(of_study.begin, of_study.end, chosen={"service": jobs.STUDY, "filter": tags})
        traces = sources.traces(panel, target, seen)
        assert [one["traceID"] for one in traces] == [studied.trace_id] * found, tags


@pytest.mark.parametrize(
    ("name", "offered"),
    [
        ("collaboration", {"1"}),
        ("organization", {"1", "2", "3", "4", "5", "6"}),
        ("algorithm", {jobs.STUDY, "v6client"}),
        ("service", {jobs.STUDY, "v6client"}),
    ],
)
def test_a_variable_offers_what_there_is(
    sources: Sources, everything: View, name: str, offered: set[str]
) -> None:
    variables = [
        one
        for board in BOARDS.values()
        for one in board["templating"]["list"]
        if one["name"] == name
    ]
    assert variables
    for one in variables:
        assert set(sources.choices(one, everything)) == offered


# --------------------------------------------------------------------- the figures are the run's


def answers(sources: Sources, seen: View, query: Query) -> list[Line]:
    panel, target = METRICS[query]
    return sources.metrics(panel, target, seen)


def figure(sources: Sources, seen: View, board: str, title: str) -> float:
    [line] = answers(sources, seen, (board, title, "A"))
    return line.last


def column(sources: Sources, seen: View, board: str, title: str, head: str) -> dict[str, float]:
    """Give a column of a table, by organization."""
    [panel] = [one for one in BOARDS[board]["panels"] if one["title"] == title]
    heads = [
        {each["id"]: each["value"] for each in one["properties"]}["displayName"]
        for one in panel["fieldConfig"]["overrides"]
        if one["matcher"]["options"].startswith("Value")
    ]
    target = panel["targets"][heads.index(head)]
    lines = sources.metrics(panel, target, seen)
    return {line.labels[ORGANIZATION]: line.last for line in lines}


def as_counted(number: float) -> object:
    # increase() extrapolates by the part of a scrape that is missing at the end: under 1 %.
    return pytest.approx(number, rel=0.01, abs=1e-6)


def test_figures_at_a_glance_are_what_was_counted(
    sources: Sources, of_study: View, studied: Studied
) -> None:
    expected = {
        ("collaboration", "Runs"): studied.runs.total(),
        ("collaboration", "Failed runs"): studied.failed.total(),
        ("collaboration", "Fails most"): studied.failed[jobs.FAILING]
        / sum(number for (one, _), number in studied.runs.items() if one == jobs.FAILING),
        ("job", "Rounds, all jobs"): studied.rounds,
        ("job", "Failed runs, all jobs"): studied.failed.total(),
        ("proxy", "Masked errors"): studied.masked,
        ("round", "Rounds"): studied.rounds,
        ("round", "Polls a round"): studied.polls / studied.rounds,
        ("round", "Requests a round"): studied.requests / studied.rounds,
    }
    assert all(expected.values())
    found = {query: figure(sources, of_study, *query) for query in expected}
    assert found == {query: as_counted(number) for query, number in expected.items()}


def test_the_table_of_organizations_is_what_the_server_has(
    sources: Sources, of_study: View, studied: Studied
) -> None:
    def of(head: str) -> dict[str, float]:
        return column(sources, of_study, "collaboration", "Organizations", head)

    totals: Counter[int] = Counter()
    for (organization, _), number in studied.runs.items():
        totals[organization] += number
    assert of("Runs") == {str(one): as_counted(number) for one, number in totals.items()}
    assert of("Failed") == {str(one): as_counted(studied.failed[one]) for one in totals}
    assert of("Share") == {
        str(one): as_counted(studied.failed[one] / number) for one, number in totals.items()
    }
    assert of("Compute") == {
        str(one): as_counted(seconds) for one, seconds in studied.compute.items()
    }


def test_each_cause_is_counted_as_the_server_has_it(
    sources: Sources, studied: Studied, fired: Fired, everything: View
) -> None:
    lines = answers(sources, everything, ("collaboration", "Why runs were not completed", "A"))
    found = {
        (int(line.labels[ORGANIZATION]), line.labels["v6client_run_status"]): round(line.last)
        for line in lines
    }
    expected = fired.runs + studied.runs
    assert found == {one: number for one, number in expected.items() if one[1] != "completed"}
    # Each of them was the organization's own, and is counted once: those too that could not start.
    own = column(sources, everything, "collaboration", "Organizations", "Failed")
    failed: Counter[int] = Counter()
    for (organization, _), number in found.items():
        failed[organization] += number
    assert {int(one): round(number) for one, number in own.items()} == {
        int(one): failed[int(one)] for one in own
    }


def test_requests_by_endpoint_are_what_the_containers_counted(
    sources: Sources, of_study: View, studied: Studied
) -> None:
    lines = answers(sources, of_study, ("proxy", "Which requests", "A"))
    assert sum(line.last for line in lines) == as_counted(studied.requests)


def test_bars_add_up_to_what_was_counted(
    sources: Sources, of_study: View, studied: Studied
) -> None:
    later = View(
        of_study.begin,
        of_study.end + of_study.interval({"interval": "1m"}),
        scrape=of_study.scrape,
        shorter=of_study.shorter,
        chosen=of_study.chosen,
    )
    lines = answers(sources, later, ("collaboration", "Runs by outcome", "A"))
    found = {line.name: sum(value for _, value in line.points) for line in lines}
    expected: Counter[str] = Counter()
    for (_, status), number in studied.runs.items():
        expected[status] += number
    # The first bar of a series is a little low: rate() extrapolates nothing below zero.
    assert found == {one: pytest.approx(number, rel=0.15) for one, number in expected.items()}
    total = sum(found.values())
    assert total == pytest.approx(studied.runs.total(), rel=0.08)


# -------------------------------------------------------------- who is slow and who fails is seen


def test_the_failing_and_the_slow_hospital_are_named_in_red(
    sources: Sources, of_study: View
) -> None:
    for title, organization in (("Fails most", jobs.FAILING), ("Slowest", jobs.SLOW)):
        query = ("collaboration", title, "A")
        [line] = answers(sources, of_study, query)
        thresholds = METRICS[query][0]["fieldConfig"]["defaults"]["thresholds"]
        assert line.name == f"organization {organization}"
        assert step_of(line.last, thresholds) == COLOURS["red"]


def test_nobody_else_is_red(sources: Sources, of_study: View) -> None:
    red = set()
    for panel in BOARDS["collaboration"]["panels"]:
        for looks, target in coloured(panel):
            for line in sources.metrics(panel, target, of_study):
                if step_of(line.last, looks["thresholds"]) == COLOURS["red"]:
                    red.add((looks["displayName"], line.labels.get(ORGANIZATION)))
    failing, slow = str(jobs.FAILING), str(jobs.SLOW)
    assert red - {("Alerts", None)} == {
        ("Fails most", failing),
        ("Share", failing),
        ("Slowest", slow),
        ("× median", slow),
    }


def coloured(panel: Mapping[str, Any]) -> Iterator[tuple[dict[str, Any], dict[str, Any]]]:
    """Give what is coloured by its value: how it looks, and its query."""
    targets = panel["targets"]
    if panel["type"] == "stat":
        defaults = panel["fieldConfig"]["defaults"]
        yield {"displayName": panel["title"], "thresholds": defaults["thresholds"]}, targets[0]
    values = [
        {each["id"]: each["value"] for each in one["properties"]}
        for one in panel["fieldConfig"]["overrides"]
        if one["matcher"]["options"].startswith("Value")
    ]
    for looks, target in zip(values, targets, strict=False):
        if "thresholds" in looks:
            yield looks, target


@pytest.mark.parametrize("name", BOARDS)
def test_each_dashboard_can_be_drawn(
    sources: Sources, of_study: View, tmp_path: Path, name: str
) -> None:
    sizes = []
    nothing = {"service": "nobody", "filter": "", "trace": "0" * 31 + "1"}
    for seen in (of_study, View(0, 60, chosen=nothing)):
        picture = tmp_path / "picture.png"
        draw(BOARDS[name], sources, seen, picture, "A study, and nothing.")
        assert picture.read_bytes().startswith(b"\x89PNG")
        sizes.append(picture.stat().st_size)
    assert sizes[0] > 1.5 * sizes[1]


def test_a_variable_that_is_not_chosen_is_everything() -> None:
    assert View(0, 60).filled('{a=~"$organization"}', {}) == f'{{a=~"{ALL}"}}'
