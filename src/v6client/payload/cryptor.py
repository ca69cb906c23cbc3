"""Encryption between organizations, in vantage6's format.

A message is ``base64(key) $ base64(iv) $ base64(text)``: the text is encrypted with AES-256 in CTR
mode under a random key and initialization vector, the key with the receiver's RSA key (PKCS #1
v1.5). So do vantage6's ``RSACryptor`` and its user interface. In a blob the text is not encoded:
``base64(key) $ base64(iv) $ text``, and it is encrypted and decrypted as it streams by.

The format has no authentication: a message that was changed on the way decrypts to something else,
and nobody notices. See docs/payloads.md for what follows.
"""

from __future__ import annotations

import base64
import binascii
import os
from collections.abc import Iterable, Iterator
from typing import Final

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

from v6client.errors import EncryptionError
from v6client.payload.content import Base64Content

SEPARATOR: Final = "$"
_KEY_BYTES: Final = 32
_IV_BYTES: Final = 16
# The key part of a message for an RSA key of 16384 bits has 2732 letters, the vector's 24.
_LONGEST_HEADER: Final = 4096
_PIECE: Final = 1 << 18
# What vantage6 itself makes; 2048 are enough where keys live for a test.
_KEY_BITS: Final = 4096
_EXPONENT: Final = 65537


def encrypt(data: bytes, public_key: rsa.RSAPublicKey) -> str:
    """Encrypt bytes for the owner of a key.

    Parameters
    ----------
    data
        What to encrypt; may be empty.
    public_key
        The receiver's key.

    Returns
    -------
    str
        The message.
    """
    header, cipher = _new_cipher(public_key)
    encryptor = cipher.encryptor()
    text = encryptor.update(data) + encryptor.finalize()
    return header.decode("ascii") + base64.b64encode(text).decode("ascii")


def encrypt_stream(parts: Iterable[bytes], public_key: rsa.RSAPublicKey) -> Iterator[bytes]:
    """Encrypt a blob as it streams by.

    Parameters
    ----------
    parts
        What to encrypt, in pieces of any size.
    public_key
        The receiver's key.

    Yields
    ------
    bytes
        The blob: its header, then a piece for each piece.
    """
    header, cipher = _new_cipher(public_key)
    yield header
    encryptor = cipher.encryptor()
    for part in parts:
        yield encryptor.update(part)


def decrypt(message: str, private_key: rsa.RSAPrivateKey) -> bytes:
    """Decrypt a message.

    The user interface of vantage6 encodes key and text with base64 before it encrypts them. Such
    a message is told by its key, which is 44 letters then, and decoded.

    Parameters
    ----------
    message
        What :func:`encrypt`, vantage6 or its user interface made.
    private_key
        The receiver's key.

    Returns
    -------
    bytes
        What was encrypted.

    Raises
    ------
    EncryptionError
        When it is no such message, or was encrypted for another key. A message for another key
        may also come out as something else.
    """
    # The text may be long: of it there is no further copy.
    begins = message[:_LONGEST_HEADER].split(SEPARATOR)
    parts = begins[:2]
    if message.count(SEPARATOR) != len(("key", "iv")) or len(begins) != len(("key", "iv", "text")):
        raise EncryptionError(
            "this is not encrypted: an encrypted message has three parts, separated by '$'. Check "
            "that the collaboration is encrypted and that the sender encrypts."
        )
    key, iv = (_from_base64(part) for part in parts)
    text = _from_long_base64(message, begin=len(SEPARATOR.join([*parts, ""])))
    cipher, by_user_interface = _cipher_of(key, iv, private_key)
    data = cipher.decryptor().update(text)
    return _from_base64(data.decode("latin-1")) if by_user_interface else data


def decrypt_stream(parts: Iterable[bytes], private_key: rsa.RSAPrivateKey) -> Iterator[bytes]:
    """Decrypt a blob as it streams by.

    Parameters
    ----------
    parts
        The blob, in pieces of any size.
    private_key
        The receiver's key.

    Yields
    ------
    bytes
        What was encrypted.

    Raises
    ------
    EncryptionError
        When it does not begin like a blob, or was encrypted for another key.
    """
    remaining = iter(parts)
    header = b""
    separator = SEPARATOR.encode()
    while header.count(separator) < len(("key", "iv")):
        part = next(remaining, None)
        if part is None or len(header) > _LONGEST_HEADER:
            raise EncryptionError(
                "this is no encrypted blob: one begins with a key and an initialization vector, "
                "each followed by '$'. Check that the collaboration is encrypted, and that the "
                "blob is complete."
            )
        header += part
    key, iv, first = header.split(separator, 2)
    cipher, _ = _cipher_of(
        _from_base64(key.decode("latin-1")), _from_base64(iv.decode("latin-1")), private_key
    )
    decryptor = cipher.decryptor()
    yield decryptor.update(first)
    for part in remaining:
        yield decryptor.update(part)


