"""A server of results on 127.0.0.1: it sends bytes that it has, and computes nothing."""

from __future__ import annotations

import json
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Final
from urllib.parse import parse_qs, urlsplit

from benchmarks.payload.scenarios import SCENARIOS

_ROWS_A_PAGE: Final = 10


def page(texts: list[bytes], number: int, size: int) -> list[bytes]:
    """Give the parts of one page's document, as the node's proxy writes it."""
    first = (number - 1) * size
    some = texts[first : first + size]
    links = {"next": "there is more"} if first + size < len(texts) else {}
    parts = [b'{"data": [']
    for place, text in enumerate(some, first + 1):
        head = {"id": place, "blob_storage_used": False, "run": {"id": place}}
        parts += [json.dumps(head).encode()[:-1], b', "result": "', text, b'"}, ']
    # Without the comma after the last one.
    parts[-1] = b'"}'
    return [*parts, b'], "links": ' + json.dumps(links).encode() + b"}"]


class Handler(BaseHTTPRequestHandler):
    """Answers ``GET /result?task_id=``."""

    protocol_version = "HTTP/1.1"
    texts: Final[dict[int, list[bytes]]] = {}

    def do_GET(self) -> None:
        """Answer."""
        query = {name: value[0] for name, value in parse_qs(urlsplit(self.path).query).items()}
        parts = page(
            self.texts[int(query["task_id"])],
            int(query.get("page", "1")),
            int(query.get("per_page", _ROWS_A_PAGE)),
        )
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(sum(map(len, parts))))
        self.end_headers()
        for part in parts:
            self.wfile.write(part)

    def log_message(self, *_: object) -> None:
        """Say nothing."""


def main() -> None:
    """Serve until standard input ends."""
    Handler.texts.update((one.task_id, one.texts()) for one in SCENARIOS)
    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    sys.stdout.write(f"{server.server_address[1]}\n")
    sys.stdout.flush()
    threading.Thread(target=server.serve_forever, daemon=True).start()
    sys.stdin.read()


if __name__ == "__main__":
    main()
