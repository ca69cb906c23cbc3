"""Answers on a real socket: what is too long, compressed, a bomb; and a long body that is sent."""

from __future__ import annotations

import base64
import gc
import gzip
import json
import socket
import threading
import time
import tracemalloc
import zlib
from dataclasses import replace
from types import SimpleNamespace
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from tests.conftest import QUICK, ClientOf
from tests.peer import Answer, Received, answer, peer, truncated
from v6client import ConnectionFailed, InvalidResponse, ResponseTooLarge, ResultError
from v6client.http.pagination import all_rows

ONCE = replace(QUICK, retry_budget=0)


def packed(content: bytes, coding: str) -> Answer:
    return answer(raw=content, headers={"Content-Encoding": coding})


def in_chunks(content: bytes, size: int, *, ends: bool = True) -> Answer:
    """Answer chunked, with or without the last chunk."""

    def write(connection: socket.socket) -> bool:
        head = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
        parts = [content[start : start + size] for start in range(0, len(content), size)]
        body = b"".join(b"%x\r\n%b\r\n" % (len(part), part) for part in parts)
        connection.sendall(head.encode() + body + (b"0\r\n\r\n" if ends else b""))
        return False

    return write


def ready(document: object) -> Answer:
    """Answer with what is written already."""
    content = json.dumps(document).encode()
    whole = b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%b" % (len(content), content)

    def write(connection: socket.socket) -> bool:
        connection.sendall(whole)
        return True

    return write


DOCUMENT = {"id": 2, "name": "x" * 300_000}
JSON = json.dumps(DOCUMENT).encode()


@pytest.mark.parametrize(
    "reply",
    [
        packed(gzip.compress(JSON), "gzip"),
        packed(gzip.compress(JSON), "X-GZIP"),
        packed(zlib.compress(JSON), "deflate"),
        in_chunks(JSON, 1000),
        in_chunks(JSON, 1 << 19),
    ],
)
def test_a_body_is_read_however_it_comes(client_of: ClientOf, reply: Answer) -> None:
    with peer(reply) as server:
        assert client_of(server).organization.get(2) == DOCUMENT


@pytest.mark.parametrize(
    "reply",
    [
        packed(gzip.compress(JSON)[:-100], "gzip"),
        packed(b"not gzip at all", "gzip"),
        in_chunks(JSON, 1000, ends=False),
        in_chunks(JSON, len(JSON), ends=False),
        truncated,
    ],
)
def test_a_body_that_ends_early_is_no_answer(client_of: ClientOf, reply: Answer) -> None:
    with peer(reply) as server, pytest.raises(ConnectionFailed):
        client_of(server, ONCE).organization.get(2)
    with peer(reply, answer(DOCUMENT)) as server:
        assert client_of(server).organization.get(2) == DOCUMENT


def test_a_coding_that_was_not_asked_for_is_no_json(client_of: ClientOf) -> None:
    with peer(packed(JSON[::-1], "br")) as server, pytest.raises(InvalidResponse):
        client_of(server, ONCE).organization.get(2)


def bomb(size: int) -> bytes:
    """Pack a JSON string of many letters into a thousandth of them."""
    pack = zlib.compressobj(9, wbits=31)
    part = pack.compress(b'{"id": 2, "name": "')
    for _ in range(size >> 20):
        part += pack.compress(b"x" * (1 << 20))
    return part + pack.flush()


def test_a_bomb_is_left_before_it_is_in_memory(client_of: ClientOf) -> None:
    packed_bomb = bomb(200 << 20)
    assert len(packed_bomb) < 1 << 20
    settings = replace(ONCE, max_response_bytes=8 << 20)
    with peer(packed(packed_bomb, "gzip")) as server:
        client = client_of(server, settings)
        tracemalloc.start()
        try:
            with pytest.raises(InvalidResponse, match="MAX_RESPONSE_BYTES"):
                client.organization.get(2)
            grown = tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()
    assert grown < 40 << 20


def test_an_error_page_is_not_kept(client_of: ClientOf) -> None:
    with peer(answer(raw=b"x" * (32 << 20), status=404)) as server:
        client = client_of(server)
        tracemalloc.start()
        try:
            with pytest.raises(Exception, match="404"):
                client.organization.get(2)
            grown = tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()
    # Of them 32 MB are the peer's own copy for the socket.
    assert grown < 48 << 20


def page(*results: str | None) -> dict[str, Any]:
    return {
        "data": [{"id": number, "result": one} for number, one in enumerate(results, 1)],
        "links": {},
    }


def encoded(value: object) -> str:
    return base64.b64encode(json.dumps(value).encode()).decode()


def test_long_results_come_as_they_were(client_of: ClientOf) -> None:
    values = ["short", "x" * 500_000, [0.25] * 100_000, None]
    with peer(answer(page(*map(encoded, values)))) as server:
        assert client_of(server).result.from_task(5) == values


