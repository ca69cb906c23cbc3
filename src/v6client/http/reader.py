"""Readers: what becomes of an answer's body while it comes, so that it need not be held twice."""

from __future__ import annotations

import json
import zlib
from collections.abc import Iterator
from typing import Any, Final, Protocol

import urllib3

_PART: Final = 1 << 18
_HEAD: Final = 1 << 12
# gzip or zlib, told by the first bytes (zlib's manual, inflateInit2).
_EITHER: Final = 32 + zlib.MAX_WBITS


class Reader(Protocol):
    """Takes the body of a success, part by part. One attempt has one reader."""

    def feed(self, part: bytes) -> None:
        """Take the next part."""

    def close(self) -> Any:  # noqa: ANN401 - what the body stands for
        """Give what the body stands for.

        Raises
        ------
        ValueError, RecursionError
            When it is not what it should be.
        """


class Json:
    """The usual one: a JSON document."""

    def __init__(self) -> None:
        self._body = bytearray()

    def feed(self, part: bytes) -> None:
        """Take the next part."""
        # Grown in place; parts that are joined at the end would be there twice.
        self._body += part

    def close(self) -> Any:  # noqa: ANN401 - JSON
        """Give the decoded document."""
        return json.loads(self._body)


class Head:
    """The first bytes, for an error's body: enough to tell whose it is."""

    def __init__(self) -> None:
        self._head = b""

    def feed(self, part: bytes) -> None:
        """Take the next part."""
        if len(self._head) < _HEAD:
            self._head += part[:_HEAD]

    def close(self) -> bytes:
        """Give the first bytes."""
        return self._head


def read_all(response: urllib3.HTTPResponse, reader: Reader, *, limit: int) -> int | None:
    """Read a body to its end.

    Parameters
    ----------
    response
        The response, of which nothing has been read.
    reader
        Takes the body.
    limit
        Bytes. A longer body is left: so is one that is small on the wire and long once
        decompressed, of which never more than a part is in memory.

    Returns
    -------
    int or None
        The body's length, decompressed; ``None`` where it is longer than the limit.
    """
    size = 0
    for part in _plain_parts(response):
        size += len(part)
        if size > limit:
            return None
        reader.feed(part)
    return size


def _plain_parts(response: urllib3.HTTPResponse) -> Iterator[bytes]:
    parts = response.stream(_PART, decode_content=False)
    coding = response.headers.get("Content-Encoding", "").strip().lower()
    if coding not in {"gzip", "x-gzip", "deflate"}:
        # Another coding was not asked for; what it hides is no JSON.
        yield from parts
        return
    inflate = zlib.decompressobj(_EITHER)
    is_empty = True
    for part in parts:
        rest = part
        is_empty = False
        if inflate.eof and part:
            raise urllib3.exceptions.DecodeError("the compressed body goes on behind its end")
        while rest and not inflate.eof:
            yield _inflated(inflate, rest)
            rest = inflate.unconsumed_tail
        if inflate.unused_data:
            # gzip allows several members (RFC 1952); nobody here sends them, and none may be lost.
            raise urllib3.exceptions.DecodeError("the compressed body goes on behind its end")
    while not (inflate.eof or is_empty):
        last = _inflated(inflate, b"")
        if not last:
            raise urllib3.exceptions.ProtocolError("the compressed body ends early")
        yield last


def _inflated(inflate: Any, data: bytes) -> bytes:  # noqa: ANN401 - zlib names no type
    try:
        plain: bytes = inflate.decompress(data, _PART)
    except zlib.error:
        broken = True
    else:
        broken = False
    if broken:
        raise urllib3.exceptions.DecodeError("the body is not compressed as it says")
    return plain
