"""The organization's private key: a file, and everything that may be wrong with it."""

from __future__ import annotations

import binascii
import os
import stat
from pathlib import Path
from typing import Final

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from v6client.errors import EncryptionError

# NIST SP 800-57 part 1 rev. 5 allows no shorter one; vantage6 itself makes 4096 bits.
SHORTEST_KEY: Final = 2048
# A key of 16384 bits in PEM is 13 kB: whatever is longer is another file.
_LONGEST_FILE: Final = 1 << 17
_FROM_OPENSSH: Final = (
    "copy the file, and convert the copy by ssh-keygen -p -N '' -m PEM -f key-plain.pem"
)
_NODE_FILE: Final = (
    "Give the file that the node's configuration names under encryption, private_key."
)


def read_private_key(file: str | os.PathLike[str]) -> rsa.RSAPrivateKey:
    """Read and check a private key.

    Parameters
    ----------
    file
        PEM without a password, for its owner (and group) alone.

    Returns
    -------
    RSAPrivateKey
        The key.

    Raises
    ------
    EncryptionError
        When it is missing, no file, not readable, open to everybody, encrypted with a password, in
        OpenSSH's own format, no private RSA key, or shorter than 2048 bits: says which. Neither
        the path nor the content is told: who gives the key's text in place of its path should not
        find it in a log.
    """
    key = load_private_key(_read(file))
    if key.key_size < SHORTEST_KEY:
        raise EncryptionError(
            f"the private key has {key.key_size} bits: too short to protect anything. It needs "
            f"{SHORTEST_KEY} at least; 'v6 node create-private-key' makes one of 4096."
        )
    return key


def load_private_key(pem: bytes) -> rsa.RSAPrivateKey:
    """Read a private key.

    Raises
    ------
    EncryptionError
        When it is no RSA key in PEM without a password: says what it is instead, where that can be
        told.
    """
    _refuse_other_kinds(pem)
    try:
        key = serialization.load_pem_private_key(pem, None)
    except (ValueError, TypeError, UnsupportedAlgorithm):
        key = None
    if not isinstance(key, rsa.RSAPrivateKey):
        raise EncryptionError(
            f"this is no private RSA key in PEM format without a password. {_NODE_FILE}"
        )
    return key


def _read(file: str | os.PathLike[str]) -> bytes:
    if not isinstance(file, (str, os.PathLike)):
        raise EncryptionError(
            "private_key_file has to be the path of a file, or None where nothing is encrypted, "
            f"not {type(file).__name__}."
        )
    problem = ""
    try:
        if Path(file).is_fifo():
            # Opening it would wait for a writer.
            raise OSError("no file")  # noqa: TRY301 - told below
        with Path(file).open("rb") as stream:
            facts = os.fstat(stream.fileno())
            pem = stream.read(_LONGEST_FILE)
    except FileNotFoundError:
        problem = "there is no file at this path"
    except IsADirectoryError:
        problem = "it is a directory"
    except PermissionError:
        problem = "this process may not read it"
    except (OSError, ValueError) as error:
        # Among them a name that is too long: the key's own text, say.
        problem = f"the path cannot be opened ({type(error).__name__})"
    if problem:
        raise EncryptionError(f"the private key file cannot be read: {problem}. {_NODE_FILE}")
    if stat.S_IMODE(facts.st_mode) & (stat.S_IROTH | stat.S_IWOTH):
        raise EncryptionError(
            "every user of this machine may read or write the private key file "
            f"(mode {stat.S_IMODE(facts.st_mode):04o}): who has it reads all inputs and results "
            "of the organization. Type 'chmod 600' and the file's name."
        )
    return pem


def _is_sealed_openssh(pem: bytes) -> bool:
    """Tell whether it is an OpenSSH key that names a cipher (OpenSSH's PROTOCOL.key)."""
    content = b"".join(pem.partition(b"-----BEGIN OPENSSH PRIVATE KEY-----")[2].split()[:2])
    try:
        magic, _, rest = binascii.a2b_base64(content[:64]).partition(b"\0")
    except binascii.Error:
        return False
    size = int.from_bytes(rest[:4], "big")
    cipher = rest[4 : 4 + size]
    return magic == b"openssh-key-v1" and 0 < len(cipher) == size and cipher != b"none"


def _refuse_other_kinds(pem: bytes) -> None:
    """Tell the usual mistakes by the file's own words."""
    first = pem.lstrip()[:64]
    is_openssh = first.startswith(b"-----BEGIN OPENSSH PRIVATE KEY")
    if b"BEGIN ENCRYPTED" in pem or b"Proc-Type: 4,ENCRYPTED" in pem or _is_sealed_openssh(pem):
        how = _FROM_OPENSSH if is_openssh else "openssl rsa -in key.pem -out key-plain.pem"
        raise EncryptionError(
            "the private key is encrypted with a password, and nobody can type one here (nor does "
            f"vantage6 ask for one). Give it without: {how}"
        )
    if is_openssh:
        raise EncryptionError(
            "the private key is in OpenSSH's own format, which vantage6 does not read either. Give "
            f"it as PEM: {_FROM_OPENSSH}"
        )
    if first.startswith((b"-----BEGIN PUBLIC KEY", b"-----BEGIN CERTIFICATE", b"ssh-rsa")):
        raise EncryptionError(
            f"this is no private RSA key, but a public key or a certificate. {_NODE_FILE}"
        )
