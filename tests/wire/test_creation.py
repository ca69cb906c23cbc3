"""Creating a subtask: at most one is adopted, whatever happens to the answer."""

from __future__ import annotations

import json
import re
import socket
import threading
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from tests.conftest import QUICK, ClientOf
from tests.peer import Answer, Peer, Received, answer, masked, peer, reset_after_reading
from v6client import (
    AlgorithmClient,
    BadRequest,
    ConnectionFailed,
    InvalidArgument,
    MaskedServerError,
    RequestError,
    ServerError,
    TaskFailed,
    TaskPartiallyCreated,
)
from v6client.tasks import adoption

# With the trace context where the process has a provider, as one of a process's tests may set it.
KEY = re.compile(r"\[v6c:([0-9a-f]{32})(?: 00-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2} p)?\]\Z")


@dataclass
class Server:
    """A server with tasks; what the proxy in front of it does to a POST is scripted."""

    post_faults: list[Callable[[Server, dict[str, Any]], Answer]] = field(default_factory=list)
    lookup_faults: list[Answer] = field(default_factory=list)
    tasks: list[dict[str, Any]] = field(default_factory=list)
    without_run: set[int] = field(default_factory=set)
    posts: int = 0
    lookups: int = 0

    def commit(self, body: dict[str, Any]) -> Answer:
        """Create a task, as the real server does: the task first, then its runs."""
        task = {
            "id": 100 + len(self.tasks),
            "description": body["description"],
            "organizations": [one["id"] for one in body["organizations"]],
        }
        self.tasks.append(task)
        return answer({"id": task["id"]}, 201)

    def respond(self, request: Received) -> Answer:
        if request.method == "POST":
            self.posts += 1
            body = json.loads(request.body)
            return self.post_faults.pop(0)(self, body) if self.post_faults else self.commit(body)
        query = parse_qs(urlsplit(request.target).query)
        return {
            "/blobstream/status": lambda: answer({"blob_store_enabled": False}),
            "/organization/2": lambda: answer({"id": 2}),
            "/task": lambda: self.look_up(query),
            "/run": lambda: self.runs(int(query["task_id"][0])),
        }[request.path]()

    def look_up(self, query: dict[str, list[str]]) -> Answer:
        self.lookups += 1
        if self.lookup_faults:
            return self.lookup_faults.pop(0)
        assert query["parent_id"] == ["7"]
        assert "include" not in query
        wanted = query["description"][0].strip("%")
        found = [
            {"id": one["id"], "description": one["description"]}
            for one in self.tasks
            if wanted in one["description"]
        ]
        return answer({"data": found[::-1], "links": {}})

    def runs(self, task_id: int) -> Answer:
        [task] = [one for one in self.tasks if one["id"] == task_id]
        rows = [
            {"id": number, "status": "pending", "organization": {"id": one}}
            for number, one in enumerate(task["organizations"], 1)
            if one not in self.without_run
        ]
        return answer({"data": rows, "links": {}})


Fault = Callable[[Server, dict[str, Any]], Answer]


def lose(server: Server, body: dict[str, Any]) -> Answer:
    """Commit, and lose the answer."""
    server.commit(body)
    return reset_after_reading


def refuse(_: Server, __: dict[str, Any]) -> Answer:
    """Refuse three times, at once."""
    return masked()


def mask(server: Server, body: dict[str, Any]) -> Answer:
    """Commit, and say that it failed."""
    server.commit(body)
    return masked()


def busy(server: Server, body: dict[str, Any]) -> Answer:
    """Commit, and say that the gateway timed out."""
    server.commit(body)
    return answer({"msg": "timeout"}, 504)


def twice(server: Server, body: dict[str, Any]) -> Answer:
    """Commit, answer 500 to the proxy, which tries again: the client sees the second one."""
    server.commit(body)
    return server.commit(body)


@pytest.fixture
def server() -> Server:
    return Server()


