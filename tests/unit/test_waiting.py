"""Waiting in simulated time: complete results, or an error that says who is missing."""

from __future__ import annotations

import contextlib
import logging
import pickle
from dataclasses import replace
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.unit.simulated import Run, Task, World, encoded, group, world
from v6client import (
    ConfigurationError,
    ConnectionFailed,
    DeadlineExceeded,
    InvalidResponse,
    MaskedServerError,
    NotFound,
    RequestError,
    ResultError,
    RunResult,
    TaskFailed,
    TaskTimeout,
)
from v6client.tasks.history import Kind
from v6client.tasks.runs import State, runs_of
from v6client.tasks.verdict import WaitPolicy
from v6client.tasks.waiting import Waiter
from v6client.tasks.watch import is_refusal
from v6client.tasks.watched_task import WatchedTask
from v6client.telemetry import metrics

PARTIAL = WaitPolicy(is_partial=True, stops_at_failure=False)
ALL = WaitPolicy(stops_at_failure=False)


def quorum(needed: int, grace: float = 0.0) -> WaitPolicy:
    return WaitPolicy(stops_at_failure=False, min_results=needed, grace=grace)


def three(**more: Any) -> World:
    return world(Run(30, 5), Run(10, 9, value=None), Run(20, 2), **more)


def events(caplog: pytest.LogCaptureFixture, name: str) -> list[dict[str, Any]]:
    found = [vars(record)["v6client"] for record in caplog.records if record.name == "v6client"]
    return [fields for fields in found if fields["event"] == name]


# ------------------------------------------------------------------------------ complete results


def test_results_come_in_the_order_of_the_organizations() -> None:
    this = three()
    [task] = this.watched()
    task.organizations = (10, 20, 30)
    results = this.waiter.wait([task], WaitPolicy(), interval=1, timeout=None)
    assert results == [None, "of 20", "of 30"]


def test_results_of_somebody_elses_task_come_by_run_id() -> None:
    assert three().wait(known=False) == ["of 30", None, "of 20"]


def test_a_task_without_runs_is_not_a_success() -> None:
    # The server calls it "completed".
    with pytest.raises(TaskFailed, match="no run of it"):
        world().wait(known=False)


@pytest.mark.parametrize("policy", [WaitPolicy(), ALL])
def test_an_organization_without_a_run_is_not_overlooked(policy: WaitPolicy) -> None:
    this = world(Run(10))
    [task] = this.watched()
    task.organizations = (10, 20)
    expected = r"No run: organization 20\. Completed: organization 10 \(run 501\)\."
    with pytest.raises(TaskFailed, match=expected):
        this.waiter.wait([task], policy, interval=1, timeout=None)


@pytest.mark.parametrize("text", ["", "!", "e30", encoded("x")[:-3]])
@pytest.mark.parametrize("policy", [WaitPolicy(), PARTIAL, quorum(1)])
def test_a_missing_or_broken_result_is_never_none(text: str, policy: WaitPolicy) -> None:
    with pytest.raises(ResultError) as caught:
        world(Run(10, result=text)).wait(policy)
    assert (caught.value.task_id, caught.value.run_id, caught.value.organization_id) == (5, 501, 10)


def test_a_result_of_another_run_is_no_result() -> None:
    this = world(Run(10))
    rows = [{"id": 9, "result": encoded(1)}]
    this.result_rows = lambda _task, _within=None: rows  # type: ignore[method-assign, assignment]
    with pytest.raises(ResultError, match="no result of it"):
        this.wait()


def test_a_task_can_be_waited_for_twice() -> None:
    this = three()
    assert this.wait() == this.wait() == ["of 30", None, "of 20"]


# ---------------------------------------------------------------------------------------- failure


def crashing() -> World:
    """A crash after 3 s; by then one has completed, one works, one had not started."""
    return world(
        Run(10, 3, "failed"), Run(20, 1), Run(30, 60), Run(40, 3, "crashed"), latency=0.001
    )


