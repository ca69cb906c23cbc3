"""Blobs on a real socket: streamed, again from the start, and what is no blob."""

from __future__ import annotations

import base64
import contextlib
import json
import socket
import threading
import time
import tracemalloc
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import Any

import pytest

from tests.conftest import QUICK, ClientOf
from tests.peer import Answer, Peer, Received, answer, masked, peer, reset_after_reading
from v6client import (
    AlgorithmClient,
    ConnectionFailed,
    EncryptionError,
    Forbidden,
    InvalidArgument,
    InvalidResponse,
    RequestError,
    ResultError,
    Settings,
)
from v6client.http.body import Stream
from v6client.payload.blobs import Blob
from v6client.payload.cryptor import new_private_key, public_key_text
from v6client.payload.transfer import Meter, Transfer

KEYS = {one: public_key_text(new_private_key(2048).public_key()) for one in (1, 2, 3)}
IDS = [f"{number:08x}-0000-4000-8000-000000000000" for number in range(10)]


def blob(content: bytes, *, ends: bool = True, kind: str = "application/octet-stream") -> Answer:
    """Answer a blob as the proxy does: in chunks."""

    def write(connection: socket.socket) -> bool:
        head = f"HTTP/1.1 200 OK\r\nContent-Type: {kind}\r\nTransfer-Encoding: chunked\r\n\r\n"
        connection.sendall(head.encode())
        for start in range(0, len(content), 100_000):
            part = content[start : start + 100_000]
            connection.sendall(b"%x\r\n%b\r\n" % (len(part), part))
        connection.sendall(b"0\r\n\r\n" if ends else b"")
        return ends

    return write


@dataclass
class Server:
    """A server with a blob store; uploads and downloads are scripted."""

    uploads: list[Answer] = field(default_factory=list)
    downloads: list[Answer] = field(default_factory=list)
    result: object = IDS[0]
    keys: dict[int, object] = field(default_factory=lambda: dict(KEYS))
    is_encrypted: bool = True
    tasks: list[dict[str, Any]] = field(default_factory=list)

    def respond(self, request: Received) -> Answer:
        if (request.method, request.path) == ("POST", "/blobstream"):
            return self.uploads.pop(0)
        if request.path.startswith("/blobstream/") and not request.path.endswith("/status"):
            return self.downloads.pop(0)
        organizations = [{"id": one, "public_key": key} for one, key in self.keys.items()]
        row = {"id": 1, "result": self.result, "blob_storage_used": True}
        return {
            "/blobstream/status": answer({"blob_store_enabled": True}),
            "/organization": answer({"data": organizations, "links": {}}),
            "/organization/2": answer({"id": 2}),
            "/collaboration/1": answer({"id": 1, "encrypted": self.is_encrypted}),
            "/task": answer({"id": 8}, 201) if request.method == "POST" else page(*self.tasks),
            "/run": page(*({"id": one, **RUN, "organization": {"id": one}} for one in self.keys)),
            "/result": page(row),
        }[request.path]


RUN = {"status": "active"}


def page(*rows: dict[str, Any]) -> Answer:
    return answer({"data": list(rows), "links": {}})


def took(number: int) -> Answer:
    return answer({"uuid": IDS[number]}, 201)


def posts(this: Peer, path: str) -> list[Received]:
    return [one for one in this.received if (one.method, one.path) == ("POST", path)]


Run = Callable[[Server, Callable[[AlgorithmClient], Any]], tuple[Any, Peer]]


@pytest.fixture
def run(client_of: ClientOf) -> Run:
    def run(server: Server, call: Callable[[AlgorithmClient], Any]) -> tuple[Any, Peer]:
        with peer() as this:
            this.by_request = server.respond
            return call(client_of(this)), this

    return run


INPUT = {"method": "echo", "args": ["x" * 700_000]}


def create(client: AlgorithmClient) -> Any:
    return client.task.create(INPUT, [2, 1, 3])


def test_an_input_goes_to_the_store_once_for_each_organization(run: Run) -> None:
    created, this = run(Server([took(1), took(2), took(3)]), create)
    assert created == {"id": 8}
    uploads = posts(this, "/blobstream")
    assert [one.headers["x-public-key"] for one in uploads] == [KEYS[one] for one in (2, 1, 3)]
    for one in uploads:
        assert json.loads(one.body) == INPUT
        assert one.headers["content-type"] == "application/octet-stream"
        # With a length, the real proxy would announce it for what it makes of the blob.
        assert "content-length" not in one.headers
        assert one.headers["authorization"].startswith("Bearer ")
    [post] = posts(this, "/task")
    assert json.loads(post.body)["organizations"] == [
        {"id": 2, "input": IDS[1]},
        {"id": 1, "input": IDS[2]},
        {"id": 3, "input": IDS[3]},
    ]
    # One question for all keys.
    assert sum(one.path == "/organization" for one in this.received) == 1