def new_private_key(bits: int = _KEY_BITS) -> rsa.RSAPrivateKey:
    """Make a key.

    Parameters
    ----------
    bits
        Its size; 4096 by default, as vantage6 has it.
    """
    return rsa.generate_private_key(public_exponent=_EXPONENT, key_size=bits)


def private_key_pem(key: rsa.RSAPrivateKey) -> bytes:
    """Give a private key as vantage6 keeps it in a file: PEM, without a password."""
    return key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.TraditionalOpenSSL,
        serialization.NoEncryption(),
    )


def public_key_text(key: rsa.RSAPublicKey) -> str:
    """Give a public key as the server keeps it with its organization: base64 of PEM."""
    pem = key.public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    return base64.b64encode(pem).decode("ascii")


def load_public_key(text: str) -> rsa.RSAPublicKey:
    """Read a public key as the server has it.

    Raises
    ------
    EncryptionError
        When it is no RSA key, or empty: then the organization has none yet.
    """
    try:
        key = serialization.load_pem_public_key(_from_base64(text))
    except (ValueError, UnsupportedAlgorithm):
        key = None
    if not isinstance(key, rsa.RSAPublicKey):
        raise EncryptionError(
            "the organization has no usable public RSA key at the server. Its node sends one when "
            "it starts with encryption switched on."
        )
    return key


def is_public_key(text: str) -> bool:
    """Tell whether something can be encrypted with what the server has for a public key."""
    try:
        load_public_key(text)
    except EncryptionError:
        return False
    return True


def _new_cipher(public_key: rsa.RSAPublicKey) -> tuple[bytes, Cipher[modes.CTR]]:
    """Make a key and a vector: the header that tells them to the receiver, and the cipher."""
    key, iv = os.urandom(_KEY_BYTES), os.urandom(_IV_BYTES)
    parts = (public_key.encrypt(key, padding.PKCS1v15()), iv)
    header = b"".join(base64.b64encode(part) + SEPARATOR.encode() for part in parts)
    return header, Cipher(algorithms.AES(key), modes.CTR(iv))


def _cipher_of(
    key: bytes, iv: bytes, private_key: rsa.RSAPrivateKey
) -> tuple[Cipher[modes.CTR], bool]:
    """Read a message's key and vector: the cipher, and whether the user interface made it."""
    try:
        key = private_key.decrypt(key, padding.PKCS1v15())
    except ValueError:
        raise _wrong_key() from None
    by_user_interface = len(key) != _KEY_BYTES
    if by_user_interface:
        key = _decoded_key(key)
    if len(iv) != _IV_BYTES:
        raise EncryptionError(
            f"the encrypted message has an initialization vector of {len(iv)} bytes instead of "
            f"{_IV_BYTES}: it is damaged. Ask the sender to send it again."
        )
    return Cipher(algorithms.AES(key), modes.CTR(iv)), by_user_interface


def _decoded_key(key: bytes) -> bytes:
    try:
        decoded = base64.b64decode(key, validate=True)
    except binascii.Error:
        decoded = b""
    if len(decoded) != _KEY_BYTES:
        raise _wrong_key()
    return decoded


def _wrong_key() -> EncryptionError:
    return EncryptionError(
        "the message cannot be decrypted with this key: it was encrypted for another one. Check "
        "that the private key belongs to the public key that the server has for the organization."
    )


def _from_base64(text: str) -> bytes:
    try:
        return base64.b64decode(text.encode("ascii"), validate=True)
    except (UnicodeEncodeError, binascii.Error):
        pass  # raised below: the error here holds the text
    raise _not_base64()


def _from_long_base64(text: str, begin: int) -> bytearray:
    """Decode the rest of a text piece by piece."""
    content = Base64Content()
    try:
        for start in range(begin, len(text), _PIECE):
            content.add_encoded(text[start : start + _PIECE].encode("ascii"))
        content.finish()
        return content.take()
    except (UnicodeEncodeError, binascii.Error):
        pass  # raised below: the error here holds the text
    raise _not_base64()


def _not_base64() -> EncryptionError:
    return EncryptionError(
        "a part of the encrypted message, or a public key, is not base64: it is damaged. Ask "
        "its sender to send it again."
    )
