"""Transient faults between client and proxy, and between proxy and server.

A *front* is a small HTTP proxy on a socket of its own, since a WSGI application can neither reset
a connection nor cut an answer short. What becomes of a request is a pure function of the seed,
the leg, the image of the container that asks, and how many requests of that image came before: an
image's faults do not depend on what else runs.
"""

from __future__ import annotations

import base64
import contextlib
import enum
import hashlib
import http.client
import json
import socket
import struct
import threading
import time
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

from v6client.errors import ConfigurationError

_JOURNAL: Final = "faults.jsonl"
_LONGEST_DELAY: Final = 1.0
_HOP_BY_HOP: Final = frozenset({"connection", "content-length", "keep-alive", "transfer-encoding"})
_MASK: Final = b'{"msg": "Request failed, see node logs"}'
_HTML: Final = b"<html><body><h1>502 Bad Gateway</h1></body></html>"


class Leg(enum.Enum):
    """Where a front stands."""

    CLIENT = "client to proxy"
    SERVER = "proxy to server"


class Fault(enum.Enum):
    """What can happen to a request; one that is repeated draws anew."""

    RESET = "reset, not carried out"
    ANSWER_LOST = "carried out, then reset"
    BAD_GATEWAY = "502 with HTML, not carried out"
    UNAVAILABLE = "503 with Retry-After: 0 or 1, not carried out"
    GATEWAY_TIMEOUT = "carried out, then 504"
    TRUNCATED = "carried out, half of the body missing"
    GARBAGE = "200 with half a JSON document, not carried out"
    MASKED = "the proxy's masked 500, not carried out"
    DELAYED = "up to 1 s late"
    FAILED_AFTER_COMMIT = "carried out, then 500: the proxy sends it again"


# Each kind of a leg is as likely as the others.
MIX: Final[Mapping[Leg, tuple[Fault, ...]]] = {
    Leg.CLIENT: tuple(one for one in Fault if one is not Fault.FAILED_AFTER_COMMIT),
    Leg.SERVER: (Fault.FAILED_AFTER_COMMIT,),
}


@dataclass(frozen=True)
class Faults:
    """Which share of all requests meets a transient fault.

    Parameters
    ----------
    share
        Of the requests between client and proxy, from 0 to 1.
    seed
        Another one gives other faults.
    server_share
        Of the requests between proxy and server; ``share`` by default.

    Raises
    ------
    ConfigurationError
        When a share is not from 0 to 1.
    """

    share: float
    seed: int = 1
    server_share: float | None = None

    def __post_init__(self) -> None:
        for share in (self.share, self.server_share or 0.0):
            if not 0.0 <= share <= 1.0:
                raise ConfigurationError(f"faults: {share} is no share; give a number from 0 to 1")

    def to_json(self) -> dict[str, Any]:
        """Give what a node process is told."""
        return asdict(self)

    def fate(self, leg: Leg, image: str, number: int) -> tuple[Fault | None, float]:
        """Say what becomes of a request.

        Parameters
        ----------
        leg
            Where.
        image
            Of the container that asks.
        number
            How many requests of that image there were on this leg before.

        Returns
        -------
        tuple
            The fault, ``None`` for none; and a uniform random number in [0, 1) for its details.
        """
        share = self.share if leg is Leg.CLIENT else self.server_share
        share = self.share if share is None else share
        digest = hashlib.sha256(f"{self.seed}:{leg.value}:{image}:{number}".encode()).digest()
        draw, which, detail = (
            int.from_bytes(digest[start : start + 6], "big") / 2**48 for start in (0, 6, 12)
        )
        if draw >= share:
            return None, detail
        mix = MIX[leg]
        return mix[int(which * len(mix))], detail


@dataclass(frozen=True)
class Handled:
    """A request that a front handled: ``fault`` is ``None`` where nothing happened to it."""

    leg: Leg
    image: str
    method: str
    path: str
    fault: Fault | None


class Fronts:
    """The fronts of one node, before its proxy and before the server.

    Parameters
    ----------
    faults
        What happens.
    directory
        Where each request is noted; :func:`journal` reads it.
    """

    def __init__(self, faults: Faults, directory: Path) -> None:
        self._faults = faults
        # Line by line, so that it can be read while the node runs.
        self._notes = (directory / _JOURNAL).open("a", buffering=1, encoding="utf-8")
        self._counts: dict[tuple[Leg, str], int] = {}
        self._lock = threading.Lock()

    def before_server(self, url: str) -> str:
        """Stand before the server; give the address that the proxy is to use."""
        parts = urlsplit(url)
        return f"http://127.0.0.1:{self._open(Leg.SERVER, parts.port or 80, 0)}{parts.path}"

    def before_proxy(self, proxy_port: int, port: int) -> int:
        """Stand before the proxy; give the port that containers are to use."""
        return self._open(Leg.CLIENT, proxy_port, port)

    def _open(self, leg: Leg, target: int, port: int) -> int:
        def answer(*connection: Any) -> _Handler:  # noqa: ANN401 - socketserver's own
            return _Handler(self, leg, target, *connection)

        front = _Front(("127.0.0.1", port), answer)
        threading.Thread(target=front.serve_forever, name=leg.value, daemon=True).start()
        return int(front.server_address[1])

    def next_fate(self, leg: Leg, image: str, method: str, path: str) -> tuple[Fault | None, float]:
        """Say what becomes of the request that has come, and note it."""
        with self._lock:
            number = self._counts.get((leg, image), 0)
            self._counts[leg, image] = number + 1
            fault, detail = self._faults.fate(leg, image, number)
            note = [leg.name, image, method, path, fault.name if fault else None]
            self._notes.write(json.dumps(note) + "\n")
        return fault, detail


