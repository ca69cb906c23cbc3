from __future__ import annotations

import base64
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from v6client import (
    ConnectionFailed,
    MaskedServerError,
    NotFound,
    RequestError,
    ResultError,
    Settings,
    TaskFailed,
    TaskTimeout,
)
from v6client.tasks.polling import Schedule
from v6client.tasks.runs import State, runs_of
from v6client.tasks.waiting import TaskReader, Waiter


def run_row(
    id_: int, organization: int, status: str = "completed", *, started: bool = True
) -> dict[str, Any]:
    return {
        "id": id_,
        "organization": {"id": organization},
        "status": status,
        "started_at": "2026-01-01T00:00:00" if started else None,
    }


def result_row(id_: int, value: object) -> dict[str, Any]:
    return {"id": id_, "result": base64.b64encode(json.dumps(value).encode()).decode()}


@dataclass
class FakeServer:
    """A task whose status changes with (fake) time; what it answers can be an error."""

    duration: float = 0.0
    final: str = "completed"
    runs: list[dict[str, Any]] = field(default_factory=list)
    results: list[dict[str, Any]] = field(default_factory=list)
    error_of_poll: Callable[[int], RequestError | None] = lambda _: None
    latency: float = 0.01
    now: float = 1000.0
    polls: int = 0
    began: float = 1000.0

    def status(self, _: int, __: float | None) -> str:
        self.now += self.latency
        self.polls += 1
        error = self.error_of_poll(self.polls)
        if error:
            raise error
        return self.final if self.now - self.began >= self.duration else "active"

    def sleep(self, seconds: float) -> None:
        assert seconds >= 0
        self.now += seconds

    def wait(self, **more: Any) -> list[Any]:
        arguments = {
            "interval": 1.0,
            "timeout": None,
            "created": None,
            "organizations": None,
            **more,
        }
        reader = TaskReader(self.status, lambda _: self.runs, lambda _: self.results)
        waiter = Waiter(reader, Settings(), sleep=self.sleep, now=lambda: self.now)
        return waiter.wait(5, **arguments)


def three_done(**more: Any) -> FakeServer:
    return FakeServer(
        runs=[run_row(1, 30), run_row(2, 10), run_row(3, 20)],
        results=[result_row(1, "of 30"), result_row(2, None), result_row(3, "of 20")],
        **more,
    )


def test_results_come_in_the_order_of_the_organizations() -> None:
    assert three_done().wait(organizations=(10, 20, 30)) == [None, "of 20", "of 30"]


def test_results_of_somebody_elses_task_come_by_run_id() -> None:
    assert three_done().wait() == ["of 30", None, "of 20"]


def test_the_cause_is_named_first() -> None:
    server = FakeServer(
        final="failed",
        runs=[
            run_row(1, 10, "failed", started=False),
            run_row(2, 20, "completed"),
            run_row(3, 30, "active"),
            run_row(4, 40, "crashed"),
        ],
        results=[result_row(2, "of 20")],
    )
    with pytest.raises(TaskFailed) as caught:
        server.wait(organizations=(10, 20, 30, 40, 50))
    error = caught.value
    text = str(error)
    order = [
        text.index("Failed: organization 40 (run 4): crashed"),
        text.index("No run: organization 50"),
        text.index("Never started, because another failed: organization 10 (run 1)"),
        text.index("Still running: organization 30 (run 3): active"),
        text.index("Completed: organization 20"),
    ]
    assert order == sorted(order)
    assert error.results == {20: "of 20"}
    assert error.statuses[40] == "crashed"
    assert error.organization_ids == (10, 30, 40, 50)


def test_a_task_without_runs_is_not_a_success() -> None:
    # The server calls it "completed".
    with pytest.raises(TaskFailed, match="no run of it"):
        FakeServer(final="completed").wait()


def test_an_organization_without_a_run_is_not_overlooked() -> None:
    server = FakeServer(runs=[run_row(1, 10)], results=[result_row(1, 1)])
    with pytest.raises(TaskFailed, match=r"No run: organization 20"):
        server.wait(organizations=(10, 20))


