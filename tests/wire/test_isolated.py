"""Isolated tasks and streams, over a real socket: what is asked, and what comes of it."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tests.conftest import QUICK, ClientOf
from tests.peer import Received, answer, masked, peer
from tests.wire.test_creation import KEY, Server, lose, mask, no_pauses, refuse, serving
from v6client import (
    AlgorithmClient,
    InvalidArgument,
    MaskedServerError,
    RunResult,
    TaskFailed,
    TaskPartiallyCreated,
)

__all__ = ["no_pauses"]  # a fixture of both modules

ORGANIZATIONS = [2, 3, 4]


def create(client: AlgorithmClient, key: str | None = None) -> dict[str, object]:
    return client.task.create(
        {"method": "x"}, ORGANIZATIONS, description="mine", isolated=True, key=key
    )


@pytest.fixture
def server() -> Server:
    return Server()


def test_isolated_is_one_task_an_organization(client_of: ClientOf, server: Server) -> None:
    with peer() as this:
        task = create(client_of(serving(this, server)))
    assert (task["id"], task["isolated"]) == (100, [100, 101, 102])
    assert [one["organizations"] for one in server.tasks] == [[2], [3], [4]]
    assert (server.posts, server.lookups) == (3, 3)
    keys = [match[1] for one in server.tasks if (match := KEY.search(one["description"]))]
    # Keys of their own that begin alike, so that one search finds them all.
    assert len(set(keys)) == 3
    assert len({key[:20] for key in keys}) == 1


def test_a_lost_answer_of_one_is_found_by_its_own_key(client_of: ClientOf, server: Server) -> None:
    with peer() as this:
        server.post_faults = [Server.commit, lose]
        task = create(client_of(serving(this, server)))
    assert task["isolated"] == [100, 101, 102]
    assert server.posts == 3


def test_what_was_created_before_an_error_is_not_lost(client_of: ClientOf, server: Server) -> None:
    with peer() as this:
        server.post_faults = [Server.commit, *[refuse] * 4]
        client = client_of(serving(this, server))
        with pytest.raises(MaskedServerError) as caught:
            create(client)
        text = str(caught.value)
        assert "1 of the 3 isolated tasks exist (tasks 100)" in text
        assert text.count("To go on") == text.count(str(caught.value.key)) == 1
        task = create(client, caught.value.key)
    assert task["isolated"] == [100, 101, 102]
    assert [one["organizations"] for one in server.tasks] == [[2], [3], [4]]


def test_a_task_without_its_run_does_not_lose_the_group(
    client_of: ClientOf, server: Server, no_pauses: list[float]
) -> None:
    with peer() as this:
        server.without_run = {3}
        server.post_faults = [Server.commit, mask]
        client = client_of(serving(this, server))
        with pytest.raises(TaskPartiallyCreated, match=r"1 of the 3 .* \(tasks 100\)") as caught:
            create(client)
        # The researcher has killed it, and its row is gone.
        del server.tasks[1]
        server.without_run = set()
        assert create(client, caught.value.key)["isolated"] == [100, 101, 102]
    assert sum(no_pauses) > 0


def test_isolated_tasks_are_marked_whatever_the_setting(
    client_of: ClientOf, server: Server
) -> None:
    with peer() as this:
        server.post_faults = [Server.commit, *[refuse] * 4]
        client = client_of(serving(this, server), replace(QUICK, create_once=False))
        with pytest.raises(MaskedServerError) as caught:
            create(client)
        assert create(client, caught.value.key)["isolated"] == [100, 101, 102]
    assert [one["organizations"] for one in server.tasks] == [[2], [3], [4]]


def test_late_twins_of_a_group_are_looked_for_once(
    client_of: ClientOf, server: Server, caplog: pytest.LogCaptureFixture
) -> None:
    with peer() as this:
        client = client_of(serving(this, server))
        task = create(client)
        server.tasks.append({**server.tasks[1], "id": 107})
        plain = server.respond

        def respond(request: Received) -> object:
            if request.path == "/task" and "description=" not in request.target:
                rows = [{"id": one, "status": "crashed"} for one in (102, 101, 100)]
                return answer({"data": rows, "links": {}})
            return plain(request)

        this.by_request = respond  # type: ignore[assignment]
        lookups = server.lookups
        server.without_run = set(ORGANIZATIONS)
        expected = "No run: organization 2; organization 3; organization 4"
        with pytest.raises(TaskFailed, match=expected):
            client.wait_for_results(int(str(task["id"])))
    assert server.lookups == lookups + 1
    assert "task.twins task_id=100 twin_ids=[107]" in caplog.text


class Streaming:
    """Two tasks of somebody else's: the second has one run that failed."""

    def __init__(self) -> None:
        self.asked: list[str] = []
        self.rounds = 0

    def respond(self, request: Received) -> object:
        self.asked.append(request.target)
        if "state=open" in request.target:
            self.rounds += 1
            count = {"5": max(0, 3 - self.rounds), "6": 1 if self.rounds < 4 else 0}
            task = request.target.partition("task_id=")[2][0]
            return answer({"data": [], "links": {}}, headers={"total-count": str(count[task])})
        if request.path == "/run":
            return answer({"data": self.rows(request.target), "links": {}})
        run = 52 if "page=1" in request.target.replace("per_page", "") else 51
        return answer({"data": [{"id": run, "result": "eyJ4IjogMX0="}], "links": {}})

    def rows(self, target: str) -> list[dict[str, object]]:
        done, open_ = "completed", "active"
        if "task_id=6" in target:
            status = "crashed" if self.rounds >= 4 else open_
            return [{"id": 61, "status": status, "organization": {"id": 2}}]
        return [
            {"id": 52, "status": done, "organization": {"id": 3}},
            {"id": 51, "status": done if self.rounds >= 3 else open_, "organization": {"id": 2}},
        ]


