"""The private key file: everything that may be wrong with it is told apart."""

from __future__ import annotations

import base64
import struct
from collections.abc import Callable
from pathlib import Path

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa

from v6client.errors import EncryptionError
from v6client.payload.cryptor import new_private_key, private_key_pem
from v6client.payload.private_key import read_private_key

KEY = new_private_key(2048)
FORMATS = serialization.PrivateFormat
PEM = serialization.Encoding.PEM


def written(tmp_path: Path, content: bytes, mode: int = 0o600) -> Path:
    file = tmp_path / "key.pem"
    file.write_bytes(content)
    file.chmod(mode)
    return file


@pytest.mark.parametrize("mode", [0o600, 0o640, 0o400])
@pytest.mark.parametrize("kind", [FORMATS.TraditionalOpenSSL, FORMATS.PKCS8])
def test_a_key_is_read(tmp_path: Path, mode: int, kind: serialization.PrivateFormat) -> None:
    pem = KEY.private_bytes(PEM, kind, serialization.NoEncryption())
    for file in (written(tmp_path, pem, mode), str(tmp_path / "key.pem")):
        assert read_private_key(file).private_numbers() == KEY.private_numbers()
        (tmp_path / "key.pem").chmod(0o600)


def _encrypted(kind: serialization.PrivateFormat) -> bytes:
    return KEY.private_bytes(PEM, kind, serialization.BestAvailableEncryption(b"canary"))


def _openssh(cipher: bytes) -> bytes:
    """Write what ssh-keygen does; cryptography encrypts such a key only where it has bcrypt."""
    begin, _, rest = KEY.private_bytes(
        PEM, FORMATS.OpenSSH, serialization.NoEncryption()
    ).partition(b"\n")
    text, _, end = rest.partition(b"-----END")
    content = base64.b64decode(text).replace(
        b"\0\0\0\x04none\0\0\0\x04none",
        struct.pack(">I", len(cipher)) + cipher + b"\0\0\0\6bcrypt",
        1,
    )
    return begin + b"\n" + base64.encodebytes(content) + b"-----END" + end


def _public() -> bytes:
    return KEY.public_key().public_bytes(PEM, serialization.PublicFormat.SubjectPublicKeyInfo)


def _elliptic() -> bytes:
    key = ec.generate_private_key(ec.SECP256R1())
    return key.private_bytes(PEM, FORMATS.PKCS8, serialization.NoEncryption())


def _short() -> bytes:
    return private_key_pem(rsa.generate_private_key(public_exponent=65537, key_size=1024))  # noqa: S505 - it has to be


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        (lambda: _encrypted(FORMATS.PKCS8), "encrypted with a password"),
        (lambda: _encrypted(FORMATS.TraditionalOpenSSL), "encrypted with a password"),
        (lambda: _openssh(b"aes256-ctr"), "encrypted with a password.*ssh-keygen -p -N '' -m PEM"),
        (lambda: _openssh(b"3des-cbc"), "encrypted with a password.*ssh-keygen"),
        (lambda: _openssh(b"none"), "OpenSSH's own format.*ssh-keygen -p -N '' -m PEM"),
        (lambda: _openssh(b"none")[:60], "OpenSSH's own format"),
        (_public, "but a public key"),
        (_elliptic, "no private RSA key"),
        (_short, "1024 bits: too short"),
        (lambda: b"", "no private RSA key"),
        (lambda: b"canary" * 100_000, "no private RSA key"),
        (lambda: private_key_pem(KEY)[:-200], "no private RSA key"),
    ],
)
def test_what_is_wrong_with_a_key_is_told(
    tmp_path: Path, content: Callable[[], bytes], problem: str
) -> None:
    with pytest.raises(EncryptionError, match=problem) as caught:
        read_private_key(written(tmp_path, content()))
    assert "canary" not in str(caught.value)
    assert caught.value.__context__ is None or caught.value.__suppress_context__


@pytest.mark.parametrize("mode", [0o644, 0o604, 0o606, 0o666])
def test_a_key_that_everybody_can_read_is_refused(tmp_path: Path, mode: int) -> None:
    with pytest.raises(EncryptionError, match=rf"{mode:04o}.*chmod 600"):
        read_private_key(written(tmp_path, private_key_pem(KEY), mode))


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(EncryptionError, match="no file at this path"):
        read_private_key(tmp_path / "canary.pem")
    with pytest.raises(EncryptionError, match="a directory"):
        read_private_key(tmp_path)


def test_a_file_that_may_not_be_read(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise PermissionError

    # Root may read every file, and tests may run as root.
    monkeypatch.setattr(Path, "open", refuse)
    with pytest.raises(EncryptionError, match="may not read it"):
        read_private_key("key.pem")


@pytest.mark.parametrize("path", [private_key_pem(KEY).decode(), "a\0b", "x" * 5000])
def test_a_text_that_is_no_path_is_not_repeated(path: str) -> None:
    with pytest.raises(EncryptionError, match="cannot be") as caught:
        read_private_key(path)
    assert (path[40:80] or path) not in str(caught.value)
    assert caught.value.__context__ is None


def test_something_else_than_a_path() -> None:
    with pytest.raises(EncryptionError, match="not int"):
        read_private_key(5)  # type: ignore[arg-type]
