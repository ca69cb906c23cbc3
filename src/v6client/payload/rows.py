"""Rows with long payloads: those are taken out while they come, the rest is read as JSON."""

from __future__ import annotations

import json
import re
import secrets
from collections.abc import Callable, Mapping
from typing import Any, Final

from v6client.payload.content import Base64Content, Loadable, Skipped

_LONGEST_KEY: Final = len(b'\\"result" : "')
# Shorter payloads are read as any other string.
_LONG: Final = 1 << 16
_STEP: Final = 1 << 16


def weight(row: Mapping[str, Any]) -> int:
    """Tell how many bytes of a page were a row's result."""
    result = row.get("result")
    if isinstance(result, Loadable):
        return result.received
    return len(result) if isinstance(result, str) else 0


def input_weight(row: Mapping[str, Any]) -> int:
    """Tell how many bytes of a page were a run's input."""
    given = row.get("input")
    return given.received if isinstance(given, Loadable) else len(str(given or ""))


class _Rows:
    """Reads a page whose rows have a payload.

    Parameters
    ----------
    key
        By which a row has it.
    new
        Makes what takes a long one.
    """

    def __init__(self, key: str, new: Callable[[], Base64Content | Skipped]) -> None:
        self._key = key
        self._new = new
        # A key of a JSON object: inside a string its quotes would have a backslash before them.
        self._begin = re.compile(rb'(?<!\\)"%b" ?: ?"' % key.encode())
        self._mark = secrets.token_hex(16).encode()
        self._waiting = bytearray()
        self._kept = bytearray()
        self._long: list[Base64Content | Skipped] = []
        self._is_inside = False

    def feed(self, part: bytes) -> None:
        """Take the next part of the document."""
        if self._is_inside:
            part = self._rest_of_payload(part)
        self._waiting += part
        # Small parts are gathered: what waits is looked through from its start.
        if len(self._waiting) >= _STEP:
            self._look_through()

    def close(self) -> Any:  # noqa: ANN401 - JSON
        """Give the document.

        Raises
        ------
        ValueError, RecursionError
            When it is no JSON, or has long payloads elsewhere than in its rows.
        """
        self._look_through()
        self._kept += self._waiting
        document = json.loads(self._kept)
        if self._long:
            self._put_back(document)
        return document

    def _look_through(self) -> None:
        """Find the long payloads in what waits; keep what is none."""
        text = bytes(self._waiting)
        done = 0
        while match := self._begin.search(text, done):
            start = match.end()
            end = text.find(b'"', start)
            if end < 0 and len(text) - start < _LONG:
                # Its end tells whether it is a long one.
                self._kept += text[done : match.start()]
                self._waiting[:] = text[match.start() :]
                return
            if 0 <= end < start + _LONG:
                self._kept += text[done:end]
                done = end
                continue
            # In its place is its number, under a name that nobody else can know.
            self._kept += text[done : start - 1] + b'{"%s": %d}' % (self._mark, len(self._long))
            self._long.append(self._new())
            self._is_inside = True
            rest = self._rest_of_payload(text[start:])
            done = len(text) - len(rest)
            if self._is_inside:
                break
        tail = len(text) if self._is_inside else max(done, len(text) - _LONGEST_KEY)
        self._kept += text[done:tail]
        self._waiting[:] = text[tail:]

    def _rest_of_payload(self, part: bytes) -> bytes:
        """Take what belongs to the long payload that has begun; give what follows it."""
        end = part.find(b'"')
        content = self._long[-1]
        content.add_encoded(part if end < 0 else part[:end])
        if end < 0:
            return b""
        content.finish()
        self._is_inside = False
        return part[end + 1 :]

    def _put_back(self, document: Any) -> None:  # noqa: ANN401 - JSON
        missing = dict(enumerate(self._long))
        rows = document.get("data") if isinstance(document, dict) else None
        for row in rows if isinstance(rows, list) else ():
            mark = row.get(self._key) if isinstance(row, dict) else None
            if isinstance(mark, dict) and mark.keys() == {self._mark.decode()}:
                row[self._key] = missing.pop(mark[self._mark.decode()])
        if missing:
            raise ValueError("a long payload outside of a row")


class ResultRows(_Rows):
    """Reads a page of ``GET result``.

    The rows are those of the document, but a result of more than 64 kB is a
    :class:`~v6client.payload.content.Base64Content` instead of its text.
    """

    def __init__(self) -> None:
        super().__init__("result", Base64Content)


class RunRows(_Rows):
    """Reads a page of ``GET run`` for what the runs do, not for what they were given.

    Each row has its task's input once more: one of more than 64 kB is a
    :class:`~v6client.payload.content.Skipped` instead of its text.
    """

    def __init__(self) -> None:
        super().__init__("input", Skipped)
