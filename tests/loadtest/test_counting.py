"""What is counted, and what is made of it."""

from __future__ import annotations

import copy
import itertools
import random
import statistics
from collections import Counter
from typing import Any

import pytest

from v6client.cli.loadtest import findings, report
from v6client.cli.loadtest.histogram import class_of, quantile
from v6client.cli.loadtest.overheard import Overheard, enter
from v6client.cli.loadtest.plan import Plan
from v6client.cli.loadtest.tally import Counts, Tally, add
from v6client.telemetry import metrics, schema
from v6client.telemetry.entries import Instrument


def test_a_quantile_is_right_to_within_a_class() -> None:
    dice = random.Random(1)  # noqa: S311 - a sample
    sample = sorted(dice.lognormvariate(-4, 1) for _ in range(5000))
    counts = Counter(map(class_of, sample))
    for share in (0.5, 0.95, 0.99):
        exact = statistics.quantiles(sample, n=100)[int(100 * share) - 1]
        assert quantile(counts, share) == pytest.approx(exact, rel=0.03)
    assert quantile({}, 0.5) == 0
    assert quantile({class_of(0.0): 1}, 0.5) < 1e-4


def attempts(tally: Tally, count: int, **more: Any) -> None:
    facts: dict[str, Any] = {"error": "", "moment": 100.5, "scenario": "short", "user": "a"} | more
    for _ in range(count):
        tally.attempt("GET /task", 0.01, **facts)