def test_results_stream_over_several_tasks(client_of: ClientOf) -> None:
    streaming = Streaming()
    with peer() as this:
        this.by_request = streaming.respond  # type: ignore[assignment]
        found = list(client_of(this).as_completed([5, 6], interval=0.1))
    assert found == [
        RunResult(3, 5, 52, "completed", {"x": 1}),
        RunResult(2, 5, 51, "completed", {"x": 1}),
        RunResult(2, 6, 61, "crashed", None),
    ]
    # One result at a time, and never all of them again.
    results = [one for one in streaming.asked if one.startswith("/result")]
    assert [one.partition("?")[2] for one in results] == [
        "task_id=5&per_page=1&page=1",
        "task_id=5&per_page=1&page=2",
    ]


@pytest.mark.parametrize("ids", [[], [5, 5], ["x"], [0], "12", None])
def test_wrong_ids_are_told_before_anything_is_sent(client_of: ClientOf, ids: object) -> None:
    with peer(masked()) as this:
        with pytest.raises(InvalidArgument):
            client_of(this).as_completed(ids)  # type: ignore[arg-type]
    assert this.received == []


@pytest.mark.parametrize(
    "wrong",
    [
        {"on_failure": "ignore"},
        {"wait_for": "some"},
        {"min_results": 0},
        {"min_results": 1.5},
        {"min_results": True},
        {"grace": -1},
        {"grace": float("nan")},
        {"timeout": -1},
        {"timeout": "soon"},
        {"interval": None},
        {"task_id": "1/../../user"},
    ],
)
def test_wrong_arguments_of_a_wait_are_told_before_anything_is_sent(
    client_of: ClientOf, wrong: dict[str, object]
) -> None:
    with peer(masked()) as this:
        with pytest.raises(InvalidArgument):
            client_of(this).wait_for_results(**{"task_id": 5, **wrong})  # type: ignore[arg-type]
    assert this.received == []


def test_a_quorum_of_more_than_there_are_is_told(client_of: ClientOf, server: Server) -> None:
    with peer() as this:
        client = client_of(serving(this, server))
        task = client.task.create({"method": "x"}, [2, 3])
        with pytest.raises(InvalidArgument, match="the task has 2 organizations"):
            client.wait_for_results(task["id"], min_results=3)
