"""ClientBase.request on a real socket: what is tried again, what is raised, what is sent."""

from __future__ import annotations

import os
import pickle
import signal
import socket
import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any

import pytest

from tests.conftest import QUICK, ClientOf, container_token
from tests.peer import Answer, Received, answer, masked, peer, reset_after_reading, truncated
from v6client import (
    AlgorithmClient,
    BadRequest,
    ConfigurationError,
    ConnectionFailed,
    DeadlineExceeded,
    Forbidden,
    InvalidArgument,
    InvalidResponse,
    MaskedServerError,
    NotFound,
    RateLimited,
    ServerError,
    Settings,
    StatusError,
    Unauthorized,
)
from v6client.telemetry.metrics import tally

ORGANIZATION = {"id": 2, "name": "hospital"}


def test_a_get_is_sent_as_the_proxy_wants_it(client_of: ClientOf) -> None:
    with peer(answer(ORGANIZATION)) as server:
        client = client_of(server)
        assert client.organization.get(2) == ORGANIZATION
    [request] = server.received
    assert (request.method, request.target) == ("GET", "/organization/2")
    assert request.headers["authorization"] == f"Bearer {client.token}"
    # On a GET it makes the real proxy read a body, and fail.
    assert "content-type" not in request.headers
    assert request.headers["user-agent"].startswith("v6client/")


def test_a_connection_is_kept(client_of: ClientOf) -> None:
    with peer(*[answer(ORGANIZATION)] * 5) as server:
        client = client_of(server)
        for _ in range(5):
            client.organization.get(2)
    assert server.connections == 1


def test_a_closed_client_opens_a_new_connection(client_of: ClientOf) -> None:
    with peer(*[answer(ORGANIZATION)] * 2) as server:
        client = client_of(server)
        client.organization.get(2)
        client.close()
        client.organization.get(2)
    assert server.connections == 2


@pytest.mark.skipif(not hasattr(socket, "TCP_QUICKACK"), reason="only Linux has TCP_QUICKACK")
def test_every_answer_is_acknowledged_at_once(
    client_of: ClientOf, monkeypatch: pytest.MonkeyPatch
) -> None:
    # What the option buys is a benchmark's to show; here: it is set again for each request.
    set_options = []
    plain = socket.socket.setsockopt

    def spy(self: socket.socket, *args: Any) -> None:
        set_options.append(args)
        plain(self, *args)

    monkeypatch.setattr(socket.socket, "setsockopt", spy)
    with peer(*[answer(ORGANIZATION)] * 3) as server:
        client = client_of(server)
        for _ in range(3):
            client.organization.get(2)
    assert set_options.count((socket.IPPROTO_TCP, socket.TCP_QUICKACK, 1)) == 3


def test_a_post_has_a_connection_of_its_own(client_of: ClientOf) -> None:
    with peer(
        answer({"blob_store_enabled": False}, keep=False),
        answer({"id": 8}, 201),
        answer({"id": 9}, 201),
        answer(ORGANIZATION),
    ) as server:
        client = client_of(server, replace(QUICK, create_once=False))
        assert client.task.create({"method": "average"}, [2])["id"] == 8
        assert client.task.create({"method": "average"}, [2])["id"] == 9
        client.organization.get(2)
    assert [one.connection for one in server.received] == [1, 2, 3, 4]