def test_a_long_result_is_held_once(client_of: ClientOf) -> None:
    text = encoded({"weights": "x" * 12_000_000})
    # The peer's own copy is there before anything is counted.
    with peer(ready(page(text))) as server:
        client = client_of(server)
        tracemalloc.start()
        try:
            [value] = client.result.from_task(5)
            grown = tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()
    assert len(value["weights"]) == 12_000_000
    # Python's allocator leaves room for a body that grows; the process's memory has 1.5 times.
    assert grown < 1.8 * len(text)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("!" * 100_000, "not base64"),
        ("A" * 99_999, "not base64"),
        ("AAAA" * 30_000 + "AA==" + "AAAA", "not base64"),
        (base64.b64encode(b"\xff" * 100_000).decode(), "not UTF-8"),
        (base64.b64encode(b"x" * 100_000).decode(), "not JSON"),
        (base64.b64encode(b"[" * 99_999).decode(), "too deep"),
        (base64.b64encode(b"1" * 99_999).decode(), "not JSON"),
    ],
)
def test_a_long_result_that_cannot_be_decoded(client_of: ClientOf, text: str, reason: str) -> None:
    with peer(answer(page(text))) as server, pytest.raises(ResultError, match=reason) as caught:
        client_of(server).result.from_task(5)
    assert (caught.value.task_id, caught.value.run_id) == (5, 1)
    assert caught.value.__context__ is None


def test_a_long_result_for_somebody_else_is_told(client_of: ClientOf) -> None:
    key, iv = base64.b64encode(b"k" * 256).decode(), base64.b64encode(b"i" * 16).decode()
    for text in ("AAAA", "A" * 100_000):
        with peer(answer(page(f"{key}${iv}${text}"))) as server:
            with pytest.raises(ResultError, match=r"still encrypted.*another organization"):
                client_of(server).result.from_task(5)


def test_a_long_input_is_sent_to_each_organization(client_of: ClientOf) -> None:
    answers = [answer({"blob_store_enabled": False}), answer({"id": 8}, 201)]
    with peer(*answers) as server:
        client_of(server).task.create({"method": "x", "args": ["y" * 2_000_000]}, [1, 2, 3])
    post = server.received[1]
    assert post.headers["content-length"] == str(len(post.body))
    inputs = [one["input"] for one in json.loads(post.body)["organizations"]]
    assert len(set(inputs)) == 1
    assert json.loads(base64.b64decode(inputs[0]))["args"] == ["y" * 2_000_000]


FINISHED = {"/task/9/status": answer({"status": "completed"}), "/task/9": answer({"id": 9})}


@pytest.mark.parametrize("wait", ["wait_for_results", "as_completed"])
def test_a_result_that_is_given_up_is_gone(client_of: ClientOf, wait: str) -> None:
    """The next round's are not to come on top of it until Python looks for cycles."""
    text = base64.b64encode(json.dumps("x" * 4_000_000).encode()).decode()
    rows = {
        "/run": {"id": 5, "status": "completed", "organization": {"id": 2}},
        "/result": {"id": 5, "result": text},
    }
    pages = {path: ready({"data": [row], "links": {}}) for path, row in rows.items()}
    with peer() as server:
        server.by_request = lambda request: {**pages, **FINISHED}[request.path]
        client = client_of(server)
        gc.collect()
        gc.disable()
        tracemalloc.start()
        try:
            assert len(list(getattr(client, wait)(9))) == 1
            left = tracemalloc.get_traced_memory()[0]
        finally:
            tracemalloc.stop()
            gc.enable()
    assert left < 1_000_000


@pytest.mark.parametrize("wait", ["wait_for_results", "as_completed", "outcomes"])
def test_a_wait_does_not_hold_the_input_of_each_run(client_of: ClientOf, wait: str) -> None:
    text = base64.b64encode(b"x" * 600_000).decode()
    runs = [
        {"id": one, "status": "completed", "organization": {"id": one}, "input": text}
        for one in range(20, 0, -1)
    ]
    results = [{"id": one["id"], "result": base64.b64encode(b"1").decode()} for one in runs]
    rows = {"/run": runs, "/result": results}

    def respond(request: Received) -> Answer:
        if request.path in FINISHED:
            return FINISHED[request.path]
        query = parse_qs(urlsplit(request.target).query)
        number, size = int(query["page"][0]), int(query["per_page"][0])
        return pages.get((request.path, number, size), beyond)

    beyond = answer({"data": [], "links": {}}, headers={"total-count": "0"})
    # Made before it is measured: what the peer holds is not the client's.
    pages = {
        (path, number, size): ready(
            {
                "data": some[(number - 1) * size : number * size],
                "links": {"next": "x"} if number * size < len(some) else {},
            }
        )
        for path, some in rows.items()
        for number, size in [(1, 10), (2, 10), (1, 100), *((place, 1) for place in range(1, 21))]
    }
    with peer() as server:
        server.by_request = respond
        client = client_of(server)
        tracemalloc.start()
        try:
            assert len(list(getattr(client, wait)(9))) == 20
            grown = tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()
    # Together they have 16 MB.
    assert grown < 3_000_000