def test_bytes_that_are_base64_are_decoded_for_the_store(run: Run) -> None:
    given = base64.b64encode(b'{"method": "echo"}')
    _, this = run(Server([took(1)]), lambda client: client.task.create(given, [1]))
    assert posts(this, "/blobstream")[0].body == b'{"method": "echo"}'


@pytest.mark.parametrize(
    "fault",
    [
        reset_after_reading,
        answer({"msg": "busy"}, 503),
        answer({"msg": "Error uploading result!"}, 500),
        masked(),
        answer(raw=b"<html>"),
        answer({"uuid": "../../user"}, 201),
    ],
)
def test_an_upload_begins_again_from_the_start(run: Run, fault: Answer) -> None:
    server = Server([fault, took(1), took(2), took(3)])
    _, this = run(server, create)
    bodies = [one.body for one in posts(this, "/blobstream")]
    assert len(bodies) == 4
    assert {json.dumps(json.loads(one)) for one in bodies} == {json.dumps(INPUT)}


@pytest.mark.parametrize(
    ("replies", "error"),
    [
        ([answer({"msg": "Cannot upload blob"}, 403)], Forbidden),
        ([reset_after_reading] * 60, ConnectionFailed),
        ([answer({"uuid": "no"}, 201)] * 60, InvalidResponse),
    ],
)
def test_without_an_upload_there_is_no_task(
    run: Run, replies: list[Answer], error: type[Exception]
) -> None:
    server = Server(list(replies))
    seen: list[Peer] = []

    def call(client: AlgorithmClient) -> None:
        with pytest.raises(error) as caught:
            create(client)
        assert isinstance(caught.value, RequestError)
        assert "may have been carried out" not in str(caught.value)
        assert caught.value.key is None

    seen.append(run(server, call)[1])
    assert not posts(seen[0], "/task")


def test_what_is_there_already_is_not_uploaded_again(run: Run) -> None:
    key = "0" * 32
    server = Server(tasks=[{"id": 5, "description": f"mine [v6c:{key}]"}])
    created, this = run(server, lambda client: client.task.create(INPUT, [2, 1, 3], key=key))
    assert created["id"] == 5
    assert not posts(this, "/blobstream")
    # What is not there is uploaded after the look.
    server = Server([took(1), took(2), took(3)])
    created, this = run(server, lambda client: client.task.create(INPUT, [2, 1, 3], key=key))
    assert created == {"id": 8}
    asked = [(one.method, one.path) for one in this.received]
    assert asked.index(("GET", "/task")) < asked.index(("POST", "/blobstream"))


def test_the_time_of_uploads_is_not_that_of_the_creation(client_of: ClientOf) -> None:
    """They have a deadline of their own, and a large one outlasts that of POST task."""

    def late(connection: socket.socket) -> bool:
        time.sleep(0.4)
        return took(1)(connection)

    server = Server([late])
    with peer() as this:
        this.by_request = server.respond
        client = client_of(this, replace(QUICK, create_deadline=0.3))
        assert client.task.create({"method": "echo"}, [1])["id"] == 8


def test_an_input_is_held_once_while_it_is_uploaded(run: Run) -> None:
    input_ = {"method": "echo", "args": ["x" * 8_000_000]}
    held: list[int] = []

    def send(body: Stream, _: str) -> str:
        assert sum(map(len, body)) > 8_000_000
        held.append(tracemalloc.get_traced_memory()[0])
        return IDS[1]

    def call(client: AlgorithmClient) -> Any:
        client.blobs._wire = replace(client.blobs._wire, send=send)
        tracemalloc.start()
        try:
            return client.task.create(input_, [1, 2])
        finally:
            tracemalloc.stop()

    assert run(Server(), call)[0] == {"id": 8}
    assert len(held) == 2
    assert max(held) < 1.1 * 8_000_000


