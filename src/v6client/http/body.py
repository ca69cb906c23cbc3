"""Bodies of requests: encoded once, sent any number of times, long parts held once."""

from __future__ import annotations

import json
import secrets
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from v6client.errors import InvalidArgument

# Shorter parts are sent as one: a body that fits a few packets should be a few packets.
_SHORT: Final = 1 << 20


@dataclass(frozen=True, slots=True)
class Ascii:
    """A long text in a document, held once however often it is there.

    Parameters
    ----------
    content
        Printable ASCII without quotes and backslashes, such as base64: JSON holds it as it is.
    """

    content: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class Pieces:
    """A body of a known length, in pieces, that can be sent again from the start."""

    parts: Sequence[bytes] = field(repr=False)

    def __len__(self) -> int:
        return sum(map(len, self.parts))

    def __iter__(self) -> Iterator[bytes]:
        return iter(self.parts)


@dataclass(frozen=True, slots=True)
class Stream:
    """A body without a known length, sent in chunks, that can be made again from the start.

    Parameters
    ----------
    again
        Makes its parts, from the first one.
    """

    again: Callable[[], Iterator[bytes]] = field(repr=False)

    def __iter__(self) -> Iterator[bytes]:
        # An empty chunk would be read as the end of the body.
        return (part for part in self.again() if part)


Body = bytes | Pieces | Stream


def encode(document: Mapping[str, Any]) -> bytes | Pieces:
    """Encode a document as JSON.

    Parameters
    ----------
    document
        JSON, besides :class:`Ascii` in the place of strings.

    Raises
    ------
    InvalidArgument
        When it holds what JSON cannot.
    """
    long: list[bytes] = []
    # Nobody else can have written this text, so it stands for the long one.
    mark = secrets.token_hex(16)

    def held_apart(value: object) -> str:
        if not isinstance(value, Ascii):
            raise TypeError
        long.append(value.content)
        return mark

    try:
        text = json.dumps(document, default=held_apart).encode()
    except (TypeError, ValueError, RecursionError) as error:
        reason = type(error).__name__
    else:
        return _joined(text.split(mark.encode()), long)
    raise InvalidArgument(
        f"the body cannot be encoded as JSON ({reason}). Nothing was sent. Use dict, list, str, "
        "int, float, bool and None only."
    )


def size_of(body: Body | None) -> int | None:
    """Give a body's length, where it is known."""
    return None if body is None or isinstance(body, Stream) else len(body)


def _joined(between: Sequence[bytes], long: Sequence[bytes]) -> bytes | Pieces:
    parts = [between[0]]
    for text, after in zip(long, between[1:], strict=True):
        parts += [text, after]
    whole = Pieces(parts)
    return b"".join(parts) if len(whole) < _SHORT else whole