def test_a_peer_that_reads_slowly_is_not_given_up(client_of: ClientOf) -> None:
    """The read timeout is for each part of a body, not for all of it."""
    size = 32_000_000

    def read_slowly(listener: socket.socket) -> None:
        connection, _ = listener.accept()
        with connection:
            left = size
            while left > 0:
                left -= len(connection.recv(1 << 18))
                time.sleep(0.004)
            connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}")

    with socket.create_server(("127.0.0.1", 0)) as listener:
        # Inherited by what is accepted; so that a part at most is under way.
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 16)
        thread = threading.Thread(target=read_slowly, args=(listener,))
        thread.start()
        settings = replace(ONCE, post_read_timeout=1, create_deadline=600)
        client = client_of(SimpleNamespace(port=listener.getsockname()[1]), settings)
        started = time.monotonic()
        assert client.request("task/40", {"value": "x" * size}, "post") == {}
        assert time.monotonic() - started > settings.post_read_timeout
        thread.join(10)


@pytest.mark.parametrize(
    ("weights", "sizes"),
    [
        ([10] * 5, [(1, 10)]),
        ([10] * 120, [(1, 10), (1, 100), (2, 100)]),
        # Four would fit, but 10 rows are behind: two, and then the fourth page of four.
        ([4_000_000] * 13, [(1, 10), (6, 2), (4, 4)]),
        ([20_000_000] + [10] * 11, [(1, 10), (11, 1), (12, 1)]),
    ],
)
def test_pages_are_sized_by_what_they_weigh(
    weights: list[int], sizes: list[tuple[int, int]]
) -> None:
    assert fetched(weights) == sizes


def fetched(
    weights: list[int], *, limit: int = 10**9, is_weighed: bool = True
) -> list[tuple[int, int]]:
    """Fetch a list of rows, of which no answer is longer than the limit: the pages asked for."""
    rows = [{"id": number, "weight": one} for number, one in enumerate(weights, 1)]
    asked = []

    def fetch(query: Any) -> Any:
        number, size = query["page"], query["per_page"]
        asked.append((number, size))
        some = rows[(number - 1) * size : number * size]
        if sum(row["weight"] for row in some) > limit:
            raise ResponseTooLarge("too large")
        return {"data": some, "links": {"next": "x"} if number * size < len(rows) else {}}

    weigh = (lambda row: row["weight"]) if is_weighed else None
    found = all_rows(fetch, {}, page_size=100, deadline=10, weigh=weigh)
    assert [row["id"] for row in found] == [row["id"] for row in rows]
    return asked


@pytest.mark.parametrize("is_weighed", [True, False])
@pytest.mark.parametrize(
    "weights", [[9] * 120, [1] * 37 + [9] * 3 + [1] * 60, [9, 1, 1], [1] * 150, [3, 3, 3, 1] * 30]
)
def test_a_page_that_is_too_long_is_asked_for_in_halves(
    weights: list[int], is_weighed: bool
) -> None:
    asked = fetched(weights, limit=9, is_weighed=is_weighed)
    # Each size that was too large is given up for good, so few pages are asked for in vain.
    sizes = [size for _, size in asked]
    assert sizes[-1] < sizes[0]
    assert len(asked) <= len(weights) + 7


@pytest.mark.parametrize("is_weighed", [True, False])
def test_one_row_that_is_too_long_is_an_error(is_weighed: bool) -> None:
    with pytest.raises(ResponseTooLarge):
        fetched([1] * 20 + [10] + [1] * 20, limit=9, is_weighed=is_weighed)


def test_results_come_in_smaller_pages_where_a_page_is_too_long(
    client_of: ClientOf, caplog: pytest.LogCaptureFixture
) -> None:
    texts = [base64.b64encode(json.dumps("x" * 70_000).encode()).decode()] * 7

    def respond(request: Received) -> Answer:
        query = parse_qs(urlsplit(request.target).query)
        number, size = int(query["page"][0]), int(query["per_page"][0])
        some = [{"id": one, "result": text} for one, text in enumerate(texts, 1)]
        links = {"next": "x"} if number * size < len(texts) else {}
        return answer({"data": some[(number - 1) * size : number * size], "links": links})

    with peer() as server:
        server.by_request = respond
        client = client_of(server, replace(QUICK, max_response_bytes=200_000))
        assert client.result.from_task(5) == ["x" * 70_000] * 7
        assert [f"page.too_large rows={rows}" in caplog.text for rows in (10, 5, 2)] == [
            *(True, True, False)
        ]
        texts.append("A" * 300_000)
        with pytest.raises(ResponseTooLarge, match="V6CLIENT_MAX_RESPONSE_BYTES"):
            client.result.from_task(5)
