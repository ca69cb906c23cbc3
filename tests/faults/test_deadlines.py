"""No call can hang: whatever the peer does, each ends about when its deadline says."""

from __future__ import annotations

import contextlib
import socket
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import container_token
from tests.faults.certificates import Authority
from tests.peer import Answer, Peer, Received, answer, masked, peer, truncated
from v6client import AlgorithmClient, MaskedServerError, RequestError, Settings, TaskTimeout
from v6client.errors import ConnectionFailed, DeadlineExceeded

DEADLINE = 0.6
# For a machine that is busy with something else.
MARGIN = 2
# No other time ends a call: the time between two bytes is far longer than the deadline.
SETTINGS = Settings(
    connect_timeout=DEADLINE,
    read_timeout=60,
    post_read_timeout=60,
    request_deadline=DEADLINE,
    create_deadline=DEADLINE,
    outage_budget=DEADLINE,
    first_contact_budget=DEADLINE,
    backoff_base=0.01,
    backoff_cap=0.05,
)
METHODS = ("get", "post")


def client_at(port: int, host: str = "http://127.0.0.1", **changes: Any) -> AlgorithmClient:
    return AlgorithmClient(container_token(), host, port, "", settings=replace(SETTINGS, **changes))


@contextmanager
def in_time(deadline: float = DEADLINE) -> Iterator[None]:
    started = time.monotonic()
    yield
    assert time.monotonic() - started < 2 * deadline + MARGIN


def ask(client: AlgorithmClient, method: str, size: int = 10) -> RequestError:
    body = {"value": "x" * size} if method == "post" else None
    with in_time(), pytest.raises(RequestError) as caught:
        client.request("task/40", json=body, method=method)
    assert isinstance(caught.value, (ConnectionFailed, DeadlineExceeded))
    return caught.value


def dripping(start: bytes, drop: bytes, pause: float = 0.01) -> Answer:
    """Send a start, and then a drop for ever."""

    def write(connection: socket.socket) -> bool:
        connection.sendall(start)
        while True:
            time.sleep(pause)
            connection.sendall(drop)

    return write


OK = b"HTTP/1.1 200 OK\r\n"
CHUNKED = OK + b"Transfer-Encoding: chunked\r\n\r\n"
ENDLESS: dict[str, Answer] = {
    "a status line": dripping(b"HTTP/1.1", b" "),
    "a header": dripping(OK + b"X-More: ", b"a"),
    "headers": dripping(OK, b"X-More: yes\r\n"),
    "continues": dripping(b"", b"HTTP/1.1 100 Continue\r\n\r\n"),
    "a body": dripping(OK + b"Content-Length: 1000000\r\n\r\n", b" "),
    "a body without length": dripping(OK + b"\r\n", b" "),
    "chunks": dripping(CHUNKED, b"1\r\n \r\n"),
    "the size of a chunk": dripping(CHUNKED, b"0"),
    "a chunk": dripping(CHUNKED + b"ffffff\r\n", b" "),
    "trailers": dripping(CHUNKED + b"0\r\n", b"X-More: yes\r\n"),
}


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("name", ENDLESS)
def test_an_answer_without_end(name: str, method: str) -> None:
    with peer() as server:
        server.default = ENDLESS[name]
        ask(client_at(server.port), method)


@pytest.mark.parametrize("method", METHODS)
def test_accepts_and_never_answers(method: str) -> None:
    with peer() as server:
        server.default = server.hang
        ask(client_at(server.port), method)


@pytest.mark.parametrize("method", METHODS)
def test_closes_half_way(method: str) -> None:
    with peer() as server:
        server.default = truncated
        client = client_at(server.port, retry_budget=10)
        assert isinstance(ask(client, method), ConnectionFailed)


@pytest.mark.parametrize("method", METHODS)
def test_listens_and_never_accepts(method: str) -> None:
    # More than all the buffers between the two take.
    with socket.create_server(("127.0.0.1", 0)) as listener:
        ask(client_at(listener.getsockname()[1]), method, size=16_000_000)


