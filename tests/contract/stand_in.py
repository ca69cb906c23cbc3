"""A stand-in for the server, on the server's own port: it notes what a proxy sends."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from urllib.parse import urlsplit


@dataclass(frozen=True)
class Asked:
    """One request that reached the server's port."""

    method: str
    path: str
    query: str
    headers: Mapping[str, str]
    body: bytes
    moment: float
    """When it came, on the monotonic clock."""


@dataclass(frozen=True)
class Reply:
    """What the stand-in answers."""

    status: int = 200
    body: bytes = b"{}"
    headers: Mapping[str, str] = field(default_factory=dict)
    content_type: str = "application/json"


Answer = Callable[[Asked], "Reply | None"]
"""Answers a request; ``None`` closes the connection without a word."""

AWAY = Reply(500, b'{"msg": "not here"}')


class StandIn:
    """Listens where a server listened that has been stopped.

    Parameters
    ----------
    url
        The server's address.
    answers
        By path below the API. Anything else gets an error, which the nodes' own questions survive.
    """

    def __init__(self, url: str, answers: dict[str, Answer]) -> None:
        parts = urlsplit(url)
        self._prefix = f"{parts.path}/"
        self._answers = answers
        self._asked: list[Asked] = []
        stand_in = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            log_message = staticmethod(lambda *_: None)  # type: ignore[assignment]

            def handle_one_request(self) -> None:
                try:
                    super().handle_one_request()
                except ConnectionError:
                    self.close_connection = True

            def answer(self) -> None:
                body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
                target = urlsplit(self.path)
                path = target.path.removeprefix(stand_in._prefix)
                headers = dict(self.headers.items())
                asked = Asked(self.command, path, target.query, headers, body, time.monotonic())
                reply = stand_in._take(asked)
                self.close_connection = True
                if reply is None:
                    return
                self.send_response(reply.status)
                for name, value in reply.headers.items():
                    self.send_header(name, value)
                self.send_header("Content-Type", reply.content_type)
                self.send_header("Content-Length", str(len(reply.body)))
                self.send_header("Connection", "close")
                self.end_headers()
                self.wfile.write(reply.body)

            do_GET = do_POST = do_PATCH = do_PUT = do_DELETE = answer  # noqa: N815 - http.server's

        self._server = ThreadingHTTPServer(("127.0.0.1", parts.port or 80), Handler)
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,))

    def __enter__(self) -> StandIn:  # noqa: PYI034 - typing.Self needs Python 3.11
        """Begin to answer."""
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Free the port."""
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    def asked(self, path: str, method: str = "GET") -> list[Asked]:
        """Give what was asked of a path, in the order in which it came."""
        return [one for one in self._asked if (one.method, one.path) == (method, path)]

    def _take(self, asked: Asked) -> Reply | None:
        self._asked.append(asked)
        answer = self._answers.get(asked.path)
        return answer(asked) if answer else AWAY


def says(document: object, status: int = 200, **headers: str) -> Answer:
    """Answer always the same JSON."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return lambda _: Reply(status, json.dumps(document).encode(), named)


def html(status: int) -> Answer:
    """Answer always with a page for people."""
    return lambda _: Reply(status, b"<!doctype html>", content_type="text/html")


def silence(_: Asked) -> None:
    """Close the connection."""
