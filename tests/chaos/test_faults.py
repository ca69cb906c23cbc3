"""The faults themselves: what a client sees of each, and that they are what the seed says."""

from __future__ import annotations

import base64
import http.client
import json
import threading
from collections import Counter
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from v6client.errors import ConfigurationError
from v6client.sandbox.faults import MIX, Fault, Faults, Fronts, Leg, journal

BODY = b'{"data": "what the other side says"}'
SEARCHED = 2000


def token(image: str) -> str:
    payload = json.dumps({"sub": {"image": image}}).encode()
    return f"Bearer x.{base64.urlsafe_b64encode(payload).decode().rstrip('=')}.x"


class Behind(ThreadingHTTPServer):
    """What stands behind a front; counts what it was asked."""

    daemon_threads = True

    def __init__(self) -> None:
        self.asked: list[tuple[str, str, bytes]] = []
        super().__init__(("127.0.0.1", 0), _Behind)
        threading.Thread(target=self.serve_forever, daemon=True).start()

    @property
    def port(self) -> int:
        return int(self.server_address[1])


class _Behind(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: Behind

    def log_message(self, *_: object) -> None:
        pass

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        self.server.asked.append((self.command, self.path, body))
        self.send_response(201)
        self.send_header("Content-Length", str(len(BODY)))
        self.send_header("Total-Count", "7")
        self.end_headers()
        self.wfile.write(BODY)

    do_GET = do_POST  # noqa: N815 - http.server's name


@pytest.fixture
def behind() -> Iterator[Behind]:
    server = Behind()
    yield server
    server.shutdown()
    server.server_close()


def image_that_meets(fault: Fault | None, faults: Faults, leg: Leg) -> str:
    """Find an image whose first request meets this fault."""
    names = (f"image-{number}" for number in range(SEARCHED))
    return next(one for one in names if faults.fate(leg, one, 0)[0] is fault)


def ask(port: int, image: str) -> tuple[int, http.client.HTTPMessage, bytes]:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    try:
        connection.request("POST", "/task?a=1", b"input", {"Authorization": token(image)})
        response = connection.getresponse()
        return response.status, response.headers, response.read()
    finally:
        connection.close()


@pytest.mark.parametrize("fault", [*MIX[Leg.CLIENT], None], ids=str)
def test_what_a_client_sees(fault: Fault | None, behind: Behind, tmp_path: Path) -> None:
    node = tmp_path / "node-1"
    node.mkdir()
    faults = Faults(0.5, seed=3)
    port = Fronts(faults, node).before_proxy(behind.port, 0)
    image = image_that_meets(fault, faults, Leg.CLIENT)
    seen: object
    try:
        seen = ask(port, image)
    except (OSError, http.client.HTTPException) as error:
        seen = error
    if fault in {Fault.RESET, Fault.ANSWER_LOST}:
        assert isinstance(seen, ConnectionResetError)
    elif fault is Fault.TRUNCATED:
        assert isinstance(seen, http.client.IncompleteRead)
        assert seen.partial == BODY[: len(BODY) // 2]
    else:
        assert isinstance(seen, tuple)
        status, headers, body = seen
        statuses = {
            Fault.BAD_GATEWAY: 502,
            Fault.UNAVAILABLE: 503,
            Fault.GATEWAY_TIMEOUT: 504,
            Fault.GARBAGE: 200,
            Fault.MASKED: 500,
        }
        assert status == statuses.get(fault, 201) if fault else 201
        if fault is Fault.UNAVAILABLE:
            assert headers["Retry-After"] in {"0", "1"}
        elif fault is Fault.MASKED:
            assert json.loads(body) == {"msg": "Request failed, see node logs"}
        elif fault in {Fault.DELAYED, None}:
            assert body == BODY
            assert headers["Total-Count"] == "7"
        else:
            with pytest.raises(ValueError, match=r"^(?!.*what the other side)"):
                json.loads(body)
    carried_out = fault is None or "not carried out" not in fault.value
    assert behind.asked == [("POST", "/task?a=1", b"input")] * carried_out
    [note] = journal(tmp_path)
    assert (note.leg, note.image, note.path) == (Leg.CLIENT, image, "/task")
    assert note.fault is fault


def test_a_commit_that_is_called_a_failure(behind: Behind, tmp_path: Path) -> None:
    faults = Faults(0.0, server_share=1.0)
    url = Fronts(faults, tmp_path).before_server(f"http://127.0.0.1:{behind.port}/api")
    assert url.endswith("/api")
    status, _, _ = ask(int(url.split(":")[2].split("/")[0]), "image")
    assert status == 500
    assert len(behind.asked) == 1


def test_a_kept_connection_outlives_the_faults_that_are_answers(
    behind: Behind, tmp_path: Path
) -> None:
    port = Fronts(Faults(0.0), tmp_path).before_proxy(behind.port, 0)
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    for _ in range(3):
        connection.request("GET", "/task")
        assert connection.getresponse().read() == BODY
    connection.close()
    assert len(behind.asked) == 3


def test_nobody_behind_is_a_reset(tmp_path: Path) -> None:
    server = Behind()
    server.shutdown()
    server.server_close()
    port = Fronts(Faults(0.0), tmp_path).before_proxy(server.port, 0)
    with pytest.raises(ConnectionResetError):
        ask(port, "image")


def test_the_share_is_met_and_each_kind_is_as_likely() -> None:
    faults = Faults(0.2, seed=9)
    count = 20000
    fates = Counter(faults.fate(Leg.CLIENT, "image", number)[0] for number in range(count))
    # Five standard deviations.
    assert abs(fates.pop(None) - 0.8 * count) < 5 * (count * 0.2 * 0.8) ** 0.5
    each = 0.2 * count / len(MIX[Leg.CLIENT])
    assert set(fates) == set(MIX[Leg.CLIENT])
    assert all(abs(one - each) < 5 * each**0.5 for one in fates.values())


def test_a_fate_depends_on_seed_leg_image_and_number_alone() -> None:
    def fates(seed: int, leg: Leg, image: str) -> list[object]:
        return [Faults(0.5, seed=seed).fate(leg, image, number) for number in range(50)]

    first = fates(1, Leg.CLIENT, "a")
    assert fates(1, Leg.CLIENT, "a") == first
    others = fates(2, Leg.CLIENT, "a"), fates(1, Leg.SERVER, "a"), fates(1, Leg.CLIENT, "b")
    assert all(other != first for other in others)


@pytest.mark.parametrize("share", [-0.1, 1.1, float("nan")])
def test_a_share_is_from_0_to_1(share: float) -> None:
    with pytest.raises(ConfigurationError, match="share"):
        Faults(share)
    with pytest.raises(ConfigurationError, match="share"):
        Faults(0.2, server_share=share)