@pytest.fixture
def no_answer_from_a_name_server(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Let no look-up of a name come back before the test ends."""
    ends = threading.Event()

    def getaddrinfo(*_: object, **__: object) -> Any:
        ends.wait(60)
        raise socket.gaierror

    monkeypatch.setattr(socket, "getaddrinfo", getaddrinfo)
    yield
    ends.set()


@pytest.mark.usefixtures("no_answer_from_a_name_server")
@pytest.mark.parametrize("connect_timeout", [0.1, 4])
@pytest.mark.parametrize("method", METHODS)
def test_a_name_server_that_does_not_answer(method: str, connect_timeout: float) -> None:
    client = client_at(80, "http://proxy.example", connect_timeout=connect_timeout)
    error = ask(client, method)
    # Nothing was sent, so that whoever reads it need not look whether it was carried out.
    assert isinstance(error, ConnectionFailed)
    assert not error.sent


@pytest.mark.parametrize("connect_timeout", [0.1, 4])
@pytest.mark.parametrize("method", METHODS)
def test_a_connection_that_never_stands(method: str, connect_timeout: float) -> None:
    with socket.create_server(("127.0.0.1", 0), backlog=0) as listener:
        port = listener.getsockname()[1]
        with contextlib.ExitStack() as stack:
            # A full queue: the system leaves further ones without an answer.
            for _ in range(3):
                one = stack.enter_context(socket.socket())
                one.setblocking(False)
                one.connect_ex(("127.0.0.1", port))
            error = ask(client_at(port, connect_timeout=connect_timeout), method)
    assert isinstance(error, ConnectionFailed)
    assert not error.sent


@pytest.mark.parametrize("connect_timeout", [0.1, 4])
@pytest.mark.parametrize("method", METHODS)
def test_a_tls_handshake_that_never_ends(method: str, connect_timeout: float) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        client = client_at(
            listener.getsockname()[1], "https://127.0.0.1", connect_timeout=connect_timeout
        )
        error = ask(client, method)
    assert isinstance(error, ConnectionFailed)
    assert not error.sent


def test_a_tls_peer_that_reads_slowly(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    authority = Authority(tmp_path)
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(authority.bundle))
    ends = threading.Event()
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)

        def read_slowly() -> None:
            with contextlib.suppress(OSError):
                plain, _ = listener.accept()
                with authority.server_context().wrap_socket(plain, server_side=True) as tls:
                    while not ends.wait(0.01):
                        tls.recv(20_000)

        thread = threading.Thread(target=read_slowly)
        thread.start()
        try:
            ask(client_at(listener.getsockname()[1], "https://127.0.0.1"), "post", 16_000_000)
        finally:
            ends.set()
            thread.join(10)


def test_the_diagnosis_keeps_to_the_deadline_of_its_operation() -> None:
    with peer(masked(), masked()) as server:
        server.default = server.hang
        client = client_at(server.port, request_deadline=4)
        with in_time(0.3), pytest.raises(RequestError):
            client.request("task/40", within=0.3)


def test_a_diagnosis_in_a_hurry_misleads_nobody_else() -> None:
    # The one had no time to ask whether the server answers; the other has all of it.
    def slowly(connection: socket.socket) -> bool:
        time.sleep(0.3)
        return answer({"id": 2})(connection)

    def by_request(request: Received) -> Answer:
        return slowly if request.path == "/organization/2" else masked()

    with peer() as server:
        server.by_request = by_request
        client = client_at(server.port, request_deadline=10, first_contact_budget=0.01)
        told = []
        for within in (0.1, None):
            with pytest.raises(MaskedServerError) as caught:
                client.request("task/40", within=within)
            told.append(caught.value.server_answers)
    assert told == [False, True]


def test_pages_without_end() -> None:
    def again(_: Received) -> Answer:
        return answer({"data": [{"id": 1}], "links": {"next": "?page=2"}})

    with peer() as server:
        server.by_request = again
        # Should it go on for ever, it ends with the peer.
        timer = threading.Timer(10 * DEADLINE, setattr, (server, "by_request", lambda _: truncated))
        timer.start()
        with in_time(), pytest.raises(RequestError):
            client_at(server.port).organization.list()
        timer.cancel()


def test_an_operation_does_not_wait_for_another_one() -> None:
    with peer() as server:
        server.default = server.hang
        client = client_at(server.port)

        def create(_: int) -> None:
            with in_time(), pytest.raises(RequestError):
                client.task.create({"method": "x"}, [2])

        with ThreadPoolExecutor(10) as pool:
            list(pool.map(create, range(10)))


def test_a_creation_ends_in_time_also_when_nothing_can_be_told() -> None:
    with peer(answer({"blob_store_enabled": False})) as server:
        server.default = server.hang
        with in_time(), pytest.raises(RequestError) as caught:
            client_at(server.port).task.create({"method": "x"}, [2])
    assert caught.value.key


def test_a_wait_ends_in_time() -> None:
    with peer() as server:
        server.default = server.hang
        with in_time(2 * DEADLINE), pytest.raises(TaskTimeout):
            client_at(server.port).wait_for_results(40, timeout=DEADLINE)


def test_the_deadline_is_for_all_attempts_together() -> None:
    def slow(call: Callable[[Peer], Answer]) -> None:
        with peer() as server:
            server.default = call(server)
            ask(client_at(server.port, read_timeout=0.1, retry_budget=1000), "get")

    slow(lambda server: server.hang)
    slow(lambda _: dripping(b"", b"x"))
