"""The ids of a trace are derived alike on both sides; what a description carries is read back."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta, timezone
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from opentelemetry import trace

from v6client.container.job_context import context_of_run
from v6client.tasks import carrier
from v6client.telemetry.propagation import job_trace_id, span_context_of
from v6client.telemetry.run_spans import run_span_id, timeline

KEY = "0123456789abcdef" * 2
CREATOR = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
NOT_SAMPLED = CREATOR[:-1] + "0"

keys = st.text("0123456789abcdef", min_size=32, max_size=32)
ids = st.integers(1, 10**9)


def task(id_: int, description: str = "plain", parent: int | None = None) -> dict[str, Any]:
    return {
        "id": id_,
        "description": description,
        "parent": None if parent is None else {"id": parent},
        "job_id": 3,
        "collaboration": {"id": 9},
        "created_at": "2026-01-01T00:00:00",
        "image": "harbor.example/average",
    }


ROOT_TRACE = job_trace_id(3, 9, "2026-01-01T00:00:00", "harbor.example/average")


def reading(*tasks: dict[str, Any]) -> Callable[[int], dict[str, Any] | None]:
    return {one["id"]: one for one in tasks}.get


def found(read: Callable[[int], dict[str, Any] | None]) -> tuple[str, str, bool] | None:
    context, _ = context_of_run(read, 5, 2)
    if context is None:
        return None
    span = trace.get_current_span(context).get_span_context()
    assert span.is_remote
    return f"{span.trace_id:032x}", f"{span.span_id:016x}", span.trace_flags.sampled


def run_id() -> str:
    return f"{run_span_id(KEY, 5, 2):016x}"


def test_the_span_of_the_run_is_derived_from_what_the_description_carries() -> None:
    description, _ = carrier.carrying("mine", KEY, CREATOR)
    assert found(reading(task(5, description, 1))) == (CREATOR[3:35], run_id(), True)


def test_what_the_creator_did_not_sample_is_not_sampled() -> None:
    description, _ = carrier.carrying("mine", KEY, NOT_SAMPLED)
    assert found(reading(task(5, description, 1))) == (CREATOR[3:35], run_id(), False)


def test_under_a_provider_of_the_application_the_creator_is_the_parent() -> None:
    description, _ = carrier.carrying("mine", KEY, CREATOR, is_under_producer=True)
    assert found(reading(task(5, description, 1))) == (CREATOR[3:35], CREATOR[36:52], True)


def test_without_a_context_the_nearest_parent_that_has_one_tells_the_trace() -> None:
    mine, _ = carrier.carrying("mine", KEY, "")
    above, _ = carrier.carrying("above", KEY[::-1], CREATOR)
    tasks = (task(5, mine, 4), task(4, carrier.carrying("x", KEY, "")[0], 3), task(3, above, 1))
    assert found(reading(*tasks)) == (CREATOR[3:35], run_id(), True)


def test_without_any_context_the_trace_follows_from_the_first_task() -> None:
    mine, _ = carrier.carrying("mine", KEY, "")
    expected = (f"{ROOT_TRACE:032x}", run_id(), True)
    assert found(reading(task(5, mine, 1), task(1))) == expected


def test_what_a_researcher_writes_steers_no_trace() -> None:
    hostile, _ = carrier.carrying("mine", KEY, NOT_SAMPLED)
    assert context_of_run(reading(task(5, hostile)), 5, 2) == (None, ROOT_TRACE)
    mine, _ = carrier.carrying("mine", KEY, "")
    expected = (f"{ROOT_TRACE:032x}", run_id(), True)
    assert found(reading(task(5, mine, 1), task(1, hostile))) == expected


def test_what_nobody_above_decided_the_own_sampler_does() -> None:
    mine, _ = carrier.carrying("mine", KEY, "")
    asked: list[int] = []

    def never(trace_id: int) -> bool:
        asked.append(trace_id)
        return False

    context, _ = context_of_run(reading(task(5, mine, 1), task(1)), 5, 2, samples=never)
    assert context is not None
    assert not trace.get_current_span(context).get_span_context().trace_flags.sampled
    assert asked == [ROOT_TRACE]


def test_not_sampled_above_a_gap_is_not_sampled_below() -> None:
    mine, _ = carrier.carrying("mine", KEY, "")
    above, _ = carrier.carrying("above", KEY, NOT_SAMPLED)
    tasks = (task(5, mine, 4), task(4, above, 1))
    assert found(reading(*tasks)) == (CREATOR[3:35], run_id(), False)


def test_a_root_has_a_trace_and_no_parent() -> None:
    assert context_of_run(reading(task(5)), 5, 2) == (None, ROOT_TRACE)


@pytest.mark.parametrize(
    "tasks",
    [
        (),
        (task(5, carrier.carrying("mine", KEY, "")[0], 4),),
        # A circle, which no server should have.
        (task(5, "mine", 4), task(4, "mine", 5)),
        ({**task(5), "created_at": None},),
        ({**task(5), "collaboration": None},),
        ({**task(5), "job_id": "3"},),
    ],
)
def test_what_cannot_be_told_is_not_made_up(tasks: tuple[dict[str, Any], ...]) -> None:
    assert context_of_run(reading(*tasks), 5, 2) == (None, None)


@given(st.text(max_size=1200), keys, st.sampled_from(["", CREATOR, NOT_SAMPLED]), st.booleans())
def test_what_is_carried_is_read_back(
    text: str, key: str, traceparent: str, is_under_producer: bool
) -> None:
    description, cut = carrier.carrying(text, key, traceparent, is_under_producer=is_under_producer)
    assert len(description) <= carrier.LONGEST_DESCRIPTION
    assert description.startswith(text[: len(text) - cut])
    back = carrier.carried(description)
    assert back is not None
    assert (back.key, back.traceparent) == (key, traceparent)
    assert back.is_under_producer is (is_under_producer and bool(traceparent))
    assert (span_context_of(traceparent) is not None) == bool(traceparent)


@pytest.mark.parametrize(
    "text",
    [
        *("", None, 5, "[v6c:0123]", f"v6c:{KEY}"),
        *(f"[v6c:{KEY} not-a-context]", f"[v6c:{KEY}] and more"),
    ],
)
def test_what_is_no_carrier_carries_nothing(text: object) -> None:
    assert carrier.carried(text) is None


@given(keys, ids, ids, ids)
def test_ids_are_those_of_one_run_alone(key: str, task_id: int, one: int, other: int) -> None:
    derived = run_span_id(key, task_id, one)
    assert 0 < derived < 2**64
    assert (derived == run_span_id(key, task_id, other)) == (one == other)
    assert derived != run_span_id(key, task_id + 1, one)  # a twin's runs are not the task's
    assert 0 < job_trace_id(task_id, one, key, key) < 2**128


def test_the_ids_of_a_group_begin_alike_and_differ() -> None:
    members = {carrier.member_key(KEY, one) for one in range(1, 1001)}
    assert len(members) == 1000
    assert {one[:20] for one in members} == {KEY[:20]}
    assert all(carrier.checked_key(one) for one in members)


moments = st.floats(-1e5, 1e5).map(
    lambda seconds: (
        datetime(2026, 1, 1, tzinfo=timezone.utc) + timedelta(seconds=seconds)
    ).replace(tzinfo=None)
)


@given(moments, st.none() | moments, st.none() | moments)
def test_a_timeline_is_in_order_and_keeps_the_length_of_the_run(
    created: datetime, started: datetime | None, finished: datetime | None
) -> None:
    now = datetime(2026, 2, 3, tzinfo=timezone.utc).timestamp()
    texts = [None if one is None else one.isoformat() for one in (created, started, finished)]
    found = timeline(texts[0], texts[1], texts[2], now=now)
    assert found.created <= (found.started or found.created) <= found.finished
    assert (found.started is None) == (started is None)
    if started is not None and finished is not None and finished >= started:
        length = (finished - started).total_seconds()
        assert found.started is not None
        assert (found.finished - found.started) / 1e9 == pytest.approx(length, abs=1e-5)
        assert found.is_skewed == ((created - started).total_seconds() > 1)


@pytest.mark.parametrize(
    ("created", "started", "finished"),
    [
        ("2026-01-01T00:00:00", "0001-01-01T00:00:00", "9999-12-31T00:00:00"),
        ("1969-01-01T00:00:00", "2026-01-01T00:00:00", "2026-01-01T00:00:10"),
        # A clock that was set right while the run was at work.
        ("2026-01-01T00:00:00", "1970-01-01T00:00:05", "2026-01-01T00:00:10"),
        ("2026-01-01T00:00:00", "2026-01-01T00:00:05", "2031-01-01T00:00:00"),
        ("2026-01-01T00:00:00", None, "9999-12-31T00:00:00"),
    ],
)
def test_implausible_times_are_flagged_and_fit_a_span(
    created: str, started: str | None, finished: str
) -> None:
    now = datetime(2026, 1, 2, tzinfo=timezone.utc).timestamp()
    found = timeline(created, started, finished, now=now)
    assert found.is_skewed
    assert 0 <= found.created <= (found.started or found.created) <= found.finished
    assert found.finished <= (now + 1) * 1e9
    assert found.compute is None or found.compute <= 60
