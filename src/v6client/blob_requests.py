"""The requests that are about blobs, as the node's proxy wants them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any, Final

from v6client.base import ClientBase
from v6client.http import shapes
from v6client.http.body import Stream
from v6client.http.exchange import Answer
from v6client.http.reader import Reader
from v6client.http.request import Request, build
from v6client.payload.blobs import BlobWire, is_blob_id

_BLOB: Final = "application/octet-stream"


class BlobRequests:
    """Asks the server what a :class:`~v6client.payload.blobs.BlobStore` wants to know.

    Parameters
    ----------
    client
        The client.
    collaboration_id
        Whose organizations get blobs.
    perform
        Carries out a request that the client's own road cannot make: a body that streams.
    """

    def __init__(
        self, client: ClientBase, collaboration_id: int, perform: Callable[..., Answer]
    ) -> None:
        self._client = client
        self._collaboration_id = collaboration_id
        self._perform = perform

    def wire(self) -> BlobWire:
        """Give them all."""
        return BlobWire(
            is_enabled=self._is_enabled,
            public_keys=self._public_keys,
            is_encrypted=self._is_encrypted,
            send=self._send,
            fetch=self._fetch,
        )

    def _is_enabled(self) -> bool:
        answer = self._client.request(
            "blobstream/status", operation="blobstore.status", shape=shapes.json_object
        )
        return bool(answer.get("blob_store_enabled"))

    def _public_keys(self) -> dict[int, str]:
        # One question for all of them; upstream's client asks once for each.
        query = {"collaboration_id": self._collaboration_id, "sort": "id"}
        rows = self._client.list_rows("organization", query, operation="organization.list")
        keys = {row["id"]: row.get("public_key") for row in rows}
        return {id_: key if isinstance(key, str) else "" for id_, key in keys.items()}

    def _is_encrypted(self) -> bool:
        answer = self._client.get_resource("collaboration", self._collaboration_id)
        return bool(answer.get("encrypted"))

    def _send(self, body: Stream, public_key: str) -> str:
        # No Content-Length: the proxy would announce it for what it makes of the blob.
        request = self._transfer("POST", "blobstream", {"X-Public-Key": public_key}, _blob_id)
        answer = self._perform(replace(request, body=body), operation="blob.upload", within=None)
        return str(answer.body["uuid"])

    def _fetch(self, blob_id: str, reader: Callable[[], Reader], within: float | None) -> Any:  # noqa: ANN401 - the reader's
        request = self._transfer("GET", f"blobstream/{blob_id}", {}, shapes.anything)
        # The content alone does not tell a blob from a page of somebody in between.
        request = replace(request, reader=reader, media_type=_BLOB)
        return self._perform(request, operation="blob.download", within=within).body

    def _transfer(
        self, method: str, endpoint: str, headers: dict[str, str], shape: shapes.Shape
    ) -> Request:
        if method == "POST":
            headers = {**headers, "Content-Type": _BLOB}
        all_headers = {**headers, **self._client.headers}
        return replace(build(endpoint, method, None, None, all_headers, shape), is_transfer=True)


def _blob_id(body: Any) -> bool:  # noqa: ANN401 - JSON
    return isinstance(body, dict) and is_blob_id(body.get("uuid"))
