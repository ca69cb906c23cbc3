"""Base64, as every payload travels: by pybase64 where that is installed (the extra ``fast``).

Decoding is half of what a large result costs. pybase64 uses the processor's vector instructions;
what it accepts and gives is the same, which tests hold.
"""

from __future__ import annotations

import base64
import binascii
import contextlib
import importlib
from typing import Any

_library: Any = base64
with contextlib.suppress(ImportError):
    _library = importlib.import_module("pybase64")


def encode(data: bytes) -> bytes:
    """Encode bytes."""
    encoded: bytes = _library.b64encode(data)
    return encoded


def decode(text: bytes | memoryview) -> bytes:
    """Decode a text that has to be base64 from its first letter to its last.

    Raises
    ------
    binascii.Error
        When it is not: another letter, a line break, padding missing or within. So is a text whose
        length is no multiple of four: Python's own decoder lets some of those pass.
    """
    if len(text) % 4:
        raise binascii.Error
    decoded: bytes = _library.b64decode(text, validate=True)
    return decoded
