"""EncryptedClient: a client that can have the key of its organization."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from v6client.base import ClientBase
from v6client.errors import EncryptionError
from v6client.http import shapes
from v6client.telemetry import spans

if TYPE_CHECKING:
    from v6client.payload.encryption import Cryptor


class EncryptedClient(ClientBase):
    """A client with a cryptor, once :meth:`setup_encryption` was called.

    Parameters
    ----------
    host, port, path, settings
        See :class:`v6client.base.ClientBase`.
    """

    organization_id: int
    cryptor: Cryptor | None = None

    def setup_encryption(self, private_key_file: str | os.PathLike[str] | None) -> None:
        """Attach a cryptor, with which :meth:`decrypt` reads what the node's proxy does not.

        A container needs it rarely: the node's proxy encrypts inputs for each organization and
        decrypts results. It changes nothing in what ``task.create`` sends and
        ``wait_for_results`` gives: encrypted by the client, an input would be encrypted twice.

        Parameters
        ----------
        private_key_file
            The organization's private key, PEM without a password; ``None`` where nothing is
            encrypted.

        Raises
        ------
        NotAuthenticated
            When there is no token; it is an ``AssertionError`` too.
        EncryptionError
            When the key cannot be used, see :func:`v6client.payload.private_key.read_private_key`;
            or when the server has another public key for the organization and does not take this
            one's, which it never does from a container.
        RequestError
            When the server cannot be asked.
        """
        # It brings cryptography along, which hardly any container needs.
        from v6client.payload import encryption  # noqa: PLC0415

        with spans.operation("encryption.setup", {}):
            self.cryptor = encryption.setup_encryption(
                self._access_token,
                private_key_file,
                encryption.KeyAtServer(get=self._own_public_key, put=self._put_public_key),
            )

    def decrypt(self, data: str | bytes) -> bytes:
        """Decrypt run data, with the key that :meth:`setup_encryption` was given.

        Parameters
        ----------
        data
            What a run has as ``input`` or ``result``: a ``str`` of three parts of base64 joined by
            ``$``. Or the ``bytes`` of a blob.

        Returns
        -------
        bytes
            What was encrypted for this organization: JSON, as a rule. The format has no integrity
            check: see docs/payloads.md.

        Raises
        ------
        EncryptionError
            When there is no cryptor, it is no such message, or it was encrypted for another key.
        """
        if self.cryptor is None:
            raise EncryptionError(
                "there is no key to decrypt with. Call client.setup_encryption with the file of "
                "the organization's private key first."
            )
        return self.cryptor.decrypt(data)

    def _own_public_key(self) -> str:
        answer = self.request(
            f"organization/{self.organization_id}", operation=None, shape=shapes.resource
        )
        key = answer.get("public_key")
        return key if isinstance(key, str) else ""

    def _put_public_key(self, key: str) -> None:
        self.request(
            f"organization/{self.organization_id}",
            json={"public_key": key},
            method="patch",
            operation=None,
        )
