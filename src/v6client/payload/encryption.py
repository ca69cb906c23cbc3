"""Encryption by the client itself: a cryptor, and whether the server has the key that fits it.

Inside a container it is the node's proxy that encrypts inputs for each organization and decrypts
results. A cryptor is for what the proxy passes on as it is: a run's ``input``, a task's
``results`` that came with ``include=results``. It never touches what ``task.create`` sends: the
proxy would encrypt that once more, and no node could read it.
"""

from __future__ import annotations

import base64
import binascii
import os
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

from cryptography.hazmat.primitives.asymmetric import rsa

from v6client.errors import ConnectionFailed, EncryptionError, NotAuthenticated, RequestError
from v6client.payload import cryptor
from v6client.payload.private_key import read_private_key

# Three parts of base64, the last of them not by chance.
_MESSAGE: Final = re.compile(rb"[A-Za-z0-9+/=]+\$[A-Za-z0-9+/=]+\$[A-Za-z0-9+/]{32,}={0,2}\Z")


@dataclass(frozen=True, slots=True)
class Cryptor:
    """What decrypts and encrypts run data.

    Parameters
    ----------
    private_key
        The organization's; ``None`` where nothing is encrypted, and run data is plain base64.
    """

    private_key: rsa.RSAPrivateKey | None = field(repr=False)

    def decrypt(self, data: str | bytes) -> bytes:
        """Decrypt run data.

        Parameters
        ----------
        data
            A ``str``: what a run has as ``input`` or ``result``, three parts of base64 joined by
            ``$``. ``bytes``: the content of a blob, whose third part is no base64. Without a key,
            either is plain base64.

        Returns
        -------
        bytes
            What was encrypted: JSON, as a rule.

        Raises
        ------
        EncryptionError
            When it is no such message, or it was encrypted for another key. Most messages for
            another key are told; the rest, and every message that was changed on the way, come
            out as something else: the format has no integrity check.
        """
        if not isinstance(data, (str, bytes)):
            raise EncryptionError(
                "what is to be decrypted has to be the str of a run's input or result, or the "
                f"bytes of a blob, not {type(data).__name__}."
            )
        if self.private_key is None:
            return _plain(data)
        if isinstance(data, bytes) and _MESSAGE.match(data):
            raise EncryptionError(
                "these bytes are a run's input or result, not the content of a blob: give the str, "
                "as data.decode()."
            )
        if isinstance(data, bytes):
            return b"".join(cryptor.decrypt_stream([data], self.private_key))
        return cryptor.decrypt(data, self.private_key)

    def encrypt(self, data: bytes, public_key: str) -> str:
        """Encrypt data for an organization.

        Parameters
        ----------
        data
            What to encrypt.
        public_key
            The receiver's key, as ``client.organization.get(id)["public_key"]`` gives it; not
            looked at where nothing is encrypted.

        Returns
        -------
        str
            The three parts joined by ``$``; plain base64 where nothing is encrypted.

        Raises
        ------
        EncryptionError
            When it is no public RSA key.
        """
        if self.private_key is None:
            return base64.b64encode(data).decode("ascii")
        return cryptor.encrypt(data, cryptor.load_public_key(public_key))


@dataclass(frozen=True, slots=True)
class KeyAtServer:
    """The public key that the server has for the client's own organization.

    Parameters
    ----------
    get
        Gives it; empty where there is none.
    put
        Replaces it.
    """

    get: Callable[[], str]
    put: Callable[[str], None]


def setup_encryption(
    token: str | None, private_key_file: str | os.PathLike[str] | None, server: KeyAtServer
) -> Cryptor:
    """Make a cryptor, and see to it that the server has the public key that fits it.

    Parameters
    ----------
    token
        The client's.
    private_key_file
        The organization's private key; ``None`` where nothing is encrypted, which asks the server
        nothing.
    server
        The public key there. One that is missing or another is replaced, where the token's role
        allows it; a container's does not.

    Returns
    -------
    Cryptor
        The cryptor.

    Raises
    ------
    NotAuthenticated
        When the client has no token.
    EncryptionError
        When the key cannot be used, or the server has another one and does not take this.
    RequestError
        When the server cannot be asked.
    """
    if not token:
        raise NotAuthenticated(
            "setup_encryption needs a client with a token: encryption can only be set up after "
            "authentication. Create the client with the token of the file TOKEN_FILE."
        )
    if private_key_file is None:
        return Cryptor(None)
    private_key = read_private_key(private_key_file)
    ours = private_key.public_key()
    known = server.get()
    if not _is(known, ours):
        _replace(server, ours, is_missing=not known)
    return Cryptor(private_key)


def _replace(server: KeyAtServer, ours: rsa.RSAPublicKey, *, is_missing: bool) -> None:
    try:
        server.put(cryptor.public_key_text(ours))
    except RequestError as error:
        failure: RequestError | None = error
    else:
        failure = None
    # Whatever came back: the answer may be lost, and the change made all the same.
    if _is(server.get(), ours):
        return
    if isinstance(failure, ConnectionFailed):
        raise failure
    there = "no public key" if is_missing else "another public key"
    raise EncryptionError(
        f"the server has {there} for this organization, and does not take the one that belongs to "
        "this private key"
        + (f" (status {failure.status}: a container may not change it)" if failure else "")
        + ". What others encrypt for the organization cannot be read with this key. Give the file "
        "that the node uses (its configuration: encryption, private_key); the node sends its "
        "public key to the server when it starts."
    )


def _is(text: str, key: rsa.RSAPublicKey) -> bool:
    """Tell whether a text of the server's is this key, however it is written."""
    try:
        return cryptor.load_public_key(text).public_numbers() == key.public_numbers()
    except EncryptionError:
        return False


def _plain(data: str | bytes) -> bytes:
    try:
        return base64.b64decode(data, validate=True)
    # A str outside ASCII is a plain ValueError.
    except (binascii.Error, ValueError):
        pass
    raise EncryptionError(
        "this is not plain base64. Where the collaboration is encrypted, give setup_encryption the "
        "organization's private key instead of None."
    )
