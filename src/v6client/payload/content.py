"""Content: a long payload that is decoded while it comes, and held once."""

from __future__ import annotations

import binascii
import json
from typing import Any, Final

from v6client.errors import ResultError
from v6client.payload import base64_text

LONGEST_HEAD: Final = 4096
"""Bytes from which it can be told whether a payload is encrypted."""


class Loadable:
    """A payload that is not a text: it stands in a row for its result.

    Attributes
    ----------
    head
        How it began when it came.
    received
        Bytes that came over the wire for it, whatever they are worth.
    """

    def __init__(self) -> None:
        self.head = b""
        self.received = 0

    def load(self) -> Any:  # noqa: ANN401 - JSON
        """Decode the JSON document that it is."""
        raise NotImplementedError


class Skipped(Loadable):
    """A payload that nobody wants to read: only its length is kept."""

    def add_encoded(self, part: bytes) -> None:
        """Count the next part."""
        self.received += len(part)

    def finish(self) -> None:
        """Take note of the end."""


class Content(Loadable):
    """The bytes of a payload, which can be taken out of it once.

    A result of hundreds of megabytes is not to be there as base64, as bytes, as text and as
    objects at the same time: each form is given up for the next.
    """

    def __init__(self) -> None:
        super().__init__()
        self._data: bytearray | None = bytearray()

    # No __len__: a content is never false, also not where it has nothing that could be decoded.
    @property
    def size(self) -> int:
        """Its bytes so far; none once it was given up."""
        return 0 if self._data is None else len(self._data)

    def add(self, part: bytes) -> None:
        """Take the next part."""
        self._note(part)
        self._grow(part)

    def load(self) -> Any:  # noqa: ANN401 - JSON
        """Decode the JSON document that it is, and give it up.

        Raises
        ------
        binascii.Error
            When it came as base64, and was none.
        UnicodeDecodeError, ValueError, RecursionError
            When it is none; as ``json.loads`` raises them.
        """
        return json.loads(self._text())

    def _note(self, part: bytes) -> None:
        self.received += len(part)
        if len(self.head) < LONGEST_HEAD:
            self.head += part[: LONGEST_HEAD - len(self.head)]

    def _grow(self, part: bytes) -> None:
        if self._data is not None:
            self._data += part

    def take(self) -> bytearray:
        """Give the bytes, and give them up.

        Raises
        ------
        ResultError
            When that was done before.
        """
        data, self._data = self._data, None
        if data is None:
            raise ResultError("this result was decoded before: fetch it again.")
        return data

    def _text(self) -> str:
        data = self.take()
        # As json.loads decodes bytes, of which it would keep its own copy.
        return data.decode(json.detect_encoding(bytes(data[:8])), "surrogatepass")


class Base64Content(Content):
    """A content that comes as base64."""

    def __init__(self) -> None:
        super().__init__()
        self._incomplete = b""
        self._is_damaged = False
        self._has_ended = False

    def add_encoded(self, part: bytes) -> None:
        """Take the next part of the base64 text; what is none is told by :meth:`finish`."""
        self._note(part)
        if self._is_damaged:
            return
        # Four letters are three bytes; what is left over waits for the next part.
        missing = -len(self._incomplete) % 4 if self._incomplete else 0
        whole = memoryview(part)[missing:]
        usable = len(whole) - len(whole) % 4
        first = self._incomplete + part[:missing]
        if len(first) % 4:
            self._incomplete = first
            return
        self._incomplete = bytes(whole[usable:])
        for letters in (first, whole[:usable]):
            self._decode(letters)

    def finish(self) -> None:
        """Take note of the end.

        A text that is not base64 is told later, by :meth:`load`: it is one result of many.
        """
        if self._incomplete:
            self._is_damaged = True

    def take(self) -> bytearray:
        """Give the bytes, and give them up.

        Raises
        ------
        binascii.Error
            When the text was not base64.
        ResultError
            When that was done before.
        """
        if self._is_damaged:
            raise binascii.Error
        return super().take()

    def _decode(self, letters: bytes | memoryview) -> None:
        if not letters:
            return
        try:
            plain = base64_text.decode(letters)
        except binascii.Error:
            plain = b""
        # Nothing follows a padding: three letters of four that gave less were the last ones.
        if not plain or self._has_ended:
            self._is_damaged = True
            self._data = None
            return
        self._has_ended = len(plain) * 4 != len(letters) * 3
        self._grow(plain)
