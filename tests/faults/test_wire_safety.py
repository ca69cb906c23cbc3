"""Safety on the wire: sizes, redirects, headers, TLS, the environment's proxies."""

from __future__ import annotations

import gzip
import os
import shutil
import socket
import ssl
import subprocess
import threading
import tracemalloc
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import QUICK, container_token
from tests.faults.certificates import Authority
from tests.faults.matrix import shown_by
from tests.peer import Answer, Received, _read, answer, peer
from v6client import (
    AlgorithmClient,
    BadRequest,
    ConfigurationError,
    ConnectionFailed,
    InvalidResponse,
    NotFound,
    RequestError,
    ServerError,
    StatusError,
)

MIB = 1 << 20
LIMIT = replace(QUICK, max_response_bytes=MIB, request_deadline=10, read_timeout=10)
# The body, its parts while they are put together, and the buffers on the way.
BOUND = 12 * MIB
OK = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"
ORGANIZATION = {"id": 2, "name": "hospital"}


def client_at(port: int, host: str = "http://127.0.0.1", **changes: Any) -> AlgorithmClient:
    return AlgorithmClient(container_token(), host, port, "", settings=replace(LIMIT, **changes))


@contextmanager
def within_bounds() -> Iterator[None]:
    tracemalloc.start()
    try:
        yield
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < BOUND