def test_the_cause_is_named_first() -> None:
    this = crashing()
    [task] = this.watched()
    task.organizations = (10, 20, 30, 40, 50)
    with pytest.raises(TaskFailed) as caught:
        this.waiter.wait([task], WaitPolicy(), interval=1, timeout=None)
    error = caught.value
    text = str(error)
    order = [
        text.index("Failed: organization 40 (run 504): crashed"),
        text.index("No run: organization 50"),
        text.index("Never started, because another failed: organization 10 (run 501)"),
        text.index("Still running: organization 30 (run 503): active"),
        text.index("Completed: organization 20"),
    ]
    assert order == sorted(order)
    assert error.results == {20: "of 20"}
    assert error.statuses == {
        10: "failed",
        20: "completed",
        30: "active",
        40: "crashed",
        50: "no run",
    }
    assert error.organization_ids == (10, 30, 40, 50)
    assert [run.run_id for run in error.outcomes] == [501, 502, 503, 504, None]
    assert this.now < 1005  # at the first failure, not when the last had ended


def test_logs_are_told_on_request_alone() -> None:
    with pytest.raises(TaskFailed) as caught:
        crashing().wait()
    assert "log of" not in f"{caught.value!r} {caught.value} {vars(caught.value)}"
    assert caught.value.logs() == {10: "log of 10", 30: "log of 30", 40: "log of 40"}


def test_a_failure_can_be_pickled_but_its_logs_cannot_be_asked_for_elsewhere() -> None:
    with pytest.raises(TaskFailed) as caught:
        crashing().wait()
    copy = pickle.loads(pickle.dumps(caught.value))  # noqa: S301 - our own
    assert (str(copy), copy.results, copy.outcomes) == (
        str(caught.value),
        caught.value.results,
        caught.value.outcomes,
    )
    with pytest.raises(ConfigurationError, match="only in the process that waited"):
        copy.logs()


def test_all_are_waited_for_before_a_failure_is_raised() -> None:
    this = crashing()
    with pytest.raises(TaskFailed) as caught:
        this.wait(ALL)
    assert caught.value.results == {20: "of 20", 30: "of 30"}
    assert 1060 <= this.now < 1070


def test_a_broken_result_does_not_hide_why_the_task_failed() -> None:
    with pytest.raises(TaskFailed, match="organization 20") as caught:
        world(Run(10, result="!"), Run(20, 0, "crashed"), Run(30)).wait()
    assert caught.value.results == {30: "of 30"}


# --------------------------------------------------------------------------- partial and quorum


def test_a_partial_wait_returns_what_there_is_once_all_have_ended(
    caplog: pytest.LogCaptureFixture,
) -> None:
    this = crashing()
    for _ in range(2):  # and names who is missing each time
        caplog.clear()
        assert this.wait(PARTIAL) == ["of 20", "of 30"]
        [warning] = events(caplog, "task.partial_results")
        assert (warning["organization_ids"], warning["results"]) == ([10, 40], 2)
    assert 1060 <= this.now < 1070


def test_a_partial_wait_may_stop_at_the_first_failure() -> None:
    this = crashing()
    assert this.wait(replace(PARTIAL, stops_at_failure=True)) == ["of 20"]
    assert this.now < 1005


@pytest.mark.parametrize("policy", [PARTIAL, quorum(1)])
def test_nothing_at_all_is_no_partial_result(policy: WaitPolicy) -> None:
    with pytest.raises(TaskFailed):
        world(Run(10, 1, "crashed"), Run(20, 2, "crashed")).wait(policy)


def test_a_complete_task_is_complete_for_every_policy(caplog: pytest.LogCaptureFixture) -> None:
    for policy in (WaitPolicy(), ALL, PARTIAL, quorum(3)):
        assert three().wait(policy) == ["of 30", None, "of 20"]
    assert not events(caplog, "task.partial_results")


