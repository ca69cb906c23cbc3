"""What is fed with broken payloads, what those are made of, and what has to hold."""

from __future__ import annotations

import base64
import contextlib
import gzip
import json
import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final

import urllib3
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from hypothesis import strategies as st

from v6client import EncryptionError, InvalidArgument, ResultError
from v6client.http.reader import Json, Reader, read_all
from v6client.payload import rows
from v6client.payload.codec import decode_result, encode_input
from v6client.payload.content import Base64Content
from v6client.payload.cryptor import (
    decrypt,
    decrypt_stream,
    encrypt,
    encrypt_stream,
    load_public_key,
    new_private_key,
    private_key_pem,
    public_key_text,
)
from v6client.payload.private_key import load_private_key
from v6client.tasks.results import decode_row

KEY, ANOTHER = new_private_key(2048), new_private_key(2048)
_FACTS: Final[dict[str, Any]] = {"task_id": 1, "run_id": 2, "organization_id": 3}
_LIMIT: Final = 1 << 16

Edit = tuple[str, int, bytes]
EDITS = st.lists(
    st.tuples(
        st.sampled_from(["cut", "replace", "insert", "repeat", "drop"]),
        st.integers(0, 5000),
        st.binary(max_size=6)
        | st.sampled_from([b"$", b'"', b"\\", b"=", b"[" * 50, b'"result": "']),
    ),
    max_size=4,
)


def edited(payload: bytes, edits: Sequence[Edit]) -> bytes:
    """Break a payload."""
    for kind, where, what in edits:
        place = where % (len(payload) + 1)
        before, after = payload[:place], payload[place:]
        payload = {
            "cut": before,
            "replace": before + what + after[len(what) :],
            "insert": before + what + after,
            "repeat": before + after[:20] * 3 + after,
            "drop": before + after[1 + len(what) :],
        }[kind]
    return payload


@dataclass(frozen=True)
class Target:
    """One thing that reads payloads.

    Parameters
    ----------
    name
        What it is.
    payloads
        Sound ones, which are broken.
    check
        Reads one, in parts of so many bytes, and fails where something else than a value or one
        of our errors comes of it.
    share
        How many of the cases it gets, to one of the others: to check a private key takes long.
    """

    name: str
    payloads: Sequence[bytes]
    check: Callable[[bytes, int], None]
    share: float = 1.0


def _parts(payload: bytes, size: int) -> Iterator[bytes]:
    return (payload[start : start + size] for start in range(0, len(payload), size))


def _outcome(result: Any) -> str:
    try:
        return repr(decode_result(result, **_FACTS))
    except ResultError as error:
        failure = error
    assert failure.__context__ is None
    return str(failure)


def result(payload: bytes, size: int) -> None:
    """Read a result as a whole and in parts: the same comes of both."""
    content = Base64Content()
    for part in _parts(payload, size):
        content.add_encoded(part)
    content.finish()
    assert _outcome(content) == _outcome(payload.decode("latin-1"))


def _read(reader: Reader, payload: bytes, size: int) -> Any:
    """Give the document; nothing where it is refused."""
    for part in _parts(payload, size):
        reader.feed(part)
    try:
        return reader.close()
    except (ValueError, RecursionError):
        return None


def page(payload: bytes, size: int) -> None:
    """Read a page of results in parts: never another value than json.loads finds."""
    document = _read(rows.ResultRows(), payload, size)
    if document is None:
        return
    found = _results(document)
    try:
        expected = _results(json.loads(payload))
    except ValueError:
        # What is no JSON is a damaged result within a sound document.
        assert any(one.startswith(_ERROR) for one in found)
        return
    assert len(found) == len(expected)
    for ours, theirs in zip(found, expected, strict=True):
        # A long result with JSON's escapes in it, which no server writes, is refused.
        assert ours == theirs or ours.startswith(_ERROR)


def runs(payload: bytes, size: int) -> None:
    """Read a page of runs in parts: the rows that json.loads finds, but for long inputs."""
    document = _read(rows.RunRows(), payload, size)
    if document is None:
        return
    # What is no JSON is within an input that nobody reads.
    with contextlib.suppress(ValueError):
        assert repr(_without_inputs(document)) == repr(_without_inputs(json.loads(payload)))