def flood(start: bytes, drop: bytes, *, most: int) -> Answer:
    """Send much more than is allowed, as fast as it goes."""
    block = drop * (65536 // len(drop))

    def write(connection: socket.socket) -> bool:
        connection.sendall(start)
        for _ in range(most // len(block)):
            connection.sendall(block)
        return False

    return write


CHUNK = b"1000\r\n" + b" " * 4096 + b"\r\n"
FLOODS: dict[str, Answer] = {
    "announced": flood(OK + b"Content-Length: 1073741824\r\n\r\n", b" ", most=128 * MIB),
    "not announced": flood(OK + b"\r\n", b" ", most=128 * MIB),
    "chunked": flood(OK + b"Transfer-Encoding: chunked\r\n\r\n", CHUNK, most=128 * MIB),
}
ENDLESS_LINES: dict[str, Answer] = {
    "size of a chunk": flood(OK + b"Transfer-Encoding: chunked\r\n\r\n", b"0", most=64 * MIB),
    "extension of a chunk": flood(
        OK + b"Transfer-Encoding: chunked\r\n\r\n1;", b"x", most=64 * MIB
    ),
    "trailer": flood(OK + b"Transfer-Encoding: chunked\r\n\r\n0\r\n", b"x", most=64 * MIB),
}


@pytest.mark.parametrize("name", FLOODS)
def test_a_longer_answer_than_allowed_is_not_read(name: str) -> None:
    with peer(FLOODS[name]) as server, within_bounds():
        with pytest.raises(InvalidResponse, match="V6CLIENT_MAX_RESPONSE_BYTES"):
            client_at(server.port).request("task/40")
    assert len(server.received) == 1


@pytest.mark.parametrize("name", ENDLESS_LINES)
def test_a_line_of_the_framing_is_bounded_too(name: str) -> None:
    with peer() as server, within_bounds():
        server.default = ENDLESS_LINES[name]
        with pytest.raises(RequestError):
            client_at(server.port, retry_budget=0).request("task/40")


@pytest.mark.parametrize("name", ["an endless header", "endless headers"])
def test_headers_are_bounded(name: str) -> None:
    drop = b"x" if name == "an endless header" else b"X-More: yes\r\n"
    with peer() as server, within_bounds():
        server.default = flood(OK + b"X-Long: ", drop, most=64 * MIB)
        with pytest.raises(ConnectionFailed):
            client_at(server.port, retry_budget=0).request("task/40")


@pytest.mark.parametrize("layers", [1, 2])
@pytest.mark.parametrize("encoding", ["gzip", "deflate"])
def test_a_compressed_answer_does_not_burst(encoding: str, layers: int) -> None:
    # It was not asked for: the client accepts no encoding.
    body = b" " * (100 * MIB)
    for _ in range(layers):
        body = gzip.compress(body) if encoding == "gzip" else zlib.compress(body)
    headers = {"Content-Encoding": ", ".join([encoding] * layers)}
    with peer() as server, within_bounds():
        server.default = answer(raw=body, headers=headers)
        with pytest.raises(RequestError):
            client_at(server.port, retry_budget=0).request("task/40")
    assert server.received[0].headers.get("accept-encoding", "identity") == "identity"


def test_an_answer_of_the_allowed_length_is_read() -> None:
    with peer(answer(raw=b'"' + b"x" * (MIB - 2) + b'"')) as server:
        assert client_at(server.port).request("task/40") == "x" * (MIB - 2)


def assert_value_or_quiet_error(client: AlgorithmClient) -> None:
    value, shown = ORGANIZATION, []
    try:
        value = client.organization.get(2)
    except RequestError as error:
        shown = list(shown_by(error))
    assert value == ORGANIZATION
    assert not any("canary" in text for text in shown)


@pytest.mark.parametrize("value", ["9" * 5000, "-1", "1e3", "canary", "1, 2", ""])
def test_a_length_that_is_none_is_an_error_or_ignored(value: str) -> None:
    odd = answer(ORGANIZATION, headers={"Content-Length": value}, keep=False)
    with peer() as server:
        server.default = odd
        client = client_at(server.port, retry_budget=0)
        assert_value_or_quiet_error(client)


@pytest.mark.parametrize(
    "value",
    [
        "Mon, 01 Jan 2024 00:00:00 +99999999999999999999",
        "Mon, 01 Jan 0001 00:00:00 +2359",
        "Fri, 31 Dec 9999 23:59:59 -2359",
        "9" * 5000,
        "-1",
        "1.5",
        "\xb2",
        "canary",
    ],
)
def test_a_retry_after_that_is_nonsense_is_no_trouble(value: str) -> None:
    busy = answer({"msg": "canary"}, 503, headers={"Retry-After": value})
    with peer(busy, answer(ORGANIZATION)) as server:
        assert_value_or_quiet_error(client_at(server.port))


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
@pytest.mark.parametrize("method", ["get", "post"])
def test_no_redirect_is_followed_and_no_token_sent_elsewhere(method: str, status: int) -> None:
    with peer() as other:
        target = f"{other.url}/task/40".replace("127.0.0.1", "localhost")
        with peer(answer({}, status, headers={"Location": target})) as server:
            with pytest.raises(StatusError) as caught:
                client_at(server.port).request("task/40", {"a": 1}, method)
    assert caught.value.status == status
    assert (other.received, other.connections) == ([], 0)
    assert len(server.received) == 1


@pytest.mark.parametrize(
    "headers",
    [
        {"X-Canary": "canary\r\nX-Other: canary"},
        {"X-Canary": "canary\nX-Other: canary"},
        {"X-Canary": "canary\r"},
        {"X-Canary": "canary\n"},
        {"X-Canary": "canary\r\n folded"},
        {"X-Canary\r\nX-Other": "canary"},
        {"X-Canary\n": "canary"},
        {"X-Canary:": "canary"},
        {"": "canary"},
        {"X-Canary": " canary"},
        {"X-Canary": "canary \N{EURO SIGN}"},
        {"X-Canary \N{EURO SIGN}": "canary"},
        {"X-Canary": 5},
    ],
)
def test_a_header_that_cannot_be_one_is_refused_before_the_wire(headers: dict[str, Any]) -> None:
    with peer() as server:
        with pytest.raises(ConfigurationError) as caught:
            client_at(server.port).request("task/40", headers=headers)
    assert server.received == []
    assert not any("canary" in text.lower() for text in shown_by(caught.value))


def test_the_callers_headers_cannot_take_the_tokens_place() -> None:
    with peer(answer(ORGANIZATION)) as server:
        client = client_at(server.port)
        client.request("task/40", headers={"Authorization": "Bearer somebody-else"})
    assert server.received[0].headers["authorization"] == f"Bearer {client.token}"


WELL = answer(ORGANIZATION)


@contextmanager
def tls_peer(
    authority: Authority, respond: Callable[[ssl.SSLSocket], object] = WELL
) -> Iterator[tuple[int, list[Received]]]:
    """Answer each request over TLS."""
    received: list[Received] = []
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def serve() -> None:
            context = authority.server_context()
            while True:
                try:
                    connection, _ = listener.accept()
                except OSError:
                    return
                try:
                    with context.wrap_socket(connection, server_side=True) as tls:
                        request = _read(tls.makefile("rb"), 1)
                        if request is not None:
                            received.append(request)
                            respond(tls)
                except OSError:
                    connection.close()

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        try:
            yield listener.getsockname()[1], received
        finally:
            listener.shutdown(socket.SHUT_RDWR)
            thread.join(5)


@pytest.mark.parametrize("method", ["get", "post"])
@pytest.mark.parametrize("trusted", [False, True])
def test_tls_is_verified(
    method: str, trusted: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    authority = Authority(tmp_path)
    if trusted:
        monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(authority.bundle))
    else:
        monkeypatch.delenv("REQUESTS_CA_BUNDLE", raising=False)
    with tls_peer(authority) as (port, received):
        client = client_at(port, "https://127.0.0.1", first_contact_budget=0.1)
        if trusted:
            assert client.request("task/40", {"a": 1}, method) == ORGANIZATION
            assert len(received) == 1
            return
        with pytest.raises(ConnectionFailed, match="tls") as caught:
            client.request("task/40", {"a": 1}, method)
    assert not caught.value.sent
    assert received == []


@pytest.mark.parametrize("variable", ["REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"])
@pytest.mark.parametrize("is_folder", [False, True])
def test_the_environment_says_whom_tls_trusts(
    variable: str, is_folder: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    authority = Authority(tmp_path)
    place = authority.bundle
    if is_folder:
        openssl = shutil.which("openssl") or pytest.skip("openssl names the files of such a folder")
        place = tmp_path / "trusted"
        place.mkdir()
        shutil.copy(authority.bundle, place / "authority.pem")
        subprocess.run([openssl, "rehash", place], check=True)  # noqa: S603 - what we made
    for name in ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv(variable, str(place))
    with tls_peer(authority) as (port, received):
        assert client_at(port, "https://127.0.0.1").request("task/40") == ORGANIZATION
    assert len(received) == 1


def broken_record(connection: ssl.SSLSocket) -> None:
    """Write what is no TLS."""
    os.write(connection.fileno(), b"this is no record of TLS" * 20)


def half_and_broken_record(connection: ssl.SSLSocket) -> None:
    connection.sendall(b'HTTP/1.1 201 Created\r\nContent-Length: 1000\r\n\r\n{"id": 1')
    broken_record(connection)


@pytest.mark.parametrize("respond", [broken_record, half_and_broken_record])
def test_what_tls_reports_after_the_request_was_sent_is_no_handshake(
    respond: Callable[[ssl.SSLSocket], object], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    authority = Authority(tmp_path)
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(authority.bundle))
    with tls_peer(authority, respond) as (port, received):
        with pytest.raises(ConnectionFailed) as caught:
            client_at(port, "https://127.0.0.1", outage_budget=5).request("node", {"a": 1}, "post")
    assert caught.value.sent
    assert len(received) == 1


def test_a_certificate_for_another_host_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    authority = Authority(tmp_path, address="127.0.0.2")
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(authority.bundle))
    with tls_peer(authority) as (port, received):
        with pytest.raises(ConnectionFailed, match="tls"):
            client_at(port, "https://127.0.0.1", first_contact_budget=0.1).request("task/40")
    assert received == []


@pytest.mark.parametrize("content", [None, "no certificate"])
def test_a_bundle_that_is_none_is_told_as_such(
    content: str | None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    bundle = tmp_path / "bundle.pem"
    if content is not None:
        bundle.write_text(content)
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(bundle))
    with tls_peer(Authority(tmp_path)) as (port, received):
        with pytest.raises((ConfigurationError, ConnectionFailed)) as caught:
            client_at(port, "https://127.0.0.1", first_contact_budget=0.1).request(
                "task/40", {"a": 1}, "post"
            )
    # Nothing was sent, and the error may not say that it might have been.
    assert not getattr(caught.value, "sent", False)
    assert received == []


def test_without_tls_a_bundle_does_not_matter(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(tmp_path / "not there"))
    with peer(answer(ORGANIZATION)) as server:
        assert client_at(server.port).organization.get(2) == ORGANIZATION


@pytest.mark.parametrize("host", ["http://a..b", f"http://{'a' * 70}"])
def test_a_host_that_cannot_be_one_was_never_asked(host: str) -> None:
    with pytest.raises((ConfigurationError, ConnectionFailed)) as caught:
        client_at(9, host, first_contact_budget=0.1).request("task/40", {"a": 1}, "post")
    assert not getattr(caught.value, "sent", False)


@pytest.mark.parametrize("scheme", ["http", "https"])
def test_the_environments_proxies_are_not_used(
    scheme: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    authority = Authority(tmp_path)
    netrc = tmp_path / "netrc"
    netrc.write_text("machine 127.0.0.1 login somebody password else\n")
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(authority.bundle))
    monkeypatch.setenv("NETRC", str(netrc))
    with peer() as proxy, peer(*[answer(ORGANIZATION)] * 2) as server, tls_peer(authority) as tls:
        for name in ("http_proxy", "https_proxy", "all_proxy"):
            monkeypatch.setenv(name, proxy.url)
            monkeypatch.setenv(name.upper(), proxy.url)
        for name in ("no_proxy", "NO_PROXY"):
            monkeypatch.delenv(name, raising=False)
        port, received = (server.port, server.received) if scheme == "http" else tls
        client = client_at(port, f"{scheme}://127.0.0.1")
        assert client.organization.get(2) == ORGANIZATION
        assert client.request("task/40", {"a": 1}, "post") == ORGANIZATION
    assert proxy.connections == 0
    assert {one.headers["authorization"] for one in received} == {f"Bearer {client.token}"}


def test_a_creation_that_was_ever_in_doubt_keeps_its_key() -> None:
    # The first POST may be carried out yet, so a refusal of the second settles nothing.
    def by_request(request: Received) -> Answer:
        if request.method == "POST":
            posts.append(request)
            return answer({"msg": "gone"}, 504) if len(posts) == 1 else answer({"msg": "no"}, 400)
        if request.path == "/task":
            return answer({"data": [], "links": {}})
        return answer({"blob_store_enabled": False})

    posts: list[Received] = []
    with peer() as server, pytest.MonkeyPatch.context() as patch:
        patch.setattr("v6client.tasks.adoption.SETTLE_WINDOW", (0.01,))
        server.by_request = by_request
        with pytest.raises(BadRequest) as caught:
            client_at(server.port).task.create({"method": "x"}, [2])
    assert caught.value.key


def test_only_a_task_with_the_key_is_adopted() -> None:
    # A peer that does not know the query gives all tasks.
    def by_request(request: Received) -> Answer:
        if request.method == "POST":
            return answer({"msg": "no"}, 504)
        if request.path == "/task":
            other = {"id": 50, "description": "somebody's", "name": "other"}
            return answer({"data": [other], "links": {}})
        if request.path == "/run":
            row = {"id": 1, "status": "completed", "organization": {"id": 2}}
            return answer({"data": [row], "links": {}})
        return answer({"blob_store_enabled": False})

    with peer() as server, pytest.MonkeyPatch.context() as patch:
        patch.setattr("v6client.tasks.adoption.SETTLE_WINDOW", (0.01,))
        server.by_request = by_request
        with pytest.raises((ServerError, NotFound)):
            client_at(server.port).task.create({"method": "x"}, [2])