def test_several_processes_count_like_one() -> None:
    whole, parts = Tally(), [Tally(), Tally()]
    for each, share in ((whole, 1), *((one, 2) for one in parts)):
        attempts(each, 10 // share)
        attempts(each, 4 // share, error="503", moment=101.9)
        each.retry("overloaded")
        each.late(0.5)
    found: Counts = {}
    for one in parts:
        add(found, one.take())
    wanted = whole.take()
    assert found.pop("retries") == {"overloaded": 2}
    assert found.pop("waits")["late"] == {class_of(0.5): 2}
    assert found == {name: wanted[name] for name in found}
    assert found["users"]["short"]["a"] == {"answered": 10, "longest": 0.01}
    assert whole.take() == {}


class Nowhere(metrics.Instruments):
    """Takes what is measured."""

    def __init__(self) -> None:
        self.names: list[str] = []

    def record(self, entry: Instrument, value: float, attributes: object) -> None:
        del value, attributes
        self.names.append(entry.name)


def test_what_the_client_measures_is_counted_and_passed_on() -> None:
    inner, tally = Nowhere(), Tally()
    told: list[tuple[str, str, float, str]] = []
    over = Overheard(inner, tally, lambda *facts: told.append(facts), now=lambda: 7.5)
    enter("crowd", "somebody")
    facts = {schema.HTTP_METHOD: "GET", schema.URL_TEMPLATE: "/task/{id}/status"}
    over.record(schema.REQUEST_DURATION, 0.02, {**facts, schema.HTTP_STATUS: 200})
    over.record(schema.REQUEST_DURATION, 1.0, {**facts, schema.ERROR_TYPE: "503"})
    over.record(schema.REQUEST_RETRIES, 1, {**facts, schema.RETRY_REASON: "overloaded"})
    over.record(schema.WAIT_OVERSHOOT, 0.3, {schema.WAIT_OUTCOME: "completed"})
    over.record(schema.WAIT_POLLS, 4, {schema.WAIT_OUTCOME: "completed"})
    over.record(schema.WAIT_DURATION, 9, {schema.WAIT_OUTCOME: "completed"})
    over.record(schema.TASKS_CREATED, 1, {schema.CREATION: "found"})
    over.record(schema.TASKS_TWINS, 2, {})
    assert len(inner.names) == 8
    assert told == [
        ("GET", "/task/{id}/status", 0.02, ""),
        ("GET", "/task/{id}/status", 1.0, "503"),
    ]
    counts = tally.take()
    assert counts["endpoints"]["GET /task/{id}/status"]["failed"] == 1
    assert counts["seconds"]["7"]["attempts"] == 2
    assert counts["errors"] == {"503": 1}
    assert counts["retries"] == {"overloaded": 1}
    assert counts["waits"]["polls"] == 4
    assert counts["waits"]["ended"] == {"completed": 1}
    assert counts["tasks"] == {"found": 1, "twins": 2}
    assert counts["users"] == {"crowd": {"somebody": {"answered": 1, "longest": 1.0}}}


def test_what_the_end_of_the_test_interrupts_is_not_counted() -> None:
    tally = Tally()
    over = Overheard(Nowhere(), tally, lambda *_: None)
    try:
        raise KeyboardInterrupt  # noqa: TRY301 - as a greenlet that is killed
    except KeyboardInterrupt:
        over.record(schema.WAIT_DURATION, 9, {schema.WAIT_OUTCOME: "error"})
    assert tally.take() == {}


def seconds(*rows: tuple[int, float, float]) -> Counts:
    """Give rows of users, attempts and seconds of each attempt."""
    return {
        str(100 + number): {
            "users": users,
            "attempts": rate,
            "failed": 0,
            "times": {class_of(slow): rate},
        }
        for number, (users, rate, slow) in enumerate(rows)
    }


def test_saturation_is_where_more_users_get_no_more_answers() -> None:
    light = [(10, 20, 0.01)] * 5
    busy = [(30, 80, 0.012)] * 5
    full = [(60, 82, 0.2)] * 5
    found = findings.saturation(findings.windows(seconds(*light, *busy, *full)))
    assert found is not None
    assert (found.users, found.rate) == (60, 82)
    assert found.p95_before == pytest.approx(0.01, rel=0.05)
    assert found.p95 == pytest.approx(0.2, rel=0.05)
    assert findings.saturation(findings.windows(seconds(*light, *busy))) is None
    # A slow moment without much load is something else.
    slow = [(10, 5, 0.2)] * 5
    assert findings.saturation(findings.windows(seconds(*slow, *busy))) is None
    assert findings.windows({}) == []


def test_fairness_names_who_was_never_answered() -> None:
    tally = Tally()
    for user in "abcd":
        tally.start("short", user)
    for user, answers in (("a", 10), ("b", 10), ("c", 10)):
        attempts(tally, answers, user=user)
    attempts(tally, 3, user="d", error="connection_refused")
    [row] = findings.fairness(tally.take()["users"])
    assert (row.users, row.least, row.most, row.starved) == (4, 0, 10, 1)
    assert row.index == pytest.approx(0.75)
    assert findings.starved([row]) == 1


def test_the_load_after_a_restart_is_compared_with_the_one_before() -> None:
    rates = [50] * 20 + [0] * 5 + [50, 70, 100, 100, 80, 60] + [50] * 10
    rows = seconds(*((10, one, 0.01) for one in rates))
    found = findings.after_restart(rows, 120.2, 125.9)
    assert found is not None
    assert found.normal == 50
    assert found.worst == pytest.approx((70 + 100 + 100 + 80 + 60) / 5)
    assert found.ratio == pytest.approx(1.64)
    assert found.worst_second == 1
    assert findings.after_restart(rows, 120.2, 0.0) is None
    assert findings.after_restart(rows, 120.2, 140.0) is None


def some_counts() -> Counts:
    tally = Tally()
    attempts(tally, 9)
    attempts(tally, 1, error="<script>")
    tally.algorithm("short", 0.4, "completed")
    tally.algorithm("short", 3.0, "ConnectionFailed")
    tally.retry("never_sent")
    tally.late(0.25)
    tally.polls(12)
    tally.wait(2.0, "completed")
    tally.users(3, 100.5)
    return tally.take()


def test_the_report_tells_what_was_counted() -> None:
    some = report.sections(some_counts(), Plan(), where="The sandbox's proxy", outage=(1.0, 2.0))
    text = report.markdown(some)
    assert "10 requests on the wire in 1 s, 10.0 a second; 9 answered, 1 failed." in text
    assert "| `<script>` | 1 |" in text
    assert "Retries: 1; never_sent 1." in text
    assert "They took 12 polls." in text
    assert "| short | 1 | ConnectionFailed 1 |" in text
    assert "Nobody starved." in text
    assert "too short to tell" in text
    page = report.page(some)
    assert "<script>" not in page
    assert "&lt;script&gt;" in page


def test_a_report_of_nothing_is_one_too() -> None:
    text = report.markdown(report.sections({}, Plan(), where="A proxy"))
    assert "0 requests on the wire" in text
    assert "After the restart" not in text


def test_counting_leaves_what_is_added_as_it_is() -> None:
    one = some_counts()
    before = copy.deepcopy(one)
    found: Counts = {}
    for _ in itertools.repeat(None, 2):
        add(found, one)
    assert one == before
    assert found["retries"]["never_sent"] == 2
