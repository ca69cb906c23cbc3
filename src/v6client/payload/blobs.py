"""Blobs: payloads that the server keeps in a blob store, streamed through the node's proxy.

The proxy encrypts and decrypts them as they stream by, so what is here is always plain. Each
organization has a blob of its own, also where nothing is encrypted and one would do: the server
deletes a blob with a run that has it, or when it cleans up the inputs of finished runs, and a node
that starts while one of its open runs has lost its input starts none of them.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from v6client.errors import (
    EncryptionError,
    InvalidArgument,
    InvalidResponse,
    MaskedServerError,
    NotFound,
    StatusError,
)
from v6client.http.body import Stream
from v6client.http.reader import Reader
from v6client.payload.content import Content, Loadable
from v6client.payload.transfer import Meter, Progress
from v6client.single_flight import SingleFlight
from v6client.telemetry import logs, schema

_PART: Final = 1 << 18
_UUID: Final = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}\Z")
# The proxy wants the header also where it encrypts nothing, and organizations need no keys there.
_NO_KEY: Final = "none"


def is_blob_id(value: object) -> bool:
    """Tell whether a value is what the server calls a blob: a UUID, in small letters."""
    return isinstance(value, str) and _UUID.match(value) is not None


@dataclass(frozen=True, slots=True)
class BlobWire:
    """What is asked of the server about blobs.

    Parameters
    ----------
    is_enabled
        Asks whether it has a blob store (``GET blobstream/status``).
    public_keys
        Gives the public key of each organization of the collaboration, by its id.
    is_encrypted
        Asks whether the collaboration is encrypted.
    send
        Sends a blob with the public key of its receiver, and gives its id.
    fetch
        Fetches a blob by its id, within so many seconds; takes what makes its reader, and gives
        what that gives.
    """

    is_enabled: Callable[[], bool]
    public_keys: Callable[[], Mapping[int, str]]
    is_encrypted: Callable[[], bool]
    send: Callable[[Stream, str], str]
    fetch: Callable[[str, Callable[[], Reader], float | None], Any]


class BlobStore:
    """The server's blob store, if it has one.

    Parameters
    ----------
    wire
        Asks the server.

    Attributes
    ----------
    progress
        Is told how far each transfer is; ``None`` for nobody, which is the default.
    """

    def __init__(self, wire: BlobWire) -> None:
        self._wire = wire
        self._is_enabled: bool | None = None
        self._flight = SingleFlight["bool | None"]()
        self.progress: Progress | None = None

    def is_enabled(self) -> bool:
        """Tell whether the server has one; it is asked once a client.

        Older servers do not know the question. A refusal is taken for no, which is safe: a
        server with a blob store refuses an input that is not in it. What may be over soon is taken
        for no this time, and asked again the next.

        Raises
        ------
        RequestError
            When there is no answer at all.
        """
        if self._is_enabled is None:
            self._is_enabled = self._flight.call(self._asked)
        return bool(self._is_enabled)

    def upload_for(self, data: bytes, organizations: Sequence[int]) -> list[str]:
        """Upload an input once for each organization.

        Parameters
        ----------
        data
            The input. It is held once, whatever the number of organizations.
        organizations
            Their ids.

        Returns
        -------
        list of str
            The ids of the blobs, in the order of the organizations.

        Raises
        ------
        InvalidArgument
            When one is not in the collaboration.
        EncryptionError
            When one has no usable public key, and the collaboration is encrypted.
        RequestError
            When an upload fails for good. What was uploaded before stays in the store: nobody can
            name it, and the server does not delete it.
        """
        keys = self._keys_of(organizations)
        return [self._upload(data, key) for key in keys]

    def download(self, blob_id: str, within: float | None = None) -> Content:
        """Fetch a blob.

        Parameters
        ----------
        blob_id
            Its id.
        within
            Seconds that it may take; the setting ``blob_deadline`` by default.

        Returns
        -------
        Content
            What is in it, decrypted by the node's proxy.

        Raises
        ------
        InvalidArgument
            When the id is no UUID.
        RequestError
            When it cannot be had.
        """
        if not is_blob_id(blob_id):
            raise InvalidArgument("the id of a blob has to be a UUID. Nothing was sent.")
        content: Content = self._wire.fetch(blob_id, lambda: _BlobReader(self.progress), within)
        return content

    def _upload(self, data: bytes, public_key: str) -> str:
        meter = Meter(self.progress, "upload", len(data))

        def parts() -> Iterator[bytes]:
            # Each attempt begins here: at the start.
            meter.begin()
            for start in range(0, len(data), _PART):
                part = data[start : start + _PART]
                yield part
                meter.count(len(part))

        blob_id = self._wire.send(Stream(parts), public_key)
        # All may be sent, and the store may refuse it yet: only its answer is the end.
        meter.complete()
        return blob_id

    def _keys_of(self, organizations: Sequence[int]) -> list[str]:
        known = self._wire.public_keys()
        strangers = [str(one) for one in organizations if one not in known]
        if strangers:
            raise InvalidArgument(
                f"organization {', '.join(strangers)} is not in this container's collaboration. "
                "Nothing was created. Give ids of client.organization.list()."
            )
        # It brings cryptography along, which who has no blob store does not need.
        from v6client.payload.cryptor import is_public_key  # noqa: PLC0415

        keys = {one: known[one] for one in organizations if is_public_key(known[one])}
        without = [str(one) for one in organizations if one not in keys]
        if without and self._wire.is_encrypted():
            raise EncryptionError(
                f"organization {', '.join(without)} has no usable public RSA key at the server, so "
                "nothing can be encrypted for it. Nothing was created. Its node sends one when it "
                "starts with encryption switched on."
            )
        return [keys.get(one, _NO_KEY) for one in organizations]

    def _asked(self) -> bool | None:
        try:
            return self._wire.is_enabled()
        except (StatusError, InvalidResponse) as error:
            logs.emit(schema.BLOB_STORE_UNKNOWN, error_type=type(error).__name__)
            is_final = isinstance(error, NotFound) or (
                isinstance(error, MaskedServerError) and error.server_answers
            )
            return False if is_final else None


class Blob(Loadable):
    """A result that is in the blob store, and is fetched when it is decoded.

    Parameters
    ----------
    blob_id
        What the run's row has as its result; may be anything.
    download
        Fetches it: :meth:`BlobStore.download`.
    """

    def __init__(self, blob_id: object, download: Callable[[str], Content]) -> None:
        super().__init__()
        self._id = blob_id
        self._download = download

    @property
    def has_id(self) -> bool:
        """Whether its id is one, so that it can be fetched at all."""
        return is_blob_id(self._id)

    def fetch(self) -> Content:
        """Fetch it; see :meth:`BlobStore.download`."""
        content = self._download(str(self._id))
        self.head, self.received = content.head, content.received
        return content

    def load(self) -> Any:  # noqa: ANN401 - JSON
        """Fetch it, and decode the JSON document that it is. It can be done again.

        Raises
        ------
        RequestError
            When it cannot be had.
        UnicodeDecodeError, ValueError, RecursionError
            As :meth:`Content.load`.
        """
        return self.fetch().load()


class _BlobReader:
    def __init__(self, progress: Progress | None) -> None:
        self._content = Content()
        self._meter = Meter(progress, "download")

    def feed(self, part: bytes) -> None:
        self._content.add(part)
        self._meter.count(len(part))

    def close(self) -> Content:
        self._meter.complete()
        return self._content
