"""A peer on a real socket that answers each connection's requests by a script."""

from __future__ import annotations

import json
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Received:
    """One request as it came over the wire."""

    method: str
    target: str
    headers: dict[str, str]
    body: bytes
    connection: int

    @property
    def path(self) -> str:
        return self.target.partition("?")[0]


Answer = Callable[[socket.socket], bool]
"""Writes an answer; tells whether the connection is kept."""


def answer(
    body: object = None,
    status: int = 200,
    *,
    raw: bytes | None = None,
    headers: dict[str, str] | None = None,
    keep: bool = True,
) -> Answer:
    """Answer with JSON, or with ``raw`` bytes."""
    content = json.dumps(body).encode() if raw is None else raw

    def write(connection: socket.socket) -> bool:
        lines = {
            "Content-Type": "application/json",
            "Content-Length": str(len(content)),
            **(headers or {}),
        }
        head = "".join(f"{name}: {value}\r\n" for name, value in lines.items())
        connection.sendall(f"HTTP/1.1 {status} Status\r\n{head}\r\n".encode() + content)
        return keep

    return write


def masked() -> Answer:
    return answer({"msg": "Request failed, see node logs"}, 500)


def reset_after_reading(_: socket.socket) -> bool:
    """Close without an answer."""
    return False


def truncated(connection: socket.socket) -> bool:
    """Announce more than is sent."""
    connection.sendall(b'HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n{"id": 1')
    return False


@dataclass
class Peer:
    """What the test sees: where it listens, what came, and what it will answer."""

    port: int
    script: list[Answer]
    received: list[Received] = field(default_factory=list)
    connections: int = 0
    default: Answer = field(default_factory=lambda: answer({"msg": "the script is over"}, 418))
    by_request: Callable[[Received], Answer] | None = None
    release: threading.Event = field(default_factory=threading.Event)

    def answer_to(self, request: Received) -> Answer:
        """Choose the answer: by the request, by the script, or the default."""
        if self.by_request is not None:
            return self.by_request(request)
        return self.script.pop(0) if self.script else self.default

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def hang(self, _: socket.socket) -> bool:
        """Answer nothing until the test ends."""
        self.release.wait(30)
        return False

    def bodies(self) -> list[Any]:
        return [json.loads(one.body) for one in self.received if one.body]


@contextmanager
def peer(*script: Answer, port: int = 0) -> Iterator[Peer]:
    """Listen on a free port; the n-th request gets the n-th answer of the script."""
    listener = socket.create_server(("127.0.0.1", port))
    this = Peer(listener.getsockname()[1], list(script))
    lock = threading.Lock()
    open_sockets: set[socket.socket] = set()

    def serve(connection: socket.socket, number: int) -> None:
        try:
            with connection, connection.makefile("rb") as stream:
                while (request := _read(stream, number)) is not None:
                    with lock:
                        this.received.append(request)
                        write = this.answer_to(request)
                    if not write(connection):
                        return
        except OSError:
            pass  # the client went away, as some tests want
        finally:
            open_sockets.discard(connection)

    def accept() -> None:
        while True:
            try:
                connection, _ = listener.accept()
            except OSError:
                return
            this.connections += 1
            open_sockets.add(connection)
            threading.Thread(target=serve, args=(connection, this.connections), daemon=True).start()

    thread = threading.Thread(target=accept, daemon=True)
    thread.start()
    try:
        yield this
    finally:
        this.release.set()
        # shutdown, not close alone: it wakes an accept that is under way.
        listener.shutdown(socket.SHUT_RDWR)
        listener.close()
        for connection in list(open_sockets):
            connection.close()
        thread.join(5)


def _read(stream: Any, connection: int) -> Received | None:
    line = stream.readline().decode().split()
    if len(line) != 3:
        return None
    headers = {}
    while (header := stream.readline().strip().decode()) != "":
        name, _, value = header.partition(":")
        headers[name.strip().lower()] = value.strip()
    body = stream.read(int(headers.get("content-length", 0)))
    if headers.get("transfer-encoding") == "chunked":
        body = _chunks(stream)
    return Received(line[0], line[1], headers, body, connection)


def _chunks(stream: Any) -> bytes:
    parts = []
    while size := int(stream.readline() or "0", 16):
        parts.append(stream.read(size))
        stream.readline()
    stream.readline()
    return b"".join(parts)