def test_a_quorum_is_enough(caplog: pytest.LogCaptureFixture) -> None:
    this = world(Run(10, 500), Run(20, 4), Run(30, 2))
    assert this.wait(quorum(2)) == ["of 20", "of 30"]
    assert 1004 <= this.now < 1005
    [warning] = events(caplog, "task.partial_results")
    assert warning["organization_ids"] == [10]


@pytest.mark.parametrize(("grace", "results"), [(5, 2), (20, 3)])
def test_a_quorum_waits_for_the_others_as_long_as_it_is_told(grace: float, results: int) -> None:
    this = world(Run(10, 15), Run(20, 4), Run(30, 2))
    assert len(this.wait(quorum(2, grace))) == results
    assert this.now - 1000 < 17


def test_grace_is_over_when_it_is_over() -> None:
    this = world(Run(10, 36_000), Run(20, 3600), Run(30, 2))
    assert len(this.wait(quorum(2, 1.0))) == 2
    # The quorum itself is seen as late as any end; the grace is not.
    assert this.now - 1000 < 3600 + 61 + 1


def test_a_quorum_from_outside_means_all_of_a_smaller_task() -> None:
    policy = replace(quorum(3), is_general=True)
    for known in (True, False):
        assert world(Run(10, 5), Run(20, 9)).wait(policy, known=known) == ["of 10", "of 20"]
    assert len(world(Run(10, 5), Run(20, 9), Run(30, 2), Run(40, 999)).wait(policy)) == 3


def test_a_quorum_that_cannot_be_met_any_more_is_told_at_once() -> None:
    this = world(Run(10, 3, "crashed"), Run(20, 4, "crashed"), Run(30, 2), Run(40, 900))
    with pytest.raises(TaskFailed, match=r"1 of at least 3 results"):
        this.wait(quorum(3))
    assert this.now < 1006


# ------------------------------------------------------------------------------- isolated groups


def test_an_isolated_group_is_waited_for_as_one() -> None:
    this = group(Run(30, 5), Run(10, 9), Run(20, 2))
    assert this.wait() == ["of 30", "of 10", "of 20"]


def test_one_of_a_group_that_fails_takes_no_other_with_it() -> None:
    this = group(Run(30, 5), Run(10, 1, "crashed"), Run(20, 8))
    assert this.wait(PARTIAL) == ["of 30", "of 20"]
    with pytest.raises(TaskFailed) as caught:
        group(Run(30, 50), Run(10, 1, "crashed"), Run(20, 80)).wait()
    assert caught.value.statuses == {30: "active", 10: "crashed", 20: "active"}


def test_a_thousand_tasks_are_one_loop_of_polls() -> None:
    runs = [Run(n, 20 + n % 7) for n in range(1, 1001)]
    this = group(*runs)
    assert this.wait() == [f"of {n}" for n in range(1, 1001)]
    polls = [what for what in this.asked if what not in {"runs", "results"}]
    assert set(polls) == {"statuses"}
    assert len(polls) < 60
    assert this.asked.count("runs") == this.asked.count("results") == 1000


# -------------------------------------------------------------------------------------- streaming


def test_results_are_given_as_they_end_over_several_tasks() -> None:
    this = World(
        {
            1: Task(1, [Run(10, 8), Run(20, 2)]),
            2: Task(2, [Run(10, 4)]),
            3: Task(3, [Run(10, 1), Run(20, 20), Run(30, 6, "crashed")]),
        }
    )
    seen = []
    for result in this.waiter.as_completed(this.watched(), interval=1, timeout=None):
        seen.append(result)
        age = this.tasks[result.task_id].runs
        [run] = [one for one in age if one.organization == result.organization_id]
        assert run.end <= this.now - 1000 < 1.2 * run.end + 1
    assert [(one.task_id, one.organization_id) for one in seen] == [
        *((3, 10), (1, 20), (2, 10), (3, 30), (1, 10), (3, 20)),
    ]
    assert seen[0] == RunResult(10, 3, 301, "completed", "of 10")
    assert seen[3] == RunResult(30, 3, 303, "crashed", None)