def _without_inputs(document: Any) -> Any:
    data = document.get("data") if isinstance(document, dict) else None
    for row in data if isinstance(data, list) else ():
        if isinstance(row, dict):
            row.pop("input", None)
    return document


_ERROR: Final = "the result of run", "run 1 (task 1)"


def _results(document: Any) -> list[str]:
    data = document.get("data") if isinstance(document, dict) else None
    return [_row(row) for row in data if isinstance(row, dict)] if isinstance(data, list) else []


def _row(row: Any) -> str:
    try:
        return repr(decode_row(row, 1, 1, None))
    except ResultError as error:
        return str(error)


def message(payload: bytes, _: int) -> None:
    """Decrypt a message: never more than came."""
    with contextlib.suppress(EncryptionError):
        assert len(decrypt(payload.decode("latin-1"), KEY)) <= len(payload)


def blob(payload: bytes, size: int) -> None:
    """Decrypt a blob: never more than came."""
    with contextlib.suppress(EncryptionError):
        assert len(b"".join(decrypt_stream(_parts(payload, size), KEY))) <= len(payload)


def key(payload: bytes, _: int) -> None:
    """Read keys."""
    with contextlib.suppress(EncryptionError):
        assert load_private_key(payload).key_size > 0
    with contextlib.suppress(EncryptionError):
        assert load_public_key(payload.decode("latin-1")).key_size > 0


def packed(payload: bytes, size: int) -> None:
    """Read a compressed body: never beyond the limit."""

    class Response:
        headers: Final = {"Content-Encoding": "gzip"}

        def stream(self, *_: object, **__: object) -> Iterator[bytes]:
            return _parts(payload, size)

    class Counting(Json):
        longest = 0

        def feed(self, part: bytes) -> None:
            self.longest += len(part)

    reader = Counting()
    with contextlib.suppress(urllib3.exceptions.HTTPError):
        read_all(Response(), reader, limit=_LIMIT)  # type: ignore[arg-type]
    assert reader.longest <= _LIMIT


def given_input(payload: bytes, _: int) -> None:
    """Take bytes for an input."""
    with contextlib.suppress(InvalidArgument):
        assert base64.b64decode(encode_input(payload), validate=True) is not None


_VALUES: Final[Sequence[Any]] = (
    *(None, 0, [], {}, "result", 2**70, math.nan, 1e300, "ä€𝄞", [[[[[]]]]]),
    {"result": "x", "data": [{"result": "y" * 50}]},
    [0.1] * 20,
)
_JSON: Final = [json.dumps(value).encode() for value in _VALUES]
_RESULTS: Final = [base64.b64encode(text) for text in _JSON]
_SEALED: Final = [
    encrypt(text, some.public_key()).encode() for text in _JSON[:4] for some in (KEY, ANOTHER)
]
_PAGES: Final = [
    json.dumps(
        {"data": [{"id": 1, "result": text.decode()}, {"id": 2, "result": None}], "links": {}}
    ).encode()
    for text in [*_RESULTS, *_SEALED]
]

TARGETS: Final[Sequence[Target]] = (
    Target("result", [*_RESULTS, *_SEALED], result),
    Target("page", _PAGES, page),
    Target("runs", [one.replace(b'"result"', b'"input"') for one in _PAGES], runs),
    Target("message", _SEALED, message),
    Target(
        "blob",
        [
            b"".join(encrypt_stream([text], some.public_key()))
            for text in _JSON[:4]
            for some in (KEY, ANOTHER)
        ],
        blob,
    ),
    Target(
        "key",
        [
            private_key_pem(KEY),
            KEY.private_bytes(Encoding.PEM, PrivateFormat.OpenSSH, NoEncryption()),
            public_key_text(KEY.public_key()).encode(),
        ],
        key,
        0.05,
    ),
    Target("packed", [gzip.compress(b"x" * size) for size in (0, 100, 1 << 22)], packed),
    Target("input", [*_RESULTS, *_SEALED, *map(base64.b64encode, _SEALED)], given_input),
)


def shorten(patch: Callable[[object, str, int], None]) -> None:
    """Let the reader of pages take short results for long ones, so that small pages show all."""
    patch(rows, "_LONG", 8)
    patch(rows, "_STEP", 1)
