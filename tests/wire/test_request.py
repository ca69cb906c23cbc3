"""ClientBase.request on a real socket: what is tried again, what is raised, what is sent."""

from __future__ import annotations

import pickle
import socket
from typing import Any

import pytest

from tests.conftest import QUICK, ClientOf, container_token
from tests.peer import answer, masked, peer, reset_after_reading, truncated
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
    RequestError,
    ServerError,
    Settings,
    StatusError,
    Unauthorized,
)
from v6client.http.outcome import Kind, Outcome

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
        client = client_of(server)
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
    ("fault", "error"),
    [
        (reset_after_reading, ConnectionFailed),
        (truncated, ConnectionFailed),
        (answer({"msg": "busy"}, 503), ServerError),
        (answer(raw=b"<html>not JSON</html>"), InvalidResponse),
        (answer({"no": "id"}), InvalidResponse),
        (masked(), MaskedServerError),
        (answer({"msg": "no"}, 400), BadRequest),
    ],
    ids=["reset", "truncated", "503", "html", "other shape", "masked", "400"],
)
def test_a_post_that_was_sent_is_never_sent_again(
    client_of: ClientOf, fault: Any, error: type[RequestError]
) -> None:
    with peer(answer({"blob_store_enabled": False}), fault) as server:
        with pytest.raises(error):
            client_of(server).task.create({"method": "average"}, [2])
    assert [one.method for one in server.received] == ["GET", "POST"]


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


def test_a_masked_error_is_tried_twice(client_of: ClientOf) -> None:
    with peer(*[masked()] * 5) as server:
        with pytest.raises(MaskedServerError, match="node's log says which"):
            client_of(server).organization.get(2)
    assert len(server.received) == 2


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
        with pytest.raises(DeadlineExceeded) as caught:
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


def test_an_unreachable_proxy_is_waited_for(client_of: ClientOf) -> None:
    # The outage budget, not the deadline, holds for what was never sent.
    settings = Settings(
        request_deadline=0.01, first_contact_budget=10, backoff_base=0.001, backoff_cap=0.001
    )
    with peer(answer(ORGANIZATION)) as server:
        client = client_of(server, settings)
        send = client._transport.send
        refused = [0]

        def refuse_twice(*args: Any, **kwargs: Any) -> Any:
            refused[0] += 1
            if refused[0] <= 2:
                return Outcome(Kind.NEVER_SENT, "connection_refused")
            return send(*args, **kwargs)

        client._transport.send = refuse_twice  # type: ignore[method-assign]
        assert client.organization.get(2) == ORGANIZATION


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
    with peer(*[masked()] * 2) as server:
        with pytest.raises(MaskedServerError) as caught:
            client_of(server).request("task", params={"name": "canary-query"})
    error = caught.value
    assert error.__context__ is None
    assert error.__cause__ is None
    again = pickle.loads(pickle.dumps(error))  # noqa: S301 - our own
    assert (type(again), str(again), vars(again)) == (type(error), str(error), vars(error))
    assert "canary" not in f"{error}{error!r}{vars(error)}"