def test_environment_proxies_are_not_used(
    client_of: ClientOf, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    monkeypatch.delenv("NO_PROXY", raising=False)
    monkeypatch.delenv("no_proxy", raising=False)
    with peer(answer(ORGANIZATION)) as server:
        assert client_of(server).organization.get(2) == ORGANIZATION


def test_no_redirect_is_followed(client_of: ClientOf) -> None:
    with peer() as other, peer(answer({}, 302, headers={"Location": other.url})) as server:
        with pytest.raises(StatusError) as caught:
            client_of(server).organization.get(2)
    assert caught.value.status == 302
    assert other.received == []


@pytest.mark.parametrize(
    "fault",
    [
        reset_after_reading,
        truncated,
        answer({"msg": "busy"}, 503),
        answer({"msg": "later"}, 429, headers={"Retry-After": "0"}),
        answer(raw=b"<html>not JSON</html>"),
        answer({"no": "id"}),
        masked(),
    ],
    ids=["reset", "truncated", "503", "429", "html", "other shape", "masked"],
)
def test_a_get_survives_one_fault(client_of: ClientOf, fault: Any) -> None:
    with peer(fault, answer(ORGANIZATION)) as server:
        assert client_of(server).organization.get(2) == ORGANIZATION
    assert len(server.received) == 2


@pytest.mark.parametrize(
    ("status", "error"),
    [
        (400, BadRequest),
        (401, Unauthorized),
        (403, Forbidden),
        (404, NotFound),
        (409, StatusError),
        (418, StatusError),
    ],
)
def test_a_refusal_is_raised_at_once(
    client_of: ClientOf, status: int, error: type[StatusError]
) -> None:
    with peer(answer({"msg": "canary-message"}, status)) as server:
        with pytest.raises(error) as caught:
            client_of(server).organization.get(2)
    assert len(server.received) == 1
    assert caught.value.status == status
    assert "GET /organization/{id}" in str(caught.value)
    assert "canary" not in str(caught.value)


def test_a_masked_error_is_tried_twice_and_diagnosed(client_of: ClientOf) -> None:
    with peer(masked(), masked(), answer(ORGANIZATION)) as server:
        with pytest.raises(MaskedServerError, match="refused this one") as caught:
            client_of(server).task.get(5)
    # The diagnosis: one small request that uses token and database.
    assert [one.path for one in server.received] == ["/task/5", "/task/5", "/organization/2"]
    assert caught.value.server_answers is True
    assert caught.value.attempts == 2


def test_an_outage_behind_the_proxy_is_waited_for(client_of: ClientOf) -> None:
    with peer(*[masked()] * 3, answer({"id": 5})) as server:
        assert client_of(server).task.get(5) == {"id": 5}
    assert [one.path for one in server.received] == ["/task/5"] * 2 + ["/organization/2", "/task/5"]


def test_an_outage_behind_the_proxy_ends_with_its_budget(client_of: ClientOf) -> None:
    with peer() as server:
        server.default = masked()
        with pytest.raises(MaskedServerError, match="cannot be reached") as caught:
            client_of(server).task.get(5)
    assert caught.value.server_answers is False
    # Asked once, although it failed more often.
    assert [one.path for one in server.received].count("/organization/2") == 1
    assert caught.value.attempts > 2


def test_calls_that_fail_together_ask_once(client_of: ClientOf) -> None:
    def by_path(request: Received) -> Answer:
        return answer(ORGANIZATION) if request.path == "/organization/2" else masked()

    with peer() as server:
        server.by_request = by_path
        client = client_of(server)
        with ThreadPoolExecutor(10) as pool:
            calls = [pool.submit(client.task.get, number) for number in range(1, 11)]
            errors = [call.exception() for call in calls]
    assert all(isinstance(error, MaskedServerError) for error in errors)
    assert [one.path for one in server.received].count("/organization/2") == 1


def test_a_retry_after_beyond_the_deadline_ends_it_at_once(client_of: ClientOf) -> None:
    later = answer({"msg": "later"}, 429, headers={"Retry-After": "3600"})
    with peer(later) as server:
        with pytest.raises(RateLimited) as caught:
            client_of(server).organization.get(2)
    assert caught.value.attempts == len(server.received) == 1


def test_a_deadline_ends_the_retries(client_of: ClientOf) -> None:
    settings = Settings(request_deadline=0.2, backoff_base=0.01, backoff_cap=0.02)
    with peer() as server:
        server.default = answer({"msg": "busy"}, 503)
        with pytest.raises(ServerError, match="status 503") as caught:
            client_of(server, settings).organization.get(2)
    assert caught.value.attempts == len(server.received) > 1


def test_a_peer_that_never_answers_does_not_hang_the_client(client_of: ClientOf) -> None:
    settings = Settings(read_timeout=0.1, request_deadline=0.3, backoff_base=0, backoff_cap=0)
    with peer() as server:
        server.default = server.hang
        with pytest.raises(DeadlineExceeded):
            client_of(server, settings).organization.get(2)


def test_nobody_listening_is_told_as_such() -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    client = AlgorithmClient(container_token(), "http://127.0.0.1", port, "", settings=QUICK)
    with pytest.raises(ConnectionFailed, match=r"HOST and PORT") as caught:
        client.organization.list()
    assert caught.value.sent is False
    assert caught.value.attempts > 1


def test_an_unreachable_proxy_is_waited_for() -> None:
    # The outage budget, not the deadline, holds for what was never sent.
    settings = Settings(request_deadline=5, first_contact_budget=20, backoff_cap=0.05)
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    client = AlgorithmClient(container_token(), "http://127.0.0.1", port, "", settings=settings)
    with ThreadPoolExecutor(1) as pool:
        call = pool.submit(client.organization.get, 2)
        while tally.retries == 0 and not call.done():
            threading.Event().wait(0.01)
        with peer(answer(ORGANIZATION), port=port):
            assert call.result(timeout=20) == ORGANIZATION


@pytest.mark.parametrize(
    "endpoint",
    [
        *("", "/", "../user", "task/../../user", "task//1", "http://example.org/task"),
        *("task?x=1", "task#x", "task 1", "task/1\n", "täsk", "task/%2e%2e", "./task"),
    ],
)
def test_an_endpoint_that_is_no_path_never_reaches_the_wire(
    client_of: ClientOf, endpoint: str
) -> None:
    with peer() as server:
        with pytest.raises(InvalidArgument):
            client_of(server).request(endpoint)
    assert server.received == []


def test_requests_that_cannot_be_meant_never_reach_the_wire(client_of: ClientOf) -> None:
    with peer() as server:
        client = client_of(server)
        with pytest.raises(InvalidArgument, match="method"):
            client.request("task", method="brew")
        with pytest.raises(InvalidArgument, match="JSON"):
            client.request("task", json={"a": object()}, method="post")
        with pytest.raises(ConfigurationError, match="algorithm store"):
            client.request("task", is_for_algorithm_store=True)
        with pytest.raises(ConfigurationError, match="line break"):
            client.request("task/1", headers={"X-Header": "a\r\nb: c"})
    assert server.received == []


def test_upstreams_keywords_are_taken(client_of: ClientOf) -> None:
    with peer(answer({"ok": True})) as server:
        got = client_of(server).request(
            "task/1",
            None,
            "get",
            {"include": "runs"},
            {"X-More": "yes", "Authorization": "Bearer somebody-else"},
            first_try=False,
            retry=False,
            attempts_on_timeout=3,
        )
    assert got == {"ok": True}
    [request] = server.received
    assert request.target == "/task/1?include=runs"
    assert request.headers["x-more"] == "yes"
    assert request.headers["authorization"] != "Bearer somebody-else"


def test_an_error_carries_no_context_and_survives_pickling(client_of: ClientOf) -> None:
    with peer(*[masked()] * 2, answer(ORGANIZATION)) as server:
        with pytest.raises(MaskedServerError) as caught:
            client_of(server).request("task", params={"name": "canary-query"})
    error = caught.value
    assert error.__context__ is None
    assert error.__cause__ is None
    again = pickle.loads(pickle.dumps(error))  # noqa: S301 - our own
    assert (type(again), str(again), vars(again)) == (type(error), str(error), vars(error))
    assert "canary" not in f"{error}{error!r}{vars(error)}"


# ---------------------------------------------------------------------- what a pool does not see


def test_the_clients_authorization_wins_however_the_callers_is_written(client_of: ClientOf) -> None:
    with peer(answer(ORGANIZATION)) as server:
        client = client_of(server)
        others = {"authorization": "Bearer a", "AUTHORIZATION": "Bearer b"}
        client.request("organization/2", headers=others)
    assert server.received[0].headers["authorization"] == f"Bearer {client.token}"


def test_a_request_without_a_body_says_so(client_of: ClientOf) -> None:
    with peer(answer({}), answer({})) as server:
        client = client_of(server)
        client.request("task/4", method="delete", headers={"connection": "keep-alive"})
        client.request("task/4")
    deleted, read = (one.headers for one in server.received)
    assert deleted["content-length"] == "0"
    # A connection of its own ends, whatever the caller would like.
    assert deleted["connection"] == "close"
    assert "content-length" not in read


def test_a_connection_with_an_unread_answer_is_not_used_again(client_of: ClientOf) -> None:
    with peer(answer({"id": 2, "name": "x" * 5000}), answer(ORGANIZATION)) as server:
        client = client_of(server, replace(QUICK, max_response_bytes=1000))
        with pytest.raises(InvalidResponse):
            client.organization.get(2)
        assert client.organization.get(2) == ORGANIZATION
    assert [one.connection for one in server.received] == [1, 2]


def test_a_request_may_be_made_while_another_one_is_under_way(client_of: ClientOf) -> None:
    # As a handler of a signal may do, or something that is told of a retry.
    inner: list[Any] = []

    def interrupt(_: socket.socket) -> bool:
        os.kill(os.getpid(), signal.SIGUSR1)
        return False

    with peer(interrupt, answer({"id": 9}), answer(ORGANIZATION)) as server:
        client = client_of(server)
        before = signal.signal(signal.SIGUSR1, lambda *_: inner.append(client.organization.get(9)))
        try:
            assert client.organization.get(2) == ORGANIZATION
        finally:
            signal.signal(signal.SIGUSR1, before)
    assert inner == [{"id": 9}]


def test_closing_a_client_in_another_thread_fails_nothing(client_of: ClientOf) -> None:
    with peer() as server, ThreadPoolExecutor(2) as pool:
        server.default = answer(ORGANIZATION)
        client = client_of(server)
        ends = threading.Event()

        def close() -> None:
            while not ends.is_set():
                client.close()

        closing = pool.submit(close)
        try:
            for _ in range(300):
                assert client.organization.get(2) == ORGANIZATION
        finally:
            ends.set()
        closing.result(10)
