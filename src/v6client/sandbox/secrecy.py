"""How inputs and results travel: readable, or encrypted for one organization."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric import rsa

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
from v6client.sandbox.private_files import write_bytes

# Half of what vantage6 makes: it takes a tenth of the time, and guards nothing but examples.
_KEY_BITS = 2048


@dataclass(frozen=True)
class Secrecy:
    """What an organization does with payloads; without a key nothing is encrypted."""

    private_key: rsa.RSAPrivateKey | None = None

    @classmethod
    def of(cls, file: str | Path | None) -> Secrecy:
        """Read an organization's key, if there is one."""
        return cls(load_private_key(Path(file).read_bytes()) if file else None)

    @property
    def is_on(self) -> bool:
        """Whether payloads are encrypted."""
        return self.private_key is not None

    def seal(self, data: bytes, public_key: str) -> str:
        """Make of data what travels to the owner of a public key."""
        if self.private_key is None:
            return base64.b64encode(data).decode()
        return encrypt(data, load_public_key(public_key))

    def seal_parts(self, parts: Iterable[bytes], public_key: str) -> Iterator[bytes]:
        """Make of data what travels as a blob to the owner of a public key."""
        if self.private_key is None:
            return _in_fours(parts, 3, base64.b64encode)
        return encrypt_stream(parts, load_public_key(public_key))

    def open_parts(self, parts: Iterable[bytes]) -> Iterator[bytes]:
        """Make of a blob that travelled the data.

        Raises
        ------
        ValueError, EncryptionError
            While it is read, if it is nothing that the other side could have made.
        """
        if self.private_key is None:
            return _in_fours(parts, 4, base64.b64decode)
        return decrypt_stream(parts, self.private_key)

    def open(self, text: str) -> bytes:
        """Make of what travelled the data.

        Raises
        ------
        ValueError, EncryptionError
            If it is nothing that the other side could have made.
        """
        if self.private_key is None:
            return base64.b64decode(text)
        return _as_upstream_reads(decrypt(text, self.private_key))


def _in_fours(
    parts: Iterable[bytes], size: int, convert: Callable[[bytes], bytes]
) -> Iterator[bytes]:
    """Convert to or from base64 what can be: three bytes are four letters."""
    rest = b""
    for part in parts:
        whole = rest + part
        usable = len(whole) - len(whole) % size
        rest = whole[usable:]
        yield convert(whole[:usable])
    yield convert(rest)


def _as_upstream_reads(data: bytes) -> bytes:
    """Take what is no JSON for base64 once more, and fail at what is no text, as upstream does."""
    text = data.decode()
    try:
        json.loads(text)
    except json.JSONDecodeError:
        return base64.b64decode(text)
    return data


def make_keys(files: Sequence[Path]) -> None:
    """Write a new private key into each file that is not there; all at the same time."""

    def make(file: Path) -> None:
        write_bytes(file, private_key_pem(new_private_key(_KEY_BITS)))

    missing = [file for file in files if not file.exists()]
    if missing:
        with ThreadPoolExecutor() as pool:
            list(pool.map(make, missing))


def public_key_of(file: Path | None) -> str:
    """Give the public half of a private key, as the server keeps it; empty where there is none."""
    if file is None:
        return ""
    return public_key_text(load_private_key(file.read_bytes()).public_key())
