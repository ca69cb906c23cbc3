"""Bodies that a client must not take for whole, and what people watch of a transfer."""

from __future__ import annotations

import gzip
import socket
from dataclasses import replace

import pytest

from tests.conftest import QUICK, ClientOf
from tests.peer import Answer, answer, peer
from v6client import EncryptionError, RequestError
from v6client.payload import cryptor
from v6client.payload.encryption import Cryptor
from v6client.payload.transfer import Meter, Transfer

BLOB = "1b4e28ba-2fa1-11d2-883f-0016d3cca427"
GZIP = {"Content-Encoding": "gzip"}
ONCE = replace(QUICK, retry_budget=0)


def as_blob(raw: bytes, more: dict[str, str], status: int = 200) -> Answer:
    return answer(
        raw=raw, status=status, headers={"Content-Type": "application/octet-stream", **more}
    )


def until_closed(connection: socket.socket) -> bool:
    connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Type: application/octet-stream\r\n\r\n123")
    return False


@pytest.mark.parametrize(
    "cut",
    [
        as_blob(gzip.compress(b"1") + gzip.compress(b"2"), GZIP),
        as_blob(gzip.compress(b"1") + b"junk", GZIP),
        as_blob(b"1", {"Content-Range": "bytes 0-0/9"}, 206),
        until_closed,
    ],
)
def test_a_part_of_a_blob_is_no_blob(client_of: ClientOf, cut: Answer) -> None:
    with peer(cut) as server:
        with pytest.raises(RequestError):
            client_of(server, ONCE).blobs.download(BLOB)


def test_a_blob_keeps_to_the_time_that_it_has(client_of: ClientOf) -> None:
    with peer() as server:
        server.by_request = lambda _: server.hang
        patient = replace(ONCE, read_timeout=60, blob_deadline=600)
        with pytest.raises(RequestError) as caught:
            client_of(server, patient).blobs.download(BLOB, 0.3)
    assert caught.value.elapsed < 30


def test_who_watches_ends_no_transfer() -> None:
    told: list[Transfer] = []

    def closed(transfer: Transfer) -> None:
        told.append(transfer)
        raise BrokenPipeError

    meter = Meter(closed, "upload", 10, now=iter(range(0, 100, 10)).__next__)
    meter.count(5)
    meter.count(5)
    meter.complete()
    assert [one.done for one in told] == [5]


def test_the_str_of_a_run_as_bytes_is_told() -> None:
    key = cryptor.new_private_key()
    message = cryptor.encrypt(b"x" * 100, key.public_key())
    one = Cryptor(key)
    assert one.decrypt(message) == b"x" * 100
    with pytest.raises(EncryptionError, match="give the str"):
        one.decrypt(message.encode())


def test_a_damaged_message_keeps_nothing_of_it() -> None:
    with pytest.raises(EncryptionError) as caught:
        cryptor._from_base64("geheim: patiënt")
    assert (caught.value.__context__, caught.value.__cause__) == (None, None)
