"""Encryption between organizations: round trips, and what is refused."""

from __future__ import annotations

import base64
import os
import tracemalloc

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ed25519, padding
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from hypothesis import given
from hypothesis import strategies as st

from v6client.errors import EncryptionError
from v6client.payload.cryptor import (
    decrypt,
    encrypt,
    load_public_key,
    new_private_key,
    private_key_pem,
    public_key_text,
)
from v6client.payload.private_key import load_private_key

KEY = new_private_key(2048)
OTHER = new_private_key(2048)


@given(st.binary())
def test_what_was_encrypted_comes_back(data: bytes) -> None:
    assert decrypt(encrypt(data, KEY.public_key()), KEY) == data


@given(st.binary(min_size=8))
def test_nothing_of_it_is_seen(data: bytes) -> None:
    message = encrypt(data, KEY.public_key())
    assert base64.b64encode(data).decode() not in message
    assert message != encrypt(data, KEY.public_key())


def test_a_large_text() -> None:
    data = os.urandom(5_000_000)
    assert decrypt(encrypt(data, KEY.public_key()), KEY) == data


@given(st.text(alphabet=st.characters(max_codepoint=127)))
def test_what_is_no_message_is_refused(text: str) -> None:
    with pytest.raises(EncryptionError):
        decrypt(text, KEY)


@given(st.binary())
def test_a_message_for_another_key_does_not_come_out(data: bytes) -> None:
    message = encrypt(data + b"12345678", OTHER.public_key())
    try:
        found = decrypt(message, KEY)
    except EncryptionError:
        return
    assert found != data + b"12345678"


@pytest.mark.parametrize("place", range(3))
def test_a_part_that_is_not_base64_is_refused(place: int) -> None:
    parts = encrypt(b"x", KEY.public_key()).split("$")
    parts[place] = "ä!"
    with pytest.raises(EncryptionError, match="damaged"):
        decrypt("$".join(parts), KEY)


def test_a_vector_of_another_length_is_refused() -> None:
    key, _, text = encrypt(b"x", KEY.public_key()).split("$")
    with pytest.raises(EncryptionError, match="initialization vector of 3 bytes"):
        decrypt(f"{key}$AAAA${text}", KEY)


@given(st.binary())
def test_the_user_interface_encodes_once_more(data: bytes) -> None:
    """Vantage6's user interface encrypts base64 of the key and base64 of the text."""
    key, iv = os.urandom(32), os.urandom(16)
    encryptor = Cipher(algorithms.AES(key), modes.CTR(iv)).encryptor()
    parts = (
        KEY.public_key().encrypt(base64.b64encode(key), padding.PKCS1v15()),
        iv,
        encryptor.update(base64.b64encode(data)) + encryptor.finalize(),
    )
    message = "$".join(base64.b64encode(part).decode() for part in parts)
    assert decrypt(message, KEY) == data


def test_keys_are_written_and_read() -> None:
    again = load_private_key(private_key_pem(KEY))
    assert again.private_numbers() == KEY.private_numbers()
    public = load_public_key(public_key_text(KEY.public_key()))
    assert public.public_numbers() == KEY.public_key().public_numbers()
    assert base64.b64decode(public_key_text(public)).startswith(b"-----BEGIN PUBLIC KEY-----")


@pytest.mark.parametrize("pem", [b"", b"text", b"-----BEGIN RSA PRIVATE KEY-----\nx\n"])
def test_what_is_no_private_key_is_refused(pem: bytes) -> None:
    with pytest.raises(EncryptionError, match="no private RSA key"):
        load_private_key(pem)


@pytest.mark.parametrize("text", ["", "AAAA"])
def test_what_is_no_public_key_is_refused(text: str) -> None:
    with pytest.raises(EncryptionError, match="no usable public RSA key"):
        load_public_key(text)


def test_a_key_of_another_kind_is_refused() -> None:
    key = ed25519.Ed25519PrivateKey.generate()
    pem = key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    with pytest.raises(EncryptionError, match="no private RSA key"):
        load_private_key(pem)


def test_a_long_message_is_not_held_a_second_time() -> None:
    message = encrypt(b"x" * 9_000_000, KEY.public_key())
    tracemalloc.start()
    try:
        assert len(decrypt(message, KEY)) == 9_000_000
        grown = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    # What is encrypted, and what comes out.
    assert grown < 1.8 * len(message)