@pytest.mark.parametrize(
    "key", ["", None, 5, "canary", KEYS[1] + "\n", f"{KEYS[1][:76]}\n{KEYS[1][76:]}", KEYS[1][:-8]]
)
def test_an_organization_without_a_usable_key(run: Run, key: object) -> None:
    """It is told before the first upload: nobody could delete what was sent for the others."""

    def call(client: AlgorithmClient) -> None:
        with pytest.raises(EncryptionError, match="organization 3 has no usable public") as caught:
            create(client)
        assert "canary" not in str(caught.value)

    keys: dict[int, object] = {**KEYS, 3: key}
    _, this = run(Server(keys=keys), call)
    assert not posts(this, "/blobstream")
    # Where nothing is encrypted, nobody has one, and the proxy wants the header all the same.
    server = Server([took(1), took(2), took(3)], keys=keys, is_encrypted=False)
    _, this = run(server, create)
    sent = [one.headers["x-public-key"] for one in posts(this, "/blobstream")]
    assert sent == [KEYS[2], KEYS[1], "none"]


def test_an_organization_from_elsewhere(run: Run) -> None:
    def call(client: AlgorithmClient) -> None:
        with pytest.raises(InvalidArgument, match="organization 9 is not in"):
            client.task.create(INPUT, [1, 9])

    _, this = run(Server(), call)
    assert not posts(this, "/blobstream")


def from_task(client: AlgorithmClient) -> Any:
    return client.result.from_task(5)


VALUE = {"weights": "y" * 900_000}
CONTENT = json.dumps(VALUE).encode()


def test_a_result_comes_from_the_store(run: Run) -> None:
    found, this = run(Server(downloads=[blob(CONTENT)]), from_task)
    assert found == [VALUE]
    download = this.received[-1]
    assert (download.method, download.target) == ("GET", f"/blobstream/{IDS[0]}")
    assert "content-type" not in download.headers


def test_a_blob_without_content_is_no_result(run: Run) -> None:
    assert run(Server(downloads=[blob(b"")]), from_task)[0] == []


@pytest.mark.parametrize(
    "fault",
    [
        blob(CONTENT, ends=False),
        blob(CONTENT[:-5], ends=False),
        blob(b"", ends=False),
        blob(b'{"data": [{"id"', kind="application/json"),
        blob(b"<html>", kind="text/html"),
        reset_after_reading,
        answer({"msg": "busy"}, 503),
        answer(raw=b"Internal Server Error", status=500),
    ],
)
def test_a_download_begins_again_from_the_start(run: Run, fault: Answer) -> None:
    assert run(Server(downloads=[fault, blob(CONTENT)]), from_task)[0] == [VALUE]


@pytest.mark.parametrize(
    ("replies", "reason"),
    [
        ([answer({"msg": "canary"}, 404)] * 2, "blob store .status 404"),
        ([answer(raw=b"Internal Server Error", status=500)] * 4, "blob store .status 500"),
        ([blob(CONTENT[:-1])], "not JSON"),
        ([blob(b"\xff" * 100)], "not UTF-8"),
        ([blob(b"[" * 100_000)], "too deep"),
    ],
)
def test_a_blob_that_is_no_result(run: Run, replies: list[Answer], reason: str) -> None:
    def call(client: AlgorithmClient) -> None:
        with pytest.raises(ResultError, match=reason) as caught:
            from_task(client)
        assert (caught.value.task_id, caught.value.run_id) == (5, 1)
        assert "canary" not in str(caught.value)

    run(Server(downloads=list(replies)), call)


@pytest.mark.parametrize(
    "result",
    ["../user", "1", "e30=", IDS[0].replace("-", ""), IDS[0] + "\n", "{" + IDS[0] + "}", 5],
)
def test_what_is_no_uuid_never_becomes_part_of_a_path(run: Run, result: object) -> None:
    def call(client: AlgorithmClient) -> None:
        with pytest.raises(ResultError, match="no UUID"):
            from_task(client)
        with pytest.raises(InvalidArgument, match="UUID"):
            client.blobs.download(str(result))

    _, this = run(Server(result=result), call)
    assert [one.path for one in this.received] == ["/result"]


def test_a_blob_that_is_too_long_is_left(client_of: ClientOf) -> None:
    settings = replace(QUICK, max_response_bytes=2_000_000)
    with peer(blob(b"x" * 8_000_000)) as this:
        client = client_of(this, settings)
        tracemalloc.start()
        try:
            with pytest.raises(InvalidResponse, match="MAX_RESPONSE_BYTES"):
                client.blobs.download(IDS[0])
            grown = tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()
    assert grown < 6_000_000


