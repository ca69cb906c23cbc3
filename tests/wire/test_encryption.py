"""setup_encryption and decrypt: the key at the server, and run data."""

from __future__ import annotations

import base64
import json
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import ClientOf
from tests.peer import Answer, Received, answer, masked, peer, reset_after_reading
from v6client import ConnectionFailed, EncryptionError, Forbidden
from v6client.payload.cryptor import (
    encrypt,
    encrypt_stream,
    new_private_key,
    private_key_pem,
    public_key_text,
)

OURS, ANOTHER = new_private_key(2048), new_private_key(2048)
OUR_KEY, ANOTHER_KEY = (public_key_text(one.public_key()) for one in (OURS, ANOTHER))


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "key.pem"
    path.write_bytes(private_key_pem(OURS))
    path.chmod(0o600)
    return path


def has(key: object) -> Answer:
    return answer({"id": 2, "name": "hospital", "public_key": key})


def crlf(key: str) -> str:
    """Write a key as another system would: base64 of PEM with other line ends."""
    return base64.b64encode(base64.b64decode(key).replace(b"\n", b"\r\n")).decode()


@pytest.mark.parametrize("key", [OUR_KEY, crlf(OUR_KEY)])
def test_a_key_that_the_server_has(client_of: ClientOf, file: Path, key: str) -> None:
    with peer(has(key)) as server:
        client = client_of(server)
        client.setup_encryption(str(file))
    assert [(one.method, one.path) for one in server.received] == [("GET", "/organization/2")]
    assert client.cryptor is not None
    assert client.decrypt(encrypt(b'{"a": 1}', OURS.public_key())) == b'{"a": 1}'
    blob = b"".join(encrypt_stream([b'{"a"', b": 1}"], OURS.public_key()))
    assert client.decrypt(blob) == b'{"a": 1}'


@pytest.mark.parametrize("key", [ANOTHER_KEY, "", None, "nonsense"])
def test_a_key_is_uploaded_where_the_role_allows_it(
    client_of: ClientOf, file: Path, key: object
) -> None:
    with peer(has(key), has(OUR_KEY), has(OUR_KEY)) as server:
        client = client_of(server)
        client.setup_encryption(file)
    change = server.received[1]
    assert (change.method, change.path) == ("PATCH", "/organization/2")
    assert json.loads(change.body) == {"public_key": OUR_KEY}
    assert client.cryptor is not None


@pytest.mark.parametrize("refusal", [masked(), answer({"msg": "canary"}, 403), has(ANOTHER_KEY)])
@pytest.mark.parametrize(("key", "there"), [(ANOTHER_KEY, "another public key"), ("", "no public")])
def test_a_role_that_may_not_is_told(
    client_of: ClientOf, file: Path, refusal: Answer, key: str, there: str
) -> None:
    def respond(request: Received) -> Answer:
        return refusal if request.method == "PATCH" else has(key)

    with peer() as server:
        server.by_request = respond
        client = client_of(server)
        with pytest.raises(EncryptionError, match=there) as caught:
            client.setup_encryption(file)
    assert "canary" not in str(caught.value)
    assert client.cryptor is None
    assert sum(one.method == "PATCH" for one in server.received) == 1


def test_an_upload_whose_answer_is_lost_counts_if_it_was_made(
    client_of: ClientOf, file: Path
) -> None:
    with peer(has(""), reset_after_reading, has(OUR_KEY)) as server:
        client_of(server).setup_encryption(file)
    with peer(has(""), reset_after_reading, has("")) as server:
        with pytest.raises(ConnectionFailed):
            client_of(server).setup_encryption(file)


def test_a_refused_question_is_its_own_error(client_of: ClientOf, file: Path) -> None:
    with peer(answer({"msg": "no"}, 403)) as server, pytest.raises(Forbidden):
        client_of(server).setup_encryption(file)


def test_a_bad_file_asks_nothing(client_of: ClientOf, tmp_path: Path) -> None:
    with peer() as server, pytest.raises(EncryptionError, match="no file"):
        client_of(server).setup_encryption(tmp_path / "missing.pem")
    assert server.received == []


def test_without_encryption_run_data_is_base64(client_of: ClientOf) -> None:
    with peer() as server:
        client = client_of(server)
        with pytest.raises(EncryptionError, match="setup_encryption"):
            client.decrypt("e30=")
        client.setup_encryption(None)
        assert client.cryptor is not None
        assert client.decrypt("e30=") == client.decrypt(b"e30=") == b"{}"
        assert client.cryptor.encrypt(b"{}", "") == "e30="
        for wrong in ("a$b$c", "ä", b"\xff"):
            with pytest.raises(EncryptionError, match="private key instead of None"):
                client.decrypt(wrong)
    assert server.received == []


@pytest.mark.parametrize(
    "data",
    [
        encrypt(b"canary, long", ANOTHER.public_key()),
        b"".join(encrypt_stream([b"canary, long"], ANOTHER.public_key())),
        *["", b"", "e30=", "a$b$c", "ä$b$c", b"a$b$c", b"x" * 100_000, 5, None],
    ],
)
def test_what_is_not_for_us_is_told(client_of: ClientOf, file: Path, data: Any) -> None:
    with peer(has(OUR_KEY)) as server:
        client = client_of(server)
        client.setup_encryption(file)
    try:
        found = client.decrypt(data)
    except EncryptionError:
        return
    # A padding that fits by chance: one message of thousands for another key comes out as noise.
    assert found != b"canary, long"


def test_a_cryptor_changes_nothing_in_what_is_sent(client_of: ClientOf, file: Path) -> None:
    """The node's proxy encrypts: an input that comes encrypted would be encrypted twice."""
    with peer(
        has(OUR_KEY), answer({"blob_store_enabled": False}), answer({"id": 8}, 201)
    ) as server:
        client = client_of(server)
        client.setup_encryption(file)
        client.task.create({"method": "echo"}, [2])
    [body] = server.bodies()
    assert json.loads(base64.b64decode(body["organizations"][0]["input"])) == {"method": "echo"}