def test_only_what_changed_is_fetched() -> None:
    # Run rows carry the inputs: they are read when the count of open runs changes, and seldom else.
    this = world(Run(10, 20), Run(20, 25), Run(30, 25))
    assert len(list(this.waiter.as_completed(this.watched(), interval=1, timeout=None))) == 3
    assert this.asked.count("runs") == 3  # at first, and after each of two changes
    assert this.asked.count("result") == 3
    assert this.asked.count("results") == 0
    assert this.asked.count("open_runs") > 20


def test_an_organization_without_a_run_is_given_as_such() -> None:
    this = world(Run(10, 1))
    [task] = this.watched()
    task.organizations = (10, 20)
    found = list(this.waiter.as_completed([task], interval=1, timeout=None))
    assert [(one.organization_id, one.run_id, one.status) for one in found] == [
        (20, None, "no run"),
        (10, 501, "completed"),
    ]


def test_a_result_that_cannot_be_fetched_now_is_fetched_later() -> None:
    down = ConnectionFailed("down")
    this = world(Run(10, 1), Run(20, 1), Run(30, 1))
    plain, failures = this.row_at, [down, down]

    def sometimes(*args: Any) -> dict[str, Any] | None:
        if args[2] == 502 and failures:
            raise failures.pop()
        return plain(*args)

    this.row_at = sometimes  # type: ignore[method-assign, assignment]
    found = list(this.waiter.as_completed(this.watched(), interval=1, timeout=None))
    assert [one.value for one in found] == ["of 10", "of 20", "of 30"]


def test_without_a_count_of_open_runs_the_runs_are_read() -> None:
    assert three(counts_open=False).wait(ALL) == ["of 30", None, "of 20"]


def test_what_became_of_each_run_can_be_asked_for() -> None:
    this = crashing()
    this.now = 1005
    outcomes = this.waiter.outcomes(this.watched(known=False))
    assert [(one.organization_id, one.state) for one in outcomes] == [
        (10, State.NEVER_STARTED),
        (20, State.COMPLETED),
        (30, State.RUNNING),
        (40, State.FAILED),
    ]
    assert [one.queue_seconds for one in outcomes] == [None, 0, 0, 0]
    assert [one.compute_seconds for one in outcomes] == [None, 1, None, 3]
    assert {one.node_online for one in outcomes} == {True}
    assert this.asked == ["task", "runs"]


def test_a_broken_result_takes_no_other_with_it() -> None:
    this = world(Run(10, 1), Run(20, 2, result="!"), Run(30, 9), Run(40, 3))
    stream = this.waiter.as_completed(this.watched(), interval=1, timeout=None)
    assert [next(stream).organization_id for _ in range(3)] == [10, 40, 30]
    with pytest.raises(ResultError) as caught:
        next(stream)
    assert caught.value.organization_id == 20
    with pytest.raises(ResultError) as caught:
        this.wait(PARTIAL)
    assert caught.value.results == {10: "of 10", 30: "of 30", 40: "of 40"}


def test_what_was_fetched_is_given_before_an_error_ends_the_stream() -> None:
    refused = NotFound("refused", status=404)
    this = World({1: Task(1, [Run(10, 1)]), 2: Task(2, [Run(20, 1)])})
    plain = this.row_at
    this.row_at = lambda *args: plain(*args) if args[1] == 1 else _raise(refused)  # type: ignore[method-assign]
    stream = this.waiter.as_completed(this.watched(), interval=1, timeout=None)
    assert next(stream).organization_id == 10
    with pytest.raises(NotFound):
        next(stream)


def _raise(error: Exception) -> Any:
    raise error


