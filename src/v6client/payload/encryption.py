"""Encryption: where setup_encryption begins."""

from __future__ import annotations

from v6client.errors import EncryptionError, NotAuthenticated


def setup_encryption(token: str | None) -> None:
    """Attach a cryptor to a client; the node's proxy encrypts for a container already.

    Raises
    ------
    NotAuthenticated
        When the client has no token.
    EncryptionError
        Always else: this version leaves encryption to the node's proxy.
    """
    if not token:
        raise NotAuthenticated(
            "setup_encryption needs a client with a token: encryption can only be set up after "
            "authentication. Create the client with the token of the file TOKEN_FILE."
        )
    raise EncryptionError(
        "this version of v6client cannot encrypt or decrypt by itself. A container need not: "
        "the node's proxy encrypts inputs for each organization and decrypts results. Remove "
        "the call of setup_encryption."
    )