@pytest.fixture(autouse=True)
def no_pauses(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """Note the pauses of the settle window instead of sleeping."""
    pauses: list[float] = []
    plain = adoption.Creation.run

    def run(self: adoption.Creation, *, resume: bool) -> adoption.Adopted:
        return plain(replace(self, sleep=pauses.append), resume=resume)

    monkeypatch.setattr(adoption.Creation, "run", run)
    return pauses


def create(client: AlgorithmClient, **more: Any) -> int:
    return int(client.task.create({"method": "x"}, [2, 3], description="mine", **more)["id"])


def serving(peer_: Peer, server: Server) -> Peer:
    peer_.by_request = server.respond
    return peer_


def test_a_creation_is_one_post_and_one_look_up(client_of: ClientOf, server: Server) -> None:
    with peer() as this:
        assert create(client_of(serving(this, server))) == 100
    assert (server.posts, server.lookups) == (1, 1)
    [task] = server.tasks
    assert task["description"].startswith("mine [v6c:")
    assert KEY.search(task["description"])


def test_each_creation_has_a_key_of_its_own(client_of: ClientOf, server: Server) -> None:
    with peer() as this:
        client = client_of(serving(this, server))
        assert [create(client), create(client)] == [100, 101]
    keys = {KEY.search(one["description"]) for one in server.tasks}
    assert len({match[1] for match in keys if match}) == 2


@pytest.mark.parametrize("fault", [lose, mask, busy])
def test_a_task_whose_answer_was_lost_is_found(
    client_of: ClientOf, server: Server, fault: Fault
) -> None:
    server.post_faults = [fault]
    with peer() as this:
        assert create(client_of(serving(this, server))) == 100
    assert (server.posts, len(server.tasks)) == (1, 1)


def test_after_a_quick_masked_error_nothing_is_under_way(
    client_of: ClientOf, server: Server, no_pauses: list[float]
) -> None:
    server.post_faults = [refuse] * 4
    with peer() as this, pytest.raises(MaskedServerError, match="is not there") as caught:
        create(client_of(serving(this, server)))
    assert (server.posts, server.lookups, no_pauses) == (4, 4, [])
    assert caught.value.key
    assert caught.value.__context__ is None


def test_after_a_lost_answer_the_window_is_waited_for(
    client_of: ClientOf, server: Server, no_pauses: list[float]
) -> None:
    server.post_faults = [lambda _, __: reset_after_reading]
    with peer() as this:
        assert create(client_of(serving(this, server))) == 100
    assert no_pauses == [1, 2, 4]
    # Four look-ups of the window, and the one for twins after the clean answer.
    assert (server.posts, server.lookups, len(server.tasks)) == (2, 5, 1)


def test_the_lowest_complete_task_is_adopted_and_twins_are_told(
    client_of: ClientOf, server: Server, caplog: pytest.LogCaptureFixture
) -> None:
    def three(server: Server, body: dict[str, Any]) -> Answer:
        for _ in range(3):
            server.commit(body)
        server.tasks[0]["organizations"] = [2]
        return masked()

    server.post_faults = [three]
    with peer() as this:
        assert create(client_of(serving(this, server))) == 101
    assert server.posts == 1
    assert "task.twins task_id=101 twin_ids=[100, 102]" in caplog.text


def test_a_twin_behind_a_clean_answer_is_told(
    client_of: ClientOf, server: Server, caplog: pytest.LogCaptureFixture
) -> None:
    server.post_faults = [twice]
    with peer() as this:
        assert create(client_of(serving(this, server))) == 101
    assert "task.twins task_id=101 twin_ids=[100]" in caplog.text


def test_a_failed_look_up_for_twins_is_no_error(
    client_of: ClientOf, server: Server, caplog: pytest.LogCaptureFixture
) -> None:
    server.lookup_faults = [answer({"msg": "no"}, 400)]
    with peer() as this:
        assert create(client_of(serving(this, server))) == 100
    assert "task.twins_unknown" in caplog.text


def test_an_incomplete_task_is_an_error_and_not_created_again(
    client_of: ClientOf, server: Server, no_pauses: list[float]
) -> None:
    server.post_faults = [mask]
    server.without_run = {3}
    with peer() as this, pytest.raises(TaskPartiallyCreated, match="organization 3") as caught:
        create(client_of(serving(this, server)))
    assert (caught.value.task_id, caught.value.organization_ids) == (100, (3,))
    assert (server.posts, no_pauses) == (1, [1, 2, 4])


def test_runs_that_come_late_are_waited_for(
    client_of: ClientOf, server: Server, no_pauses: list[float]
) -> None:
    server.post_faults = [mask]
    server.without_run = {3}
    plain = server.runs

    def later(task_id: int) -> Answer:
        if len(no_pauses) == 2:
            server.without_run = set()
        return plain(task_id)

    server.runs = later  # type: ignore[method-assign]
    with peer() as this:
        assert create(client_of(serving(this, server))) == 100
    assert server.posts == 1


def test_what_cannot_be_told_says_so_and_can_be_resumed(
    client_of: ClientOf, server: Server
) -> None:
    server.post_faults = [lose]
    server.lookup_faults = [answer({"msg": "no"}, 400)] * 4
    with peer() as this:
        client = client_of(serving(this, server))
        with pytest.raises(ConnectionFailed, match="it may exist") as caught:
            create(client)
        key = caught.value.key
        assert key
        assert caught.value.__context__ is None
        assert create(client, key=key) == 100
    assert (server.posts, len(server.tasks)) == (1, 1)


def test_a_key_that_nothing_has_creates_the_task(client_of: ClientOf, server: Server) -> None:
    with peer() as this:
        assert create(client_of(serving(this, server)), key="0" * 32) == 100
    assert server.posts == 1


@pytest.mark.parametrize("key", ["", "0" * 31, "G" * 32, "A" * 32, 5, b"0" * 32, "%" * 32])
def test_a_key_that_is_none_is_refused(client_of: ClientOf, server: Server, key: Any) -> None:
    with peer() as this, pytest.raises(InvalidArgument, match="key"):
        create(client_of(serving(this, server)), key=key)
    assert server.posts == 0


def test_a_refusal_by_the_proxy_is_no_doubt(client_of: ClientOf, server: Server) -> None:
    server.post_faults = [lambda _, __: answer({"msg": "no"}, 400)]
    with peer() as this, pytest.raises(BadRequest):
        create(client_of(serving(this, server)))
    assert (server.posts, server.lookups) == (1, 0)


def test_it_can_be_switched_off(client_of: ClientOf, server: Server) -> None:
    with peer() as this:
        client = client_of(serving(this, server), replace(QUICK, create_once=False))
        assert create(client) == 100
        server.post_faults = [busy]
        with pytest.raises(ServerError, match="may have been carried out"):
            create(client)
    assert (server.posts, server.lookups) == (2, 0)
    assert server.tasks[0]["description"] == "mine"


def test_a_long_description_is_cut_and_that_is_told(
    client_of: ClientOf, server: Server, caplog: pytest.LogCaptureFixture
) -> None:
    with peer() as this:
        client_of(serving(this, server)).task.create(
            {"method": "x"}, [2, 3], description="ä" * 1024
        )
    [task] = server.tasks
    assert len(task["description"]) == 1024
    assert task["description"].startswith("ä" * 900)
    assert KEY.search(task["description"])
    cut = 1024 - task["description"].count("ä")
    assert cut >= len(" [v6c:]") + 32
    assert f"task.description_cut characters={cut}" in caplog.text


def test_late_twins_are_told_when_the_wait_ends(
    client_of: ClientOf, server: Server, caplog: pytest.LogCaptureFixture
) -> None:
    with peer() as this:
        client = client_of(serving(this, server))
        task = create(client)
        server.tasks.append({**server.tasks[0], "id": 105})
        plain = server.respond
        this.by_request = lambda request: (
            answer({"status": "crashed"}) if request.path.endswith("/status") else plain(request)
        )
        server.without_run = {2, 3}
        for _ in range(2):
            with pytest.raises(TaskFailed):
                client.wait_for_results(task)
    assert caplog.text.count("task.twins task_id=100 twin_ids=[105]") == 1


def test_many_threads_create_at_once(client_of: ClientOf, server: Server) -> None:
    lock = threading.Lock()
    plain = server.respond

    def one_at_a_time(request: Received) -> Answer:
        with lock:
            return plain(request)

    ids: list[int] = []
    with peer() as this:
        client = client_of(serving(this, server))
        this.by_request = one_at_a_time
        threads = [threading.Thread(target=lambda: ids.append(create(client))) for _ in range(16)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert sorted(ids) == list(range(100, 116))
    assert sum(one.path == "/blobstream/status" for one in this.received) == 1


def test_nobody_there_is_no_doubt() -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    from tests.conftest import container_token  # noqa: PLC0415 - one use

    client = AlgorithmClient(container_token(), "http://127.0.0.1", port, "", settings=QUICK)
    with pytest.raises(ConnectionFailed, match="Nothing was sent"):
        create(client)


@pytest.mark.parametrize(
    ("error", "ambiguous", "settled"),
    [
        (ConnectionFailed("m", sent=False), False, False),
        (ConnectionFailed("m", sent=True), True, False),
        (BadRequest("m", status=400), False, False),
        (ServerError("m", status=504), True, False),
        (MaskedServerError("m", status=500, server_answers=True, elapsed=0.1), True, True),
        (MaskedServerError("m", status=500, server_answers=True, elapsed=3.1), True, False),
        (MaskedServerError("m", status=500, server_answers=False, elapsed=0.1), True, False),
    ],
)
def test_what_an_error_says_of_a_post(error: RequestError, ambiguous: bool, settled: bool) -> None:
    assert (adoption.is_ambiguous(error), adoption.is_settled(error)) == (ambiguous, settled)