def journal(directory: Path) -> Iterator[Handled]:
    """Read what the fronts of a sandbox in this directory have handled so far."""
    for path in sorted(directory.glob(f"node-*/{_JOURNAL}")):
        for line in path.read_text(encoding="utf-8").splitlines():
            leg, image, method, asked, fault = json.loads(line)
            yield Handled(Leg[leg], image, method, asked, Fault[fault] if fault else None)


class _Front(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128

    def shutdown_request(self, request: Any) -> None:  # noqa: ANN401 - socketserver's own
        """Close the connection, without the FIN that would come before a RST."""
        self.close_request(request)

    def handle_error(self, *_: object) -> None:
        """Say nothing: a client may leave whenever it likes."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def __init__(self, fronts: Fronts, leg: Leg, target: int, *connection: Any) -> None:  # noqa: ANN401 - socketserver's own
        self._fronts = fronts
        self._leg = leg
        self._target = target
        super().__init__(*connection)

    def log_message(self, *_: object) -> None:
        """Say nothing: the journal has it."""

    def _serve(self) -> None:
        body = self._read_body()
        image = _image_of(self.headers.get("Authorization", ""))
        path = urlsplit(self.path).path
        fault, detail = self._fronts.next_fate(self._leg, image, self.command, path)
        invented = _INVENTED.get(fault) if fault else None
        if fault is Fault.RESET:
            self._reset()
        elif invented:
            status, kind, content = invented
            more = {"Retry-After": str(round(detail))} if fault is Fault.UNAVAILABLE else {}
            self._answer(status, {"Content-Type": kind, **more}, content)
        else:
            if fault is Fault.DELAYED:
                time.sleep(detail * _LONGEST_DELAY)
            self._carry_out(body, fault)

    def _read_body(self) -> bytes | Iterator[bytes]:
        """Read the whole body; one that came in chunks goes on in chunks."""
        if self.headers.get("Transfer-Encoding", "").lower() != "chunked":
            return self.rfile.read(int(self.headers.get("Content-Length") or 0))
        parts = []
        while size := int(self.rfile.readline().split(b";")[0], 16):
            parts.append(self.rfile.read(size))
            self.rfile.readline()
        self.rfile.readline()
        return iter(parts)

    do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = _serve  # noqa: N815 - http.server's names

    def _carry_out(self, body: bytes | Iterator[bytes], fault: Fault | None) -> None:
        try:
            status, headers, content = self._forward(body)
        except (OSError, http.client.HTTPException):
            # Behind this front somebody is away: for the client it is the front's connection.
            self._reset()
            return
        if fault is Fault.ANSWER_LOST:
            self._reset()
        elif fault is Fault.GATEWAY_TIMEOUT:
            self._answer(504, {"Content-Type": "text/plain"}, b"upstream request timeout")
        elif fault is Fault.FAILED_AFTER_COMMIT:
            self._answer(500, {"Content-Type": "application/json"}, b'{"msg": "after commit"}')
        else:
            self._answer(status, headers, content, halved=fault is Fault.TRUNCATED)

    def _forward(self, body: bytes | Iterator[bytes]) -> tuple[int, dict[str, str], bytes]:
        # Without a timeout, like the real proxy.
        with contextlib.closing(http.client.HTTPConnection("127.0.0.1", self._target)) as onward:
            headers = _end_to_end(dict(self.headers.items()))
            chunked = not isinstance(body, bytes)
            if chunked:
                headers["Transfer-Encoding"] = "chunked"
            onward.request(self.command, self.path, body or None, headers, encode_chunked=chunked)
            response = onward.getresponse()
            answered = _end_to_end(dict(response.getheaders()))
            if response.getheader("Transfer-Encoding"):
                # A blob: the real proxy hands its length on, though it decrypts the body.
                answered["Transfer-Encoding"] = "chunked"
            return response.status, answered, response.read()

    def _answer(
        self, status: int, headers: Mapping[str, str], content: bytes, *, halved: bool = False
    ) -> None:
        self.send_response_only(status)
        for name, value in headers.items():
            self.send_header(name, value)
        sent = content[: len(content) // 2] if halved else content
        if "Transfer-Encoding" in headers:
            last = b"" if halved else b"0\r\n\r\n"
            sent = (b"%x\r\n%b\r\n" % (len(sent), sent) if sent else b"") + last
        else:
            self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(sent)
        if halved:
            self.close_connection = True

    def _reset(self) -> None:
        # A socket that lingers for no time is closed by a RST instead of a FIN.
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.close_connection = True


def _end_to_end(headers: Mapping[str, str]) -> dict[str, str]:
    return {name: value for name, value in headers.items() if name.lower() not in _HOP_BY_HOP}


def _image_of(authorization: str) -> str:
    """Read the image from a container's token; empty for any other."""
    try:
        payload = authorization.split(".")[1]
        document = json.loads(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))
        return str(document["sub"]["image"])
    except (IndexError, KeyError, TypeError, ValueError):
        return ""


_INVENTED: Final[Mapping[Fault, tuple[int, str, bytes]]] = {
    Fault.BAD_GATEWAY: (502, "text/html", _HTML),
    Fault.UNAVAILABLE: (503, "application/json", b'{"msg": "busy"}'),
    Fault.GARBAGE: (200, "application/json", b'{"data": [{"id": 1, "sta'),
    Fault.MASKED: (500, "application/json", _MASK),
}
