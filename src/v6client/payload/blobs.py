"""Blobs: whether the server keeps payloads in a blob store."""

from __future__ import annotations

from collections.abc import Callable

from v6client.errors import ConfigurationError, InvalidResponse, StatusError
from v6client.single_flight import SingleFlight
from v6client.telemetry import logs, schema


class BlobStore:
    """The server's blob store, as far as this version knows it.

    Parameters
    ----------
    ask
        Asks the server whether it has one (``GET blobstream/status``).
    """

    def __init__(self, ask: Callable[[], bool]) -> None:
        self._ask = ask
        self._is_enabled: bool | None = None
        self._flight = SingleFlight[bool]()

    def refuse(self) -> None:
        """Refuse to go on where inputs belong into a blob store.

        Raises
        ------
        ConfigurationError
            When the server has one.
        RequestError
            When nobody answers the question.
        """
        if self.is_enabled():
            raise ConfigurationError(
                "the server keeps inputs in a blob store (large_result_store), which this "
                "version of v6client cannot write. Nothing was created. Ask the server's "
                "administrator to switch it off, or use a later version."
            )

    def is_enabled(self) -> bool:
        """Tell whether the server has one; it is asked once a client.

        Older servers do not know the question. A refusal is taken for no, which is safe: a
        server with a blob store refuses an input that is not in it.

        Raises
        ------
        RequestError
            When there is no answer at all.
        """
        if self._is_enabled is None:
            self._is_enabled = self._flight.call(self._asked)
        return self._is_enabled

    def _asked(self) -> bool:
        try:
            return self._ask()
        except (StatusError, InvalidResponse) as error:
            logs.emit(schema.BLOB_STORE_UNKNOWN, error_type=type(error).__name__)
            return False