@pytest.mark.parametrize(
    "row",
    [
        {"id": 1, "result": None},
        {"id": 1, "result": ""},
        {"id": 1, "result": "!"},
        {"id": 2, "result": "bnVsbA=="},
        {"id": 1, "result": "1b4e28ba-2fa1-11d2-883f-0016d3cca427", "blob_storage_used": True},
    ],
)
def test_a_missing_or_broken_result_is_never_none(row: dict[str, Any]) -> None:
    with pytest.raises(ResultError) as caught:
        FakeServer(runs=[run_row(1, 10)], results=[row]).wait()
    assert (caught.value.task_id, caught.value.run_id, caught.value.organization_id) == (5, 1, 10)


def test_a_broken_result_does_not_hide_why_the_task_failed() -> None:
    server = FakeServer(
        final="crashed",
        runs=[run_row(1, 10), run_row(2, 20, "crashed")],
        results=[{"id": 1, "result": "!"}],
    )
    with pytest.raises(TaskFailed, match="organization 20"):
        server.wait()


def test_a_failed_poll_is_no_news() -> None:
    down = ConnectionFailed("down")
    server = three_done(duration=50, error_of_poll=lambda n: down if 2 <= n <= 9 else None)
    assert server.wait(organizations=(10, 20, 30)) == [None, "of 20", "of 30"]


def test_an_outage_of_the_server_is_no_refusal() -> None:
    masked = MaskedServerError("masked", status=500, server_answers=False)
    server = three_done(duration=50, error_of_poll=lambda n: masked if n <= 9 else None)
    assert len(server.wait()) == 3


@pytest.mark.parametrize(
    "error",
    [
        MaskedServerError("no such task", status=500, server_answers=True),
        NotFound("no such task", status=404),
    ],
)
def test_a_refusal_ends_the_wait_at_the_third(error: RequestError) -> None:
    server = three_done(error_of_poll=lambda _: error)
    with pytest.raises(type(error), match="no such task"):
        server.wait()
    assert server.polls == 3
    assert server.now - server.began < 120


def test_a_timeout_says_that_the_task_goes_on() -> None:
    server = three_done(duration=1e9)
    with pytest.raises(TaskTimeout, match=r"goes on.*timeout=") as caught:
        server.wait(timeout=100)
    assert caught.value.task_id == 5
    assert 100 <= server.now - server.began < 101


def test_the_last_poll_is_at_the_deadline() -> None:
    # Finished just before the deadline: not missed, though the distance was longer by then.
    assert len(three_done(duration=99.99).wait(timeout=100)) == 3


@given(
    duration=st.floats(0.01, 20_000),
    latency=st.floats(0.0001, 0.05),
    interval=st.floats(0.1, 10),
)
def test_a_finished_task_is_seen_soon(duration: float, latency: float, interval: float) -> None:
    server = three_done(duration=duration, latency=latency)
    server.wait(interval=interval)
    late = server.now - server.began - duration
    assert late <= max(interval / 10, min(60, 0.1 * duration), min(20 * latency, 60)) + 2 * latency


@given(st.floats(0, 1e6), st.floats(0, 10), st.floats(0, 100), st.floats(0, 1, exclude_max=True))
def test_the_schedule_stays_within_its_bounds(
    waited: float, floor: float, duration: float, draw: float
) -> None:
    schedule = Schedule(created=0, floor=floor, draw=lambda: draw)
    schedule.polled(duration)
    longest = max(min(60, max(floor, 0.1 * waited)), min(20 * duration, 60))
    assert 0.8 * longest - 1e-9 <= schedule.next_delay(waited) <= longest


def test_the_first_poll_comes_at_once_unless_the_task_is_new() -> None:
    assert Schedule(created=0, floor=0.1).first_delay(5) == 0
    assert Schedule(created=5, floor=0.1).first_delay(5) == pytest.approx(0.1)


def _rows() -> Iterator[tuple[dict[str, Any], State]]:
    yield run_row(1, 1, "completed"), State.COMPLETED
    yield run_row(2, 2, "crashed"), State.FAILED
    yield run_row(3, 3, "failed", started=False), State.NEVER_STARTED
    yield run_row(4, 4, "non-existing Docker image", started=False), State.FAILED
    yield run_row(5, 5, "pending", started=False), State.RUNNING
    yield run_row(6, 6, "a status of a later vantage6"), State.FAILED


def test_what_a_run_tells() -> None:
    rows, states = zip(*_rows(), strict=True)
    assert [run.state for run in runs_of(rows, None)] == list(states)


def test_a_failure_without_a_start_is_a_cause_where_there_is_no_other() -> None:
    [run] = runs_of([run_row(1, 1, "failed", started=False)], None)
    assert run.state is State.FAILED