class Sink:
    """A peer that reads and forgets: what it holds is not the client's."""

    def __init__(self) -> None:
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]

    def serve(self) -> None:
        while True:
            try:
                connection, _ = self.listener.accept()
            except OSError:
                return
            with connection:
                tail = b""
                while not tail.endswith(b"\r\n0\r\n\r\n"):
                    tail = (tail + connection.recv(1 << 16))[-7:]
                body = json.dumps({"uuid": IDS[1]})
                connection.sendall(
                    f"HTTP/1.1 201 Created\r\nContent-Length: {len(body)}\r\n\r\n{body}".encode()
                )


def test_an_upload_takes_constant_memory(client_of: ClientOf) -> None:
    sink = Sink()
    threading.Thread(target=sink.serve, daemon=True).start()
    data = b"z" * (48 << 20)
    client = client_of(sink)
    wire = client.blobs._wire
    client.blobs._wire = replace(wire, public_keys=lambda: KEYS)
    tracemalloc.start()
    try:
        assert client.blobs.upload_for(data, [1, 2, 3]) == [IDS[1]] * 3
        grown = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
        sink.listener.close()
    assert grown < 4 << 20


class Stalling(Sink):
    """A peer that stops reading its first uploads, each after some bytes."""

    def __init__(self, stalls: int) -> None:
        super().__init__()
        self.stalls = stalls
        self.stalled: list[socket.socket] = []

    def serve(self) -> None:
        with contextlib.suppress(OSError):
            for _ in range(self.stalls):
                connection, _ = self.listener.accept()
                connection.recv(1000)
                self.stalled.append(connection)
            super().serve()


@contextmanager
def stalling(stalls: int) -> Iterator[Stalling]:
    this = Stalling(stalls)
    thread = threading.Thread(target=this.serve)
    thread.start()
    try:
        yield this
    finally:
        this.listener.shutdown(socket.SHUT_RDWR)
        this.listener.close()
        thread.join(10)
        for connection in this.stalled:
            connection.close()


# Far longer than the buffers of the system, so that it cannot be sent to nobody.
FAR_TOO_LONG = b"z" * (32 << 20)
# It is the read timeout that ends an upload.
PATIENT = replace(QUICK, blob_deadline=30, post_read_timeout=0.3)


def upload(this: Sink, settings: Settings, client_of: ClientOf) -> list[str]:
    client = client_of(this, settings)
    client.blobs._wire = replace(client.blobs._wire, public_keys=lambda: KEYS)
    return client.blobs.upload_for(FAR_TOO_LONG, [1])


def test_an_upload_that_nobody_reads_begins_again(client_of: ClientOf) -> None:
    with stalling(2) as this:
        assert upload(this, PATIENT, client_of) == [IDS[1]]


def test_an_upload_that_nobody_ever_reads_is_an_error(client_of: ClientOf) -> None:
    with stalling(10) as this, pytest.raises(ConnectionFailed, match="send_timeout") as caught:
        upload(this, replace(PATIENT, retry_budget=10, retry_cost=5), client_of)
    assert caught.value.attempts == len(this.stalled) == 3


def test_people_see_how_far_it_is(run: Run) -> None:
    seen: list[Transfer] = []

    def call(client: AlgorithmClient) -> None:
        client.blobs.progress = seen.append
        create(client)
        from_task(client)

    def took_last(connection: socket.socket) -> bool:
        # All of it was read, but nobody knows yet whether the store took it.
        assert len(seen) == 2
        return took(3)(connection)

    size = len(json.dumps(INPUT))
    server = Server([reset_after_reading, took(1), took(2), took_last], [blob(CONTENT)])
    run(server, call)
    whole = Transfer("upload", size, size, is_complete=True)
    # An attempt that failed is not complete.
    assert [one for one in seen if one.is_complete] == [
        *[whole] * 3,
        Transfer("download", len(CONTENT), None, is_complete=True),
    ]


def test_a_meter_tells_now_and_then() -> None:
    moments = iter([0.0, 0.1, 0.6, 0.6, 0.7, 1.2, 1.2])
    seen: list[Transfer] = []
    meter = Meter(seen.append, "upload", 100, now=lambda: next(moments))
    for _ in range(4):
        meter.count(25)
    meter.complete()
    assert seen == [
        Transfer("upload", 50, 100),
        Transfer("upload", 100, 100),
        Transfer("upload", 100, 100, is_complete=True),
    ]


def test_a_blob_can_be_loaded_again(run: Run) -> None:
    def call(client: AlgorithmClient) -> Any:
        [row] = client.result.rows_of(5)
        assert isinstance(row["result"], Blob)
        return [row["result"].load(), row["result"].load()]

    assert run(Server(downloads=[blob(b"1"), blob(b"1")]), call)[0] == [1, 1]
