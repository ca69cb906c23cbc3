"""Single expressions of the dashboards against series made for them, in promtool."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Final

import pytest
from dashboards.view import View

from tests.observability.install import ROOT
from tests.observability.processes import program, said

HOUR: Final = View(0, 3600)
RULE: Final = "organization:v6client_runs_failed:increase1h"
OUTCOMES: Final = "v6client_run_outcomes_total"
COMPUTED: Final = "v6client_run_compute_seconds_count"

Series = dict[str, str]
Samples = dict[str | None, float]


def of(name: str, organization: object, collaboration: int = 1, /, **labels: str) -> str:
    whose = {
        "v6client_collaboration_id": str(collaboration),
        "v6client_organization_id": str(organization),
        "job": "a",
        **labels,
    }
    return f"{name}{{{','.join(f'{key}={json.dumps(value)}' for key, value in whose.items())}}}"


def ended(organization: int, status: str, number: int, collaboration: int = 1) -> Series:
    name = of(OUTCOMES, organization, collaboration, v6client_run_status=status)
    return {name: f"0x10 {number}x349"}


def started(organization: int, number: int, collaboration: int = 1) -> Series:
    return {of(COMPUTED, organization, collaboration): f"0x10 {number}x349"}


def computed(*seconds: float) -> Series:
    """Give organizations, from 1 on, whose runs take so long."""
    series = {}
    for organization, each in enumerate(seconds, 1):
        series[of("v6client_run_compute_seconds_sum", organization)] = f"0+{each}x360"
        series[of(COMPUTED, organization)] = "0+1x360"
    return series


def expression(board: str, title: str, ref: str = "A", **chosen: str) -> str:
    document = json.loads((ROOT / "dashboards" / f"{board}.json").read_text("utf-8"))
    [panel] = [one for one in document["panels"] if one["title"] == title]
    [target] = [one for one in panel["targets"] if one["refId"] == ref]
    seen = View(HOUR.begin, HOUR.end, chosen=chosen)
    return seen.filled(target["expr"], panel)


def check(folder: Path, series: Series, expr: str, expected: Samples) -> None:
    """Hold an expression, rounded to tenths, against a value for each organization."""
    samples = [
        {
            "labels": "{}" if one is None else f'{{v6client_organization_id="{one}"}}',
            "value": value,
        }
        for one, value in expected.items()
    ]
    test: dict[str, Any] = {
        "interval": "10s",
        "input_series": [{"series": one, "values": values} for one, values in series.items()],
        "promql_expr_test": [
            {"expr": f"round({expr}, 0.1)", "eval_time": "1h", "exp_samples": samples}
        ],
    }
    rules = str(ROOT / "deploy" / "prometheus" / "rules" / "recording.yml")
    file = folder / "test.yml"
    document = {"rule_files": [rules], "evaluation_interval": "1m", "tests": [test]}
    file.write_text(json.dumps(document), "utf-8")
    done = said(program("promtool"), "test", "rules", file)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize(
    ("seconds", "slowest", "times"),
    [
        ((10, 100), "2", 10),
        ((10, 12, 60), "3", 5),
        ((10, 12, 14, 60), "4", 5),
        ((10,), "1", 1),
        # Less than a second is as good as one.
        ((0.05, 0.2), "2", 0.2),
    ],
)
def test_the_slow_one_stands_out_among_few(
    tmp_path: Path, seconds: tuple[float, ...], slowest: str, times: float
) -> None:
    check(tmp_path, computed(*seconds), expression("collaboration", "Slowest"), {slowest: times})


FAILURES: Final[dict[str, tuple[Series, Samples]]] = {
    "ended with others": (
        {**started(2, 5), **ended(2, "crashed", 5), **ended(4, "failed", 5)},
        {"2": 5, "4": 0},
    ),
    "two collaborations": (
        {
            **started(2, 3),
            **ended(2, "failed", 3),
            **ended(2, "not allowed", 4, collaboration=2),
        },
        {"2": 7},
    ),
    "killed by a researcher": (
        {**started(1, 2), **ended(1, "killed by user", 2), **ended(3, "killed by user", 1)},
        {"1": 0, "3": 0},
    ),
    "neither started nor failed": ({**started(1, 2), **ended(1, "completed", 2)}, {"1": 0}),
}


@pytest.mark.parametrize("case", FAILURES)
def test_an_organizations_own_failures(tmp_path: Path, case: str) -> None:
    series, expected = FAILURES[case]
    check(tmp_path, series, expression("collaboration", "Organizations", "B"), expected)
    total: Samples = {None: sum(expected.values())}
    check(tmp_path, series, expression("collaboration", "Failed runs"), total)


@pytest.mark.parametrize("case", FAILURES)
def test_the_rule_counts_as_the_dashboards_do(tmp_path: Path, case: str) -> None:
    series, expected = FAILURES[case]
    ruled = f"sum by (v6client_organization_id) ({RULE}) > 0"
    check(tmp_path, series, ruled, {one: value for one, value in expected.items() if value})


def test_who_was_ended_with_others_is_in_each_column(tmp_path: Path) -> None:
    series, _ = FAILURES["ended with others"]
    columns: dict[str, Samples] = {"C": {"2": 1, "4": 0}, "D": {"2": 0, "4": 5}}
    for ref, expected in columns.items():
        expr = expression("collaboration", "Organizations", ref)
        check(tmp_path, series, expr, expected)
    killed, _ = FAILURES["killed by a researcher"]
    check(tmp_path, killed, expression("collaboration", "Organizations", "D"), {"1": 0.0, "3": 0.0})


@pytest.mark.parametrize(
    ("chosen", "number"), [({"collaboration": "1"}, 2), ({"organization": "7"}, 2), ({}, 3)]
)
def test_alerts_are_the_chosen_ones_and_the_collectors(
    tmp_path: Path, chosen: dict[str, str], number: int
) -> None:
    storm = {"alertname": "V6clientRetryStorm", "alertstate": "firing"}
    series = {
        of("ALERTS", 1, 1, **storm): "1x360",
        of("ALERTS", 7, 2, **storm): "1x360",
        'ALERTS{alertname="V6clientCollectorDown",alertstate="firing"}': "1x360",
    }
    expr = expression("collaboration", "Alerts", **chosen)
    check(tmp_path, series, expr, {None: number})


def test_what_could_not_be_sent_is_no_quick_answer(tmp_path: Path) -> None:
    name = "http_client_request_duration_seconds_bucket"
    series = {
        of(name, 5, error_type="connection_refused", le=le): "0+10x360" for le in ("0.005", "+Inf")
    }
    answered = {of(name, 5, le="1"): "0x360", of(name, 5, le="2"): "0+1x360"}
    answered[of(name, 5, le="+Inf")] = "0+1x360"
    expr = expression("proxy", "Slowest proxy, 95 %")
    # promtool's round() takes 1.95 to be 2.
    check(tmp_path, {**series, **answered}, f"floor({expr})", {"5": 1})


def test_the_busiest_minute_does_not_depend_on_the_interval(tmp_path: Path) -> None:
    # Busy for ten minutes.
    series = {of("http_client_request_duration_seconds_sum", 1): "0x100 0+10x60 600x300"}
    for points in (600, 2):
        document = json.loads((ROOT / "dashboards" / "proxy.json").read_text("utf-8"))
        [panel] = [one for one in document["panels"] if one["title"] == "Busiest proxy"]
        seen = View(0, 3600, points=points)
        check(tmp_path, series, seen.filled(panel["targets"][0]["expr"], panel), {"1": 1})