def test_a_stream_that_is_not_read_to_its_end_is_no_error(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    outcomes: list[str] = []
    monkeypatch.setattr(metrics, "record_wait", lambda *args: outcomes.append(args[3]))
    this = three()
    stream = this.waiter.as_completed(this.watched(), interval=1, timeout=None)
    assert next(stream).organization_id == 20
    stream.close()  # type: ignore[attr-defined]
    assert outcomes == ["stopped"]


def test_a_stream_of_a_task_without_runs_is_no_success() -> None:
    this = world()
    with pytest.raises(TaskFailed, match="no run of it"):
        list(this.waiter.as_completed(this.watched(known=False), interval=1, timeout=None))


def test_polls_of_a_stream_keep_their_distance() -> None:
    # A poll that takes a second is followed by twenty of rest, whatever arrives meanwhile.
    this = world(*(Run(n, 2 * n) for n in range(1, 40)), latency=1.0)
    polls: list[float] = []
    plain = this.open_runs

    def noted(*args: Any, **more: Any) -> Any:
        polls.append(this.now)
        return plain(*args, **more)

    this.open_runs = noted  # type: ignore[method-assign]
    assert len(list(this.waiter.as_completed(this.watched(), interval=1, timeout=None))) == 39
    assert min(b - a for a, b in pairwise(polls)) >= 0.8 * 20


def test_rows_with_heavy_inputs_are_read_when_their_run_has_ended() -> None:
    this = world(*(Run(n, 10 * n) for n in range(1, 21)), input_="x" * 2**18)
    assert this.wait(PARTIAL) == [f"of {n}" for n in range(1, 21)]
    # All of them once, at the beginning, and then each by itself.
    assert (this.asked.count("runs"), this.asked.count("run")) == (1, 20)


# ------------------------------------------------------------------------------ faults and ends


def test_a_failed_poll_is_no_news() -> None:
    down = ConnectionFailed("down")
    this = three(fails=lambda n, _: down if 2 <= n <= 9 else None)
    assert this.wait() == ["of 30", None, "of 20"]


@pytest.mark.parametrize("policy", [WaitPolicy(), ALL])
def test_five_minutes_without_a_proxy_cost_nothing_but_the_delay(policy: WaitPolicy) -> None:
    # Away from the 20th minute on, and once more just when the task has ended.
    away = [(1200.0, 1500.0), (3599.0, 3900.0)]
    down = DeadlineExceeded("away")
    this = world(
        Run(10, 2600),
        Run(20, 2000),
        fails=lambda _, now: down if any(begin <= now < end for begin, end in away) else None,
    )
    assert this.wait(policy) == ["of 10", "of 20"]
    assert this.now < 3900 + 61


def test_a_task_that_is_refused_keeps_no_other_from_being_seen() -> None:
    this = World({1: Task(1, [Run(10, 99)]), 2: Task(2, [Run(20, 0)])})
    refused = NotFound("no such task", status=404)
    plain = this.status

    def status(task_id: int, within: float | None) -> tuple[str, float]:
        if task_id == 1:
            raise refused
        return plain(task_id, within)

    this.status = status  # type: ignore[method-assign]
    stream = this.waiter.as_completed(this.watched(), interval=1, timeout=None)
    assert next(stream).value == "of 20"
    with pytest.raises(NotFound):
        next(stream)


def test_an_outage_of_the_server_is_no_refusal() -> None:
    masked = MaskedServerError("masked", status=500, server_answers=False)
    assert len(three(fails=lambda n, _: masked if n <= 9 else None).wait()) == 3


REFUSALS = [
    MaskedServerError("no such task", status=500, server_answers=True),
    NotFound("no such task", status=404),
    InvalidResponse("no such task", status=200),
]


@pytest.mark.parametrize("error", REFUSALS)
@pytest.mark.parametrize("since", [0.0, 3600.0])
def test_a_refusal_ends_the_wait_at_the_third_within_two_minutes(
    error: RequestError, since: float
) -> None:
    this = world(Run(10, 1e6), fails=lambda _, now: error if now >= 1000 + since else None)
    with pytest.raises(type(error), match="no such task"):
        this.wait()
    assert this.now - 1000 - since < 120
    refused = [what for what in this.asked if what == "status"]
    assert len(refused) >= 3


def test_what_is_a_refusal() -> None:
    assert all(is_refusal(error) for error in REFUSALS)
    for error in (
        ConnectionFailed("down"),
        DeadlineExceeded("late"),
        MaskedServerError("away", status=500, server_answers=False),
        RequestError("?"),
    ):
        assert not is_refusal(error)


def test_a_timeout_says_who_is_where_and_has_the_results_so_far() -> None:
    this = world(Run(10, 5), Run(20, 1e9), Run(30, 1e9, start=1e8))
    with pytest.raises(TaskTimeout, match=r"goes on.*timeout=") as caught:
        this.wait(timeout=100)
    error = caught.value
    assert (error.task_id, error.status, error.organization_ids) == (5, "active", (20, 30))
    assert error.statuses == {10: "completed", 20: "active", 30: "pending"}
    assert error.results == {10: "of 10"}
    assert 100 <= this.now - 1000 < 101
    assert pickle.loads(pickle.dumps(error)).statuses == error.statuses  # noqa: S301 - our own


@pytest.mark.parametrize("what", ["status", "runs", "results", "open_runs", "statuses"])
@pytest.mark.parametrize("policy", [WaitPolicy(), PARTIAL])
def test_a_timeout_holds_whatever_hangs(what: str, policy: WaitPolicy) -> None:
    this = group(*(Run(n, 1) for n in range(1, 300)), hangs=[what])
    with contextlib.suppress(TaskTimeout):
        assert len(this.wait(policy, timeout=30)) == 299
    # What is under way at the deadline has 5 s, and a last look 5 more; here the requests alone of
    # 299 tasks take some.
    assert this.now - 1000 < 30 + 10 + 1


def test_a_timeout_of_results_alone_says_so() -> None:
    with pytest.raises(TaskTimeout, match=r"task 5 finished, but the results could not be had"):
        world(Run(10, 1), hangs=["results"]).wait(timeout=30)


def test_a_timeout_of_several_tasks_names_those_that_are_open() -> None:
    this = World({n: Task(n, [Run(10, 1e9 if n == 3 else 1)]) for n in (1, 2, 3)})
    with pytest.raises(TaskTimeout) as caught:
        list(this.waiter.as_completed(this.watched(), interval=1, timeout=60))
    error = caught.value
    assert str(error).startswith("task 3 was not finished after 60 s (status: active). Still run")
    assert (error.task_id, error.organization_ids, error.results) == (3, (10,), {})


def test_a_message_names_twenty_at_most() -> None:
    with pytest.raises(TaskTimeout) as caught:
        group(*(Run(n, 1e9) for n in range(1, 1001))).wait(timeout=60)
    assert len(str(caught.value)) < 2500
    assert "and 980 more" in str(caught.value)
    assert len(caught.value.statuses) == 1000


def test_after_a_timeout_it_can_be_waited_for_again() -> None:
    this = world(Run(10, 150))
    with pytest.raises(TaskTimeout):
        this.wait(timeout=100)
    assert this.wait(timeout=100) == ["of 10"]


def test_a_timeout_while_the_proxy_is_away_says_what_is_known() -> None:
    down = ConnectionFailed("down")
    this = world(Run(10, 1e9), fails=lambda _, now: down if now > 1050 else None)
    with pytest.raises(TaskTimeout) as caught:
        this.wait(timeout=100)
    assert caught.value.statuses == {10: "active"}


def test_streaming_has_a_timeout_too() -> None:
    this = world(Run(10, 5), Run(20, 1e9))
    stream = this.waiter.as_completed(this.watched(), interval=1, timeout=60)
    assert next(stream).value == "of 10"
    with pytest.raises(TaskTimeout) as caught:
        next(stream)
    assert caught.value.results == {10: "of 10"}


def test_the_last_poll_is_at_the_deadline() -> None:
    # Finished just before the deadline: not missed, though the distance was longer by then.
    assert world(Run(10, 99.9)).wait(timeout=100) == ["of 10"]


@pytest.mark.parametrize("interrupt", [KeyboardInterrupt, SystemExit])
def test_an_interrupt_says_which_tasks_go_on(
    interrupt: type[BaseException], caplog: pytest.LogCaptureFixture
) -> None:
    this = group(Run(10, 1), Run(20, 1e9))
    plain = this.sleep

    def pressed(seconds: float) -> None:
        if this.now > 1010:
            raise interrupt
        plain(seconds)

    this.sleep = pressed  # type: ignore[method-assign]
    with pytest.raises(interrupt):
        this.wait(timeout=100)
    [warning] = events(caplog, "task.wait_interrupted")
    assert (warning["task_ids"], warning["error_type"]) == ([11], interrupt.__name__)


def test_a_node_that_is_offline_is_told_once(caplog: pytest.LogCaptureFixture) -> None:
    this = world(Run(10, 1), Run(20, 3000, start=2900, online=False))
    assert len(this.wait()) == 2
    [warning] = events(caplog, "run.node_offline")
    assert (warning["organization_id"], warning["run_id"]) == (20, 502)
    # Looked at after 30 s, and then each time when twice as many have passed.
    assert this.asked.count("runs") <= 9


def test_a_change_of_state_is_one_line(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, "v6client")
    world(Run(10, 2, start=1), Run(20, 4, start=1)).wait()
    assert [line["status"] for line in events(caplog, "task.status")] == [
        *("pending", "active", "completed"),
    ]
    caplog.clear()
    world(Run(10, 2, start=1), Run(20, 4, start=1)).wait(ALL)
    counts = [
        tuple(line[name] for name in ("completed", "failed", "running", "queued"))
        for line in events(caplog, "task.status")
    ]
    assert counts == [(0, 0, 0, 2), (1, 0, 1, 0), (2, 0, 0, 0)]


# ----------------------------------------------------------------------------- earlier rounds

ROUND = Kind("newton #", "step")


def polls_of_a_round(this: World, waiter: Waiter, seconds: float, *, twice: bool = False) -> int:
    """Create a task, wait for it, and count the questions."""
    task = Task(len(this.tasks) + 1, [Run(10, seconds)], created=this.now)
    this.tasks = {**this.tasks, task.id: task}
    watched = WatchedTask(task.id, (10,), created=this.now, kind=ROUND)
    before = this.asked.count("status")
    waiter.wait([watched], WaitPolicy(), interval=1, timeout=None)
    asked = this.asked.count("status") - before
    if twice:
        again = WatchedTask(task.id, (10,), created=task.created, kind=ROUND)
        waiter.wait([again], WaitPolicy(), interval=1, timeout=None)
    return asked


def test_polls_aim_at_what_earlier_rounds_took() -> None:
    this = World({})
    waiter = this.waiter
    polls = [polls_of_a_round(this, waiter, 30, twice=n % 2 == 0) for n in range(12)]
    assert polls[0] > 30
    assert polls[-1] <= 3
    # Of each round once, whoever waits again: and neither clamped nor made up.
    durations = waiter.history.durations(ROUND)
    assert len(durations) == 12
    assert all(low <= 30 <= high for low, high in durations)
    # One that takes longer has outlived its kind, and is seen as soon as without history.
    began = this.now
    polls_of_a_round(this, waiter, 300)
    assert this.now - began - 300 < 31


def test_history_is_when_it_ended_not_when_the_results_came() -> None:
    down = ConnectionFailed("down")
    this = World({})
    plain = this.result_rows
    this.result_rows = lambda *args: _raise(down) if this.now < 1130 else plain(*args)  # type: ignore[method-assign]
    waiter = this.waiter
    polls_of_a_round(this, waiter, 30)
    [(low, high)] = waiter.history.durations(ROUND)
    assert low <= 30 <= high < 36


def test_what_failed_or_was_somebody_elses_is_no_history() -> None:
    this = World({5: Task(5, [Run(10, 5, "crashed")])})
    waiter = this.waiter
    for created in (1000.0, None):
        watched = WatchedTask(5, (10,), created=created, kind=ROUND)
        with pytest.raises(TaskFailed):
            waiter.wait([watched], WaitPolicy(), interval=1, timeout=None)
    assert waiter.history.durations(ROUND) == ()


# --------------------------------------------------------------------------------------- bounds


@given(
    durations=st.lists(st.floats(0.01, 20_000), min_size=1, max_size=4),
    latency=st.floats(0.0001, 0.05),
    interval=st.floats(0.1, 10),
    policy=st.sampled_from([WaitPolicy(), ALL]),
)
def test_a_finished_task_is_seen_soon(
    durations: list[float], latency: float, interval: float, policy: WaitPolicy
) -> None:
    this = world(*(Run(n + 1, end) for n, end in enumerate(durations)), latency=latency)
    assert len(this.wait(policy, interval=interval)) == len(durations)
    late = this.now - 1000 - max(durations)
    # The requests that are made once the end is seen, or while it comes.
    on_the_way = 5 * latency
    # Where each run counts, the first poll is of two questions: how many are open, and which.
    poll = 2 * latency if policy.needs_runs else latency
    longest = max(interval / 10, min(60, 0.1 * max(durations)), min(20 * poll, 60))
    assert late <= longest * 1.01 + on_the_way


# ----------------------------------------------------------------------------- what a run tells


def row(
    id_: int, organization: int, status: str = "completed", *, started: bool = True
) -> dict[str, Any]:
    return {
        "id": id_,
        "organization": {"id": organization},
        "status": status,
        "started_at": "2026-01-01T00:00:00" if started else None,
    }


ROWS = [
    (row(1, 1, "completed"), State.COMPLETED),
    (row(2, 2, "crashed"), State.FAILED),
    (row(3, 3, "failed", started=False), State.NEVER_STARTED),
    (row(4, 4, "non-existing Docker image", started=False), State.FAILED),
    (row(5, 5, "pending", started=False), State.RUNNING),
    (row(6, 6, "a status of a later vantage6"), State.FAILED),
]


def test_what_a_run_tells() -> None:
    rows, states = zip(*ROWS, strict=True)
    assert [run.state for run in runs_of(rows, 5)] == list(states)


def test_an_organization_that_is_there_twice_has_two_results() -> None:
    assert world(Run(10, 1, value="a"), Run(10, 2, value="b")).wait(known=False) == ["a", "b"]


def test_a_failure_without_a_start_is_a_cause_where_there_is_no_other() -> None:
    [run] = runs_of([row(1, 1, "failed", started=False)], 5)
    assert run.state is State.FAILED


@pytest.mark.parametrize(
    ("created", "queue"),
    [
        ("2025-12-31T23:59:50", 10),
        ("2025-12-31T23:59:50.500000", 9.5),
        ("2025-12-31T23:59:50+00:00", 10),
        ("2026-01-01T00:59:50+01:00", 10),
        ("2026-01-01T00:00:05", 0),  # the node's clock is behind the server's
        ("yesterday", None),
        (None, None),
    ],
)
def test_queue_seconds_are_of_two_clocks(created: str | None, queue: float | None) -> None:
    [run] = runs_of([row(1, 1)], 5, created_at=created)
    assert run.queue_seconds == queue


def test_an_unknown_task_is_waited_for_until_it_is_known() -> None:
    assert WatchedTask(5).outcomes() == ()
    assert not WatchedTask(5).is_over
