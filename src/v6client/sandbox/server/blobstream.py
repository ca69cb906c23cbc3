"""``/blobstream``: inputs and results as files, where the network has a blob store."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from pathlib import Path

from flask import Blueprint, Response, request

from v6client.sandbox.private_files import make_directory
from v6client.sandbox.server import status
from v6client.sandbox.server.identity import identity, only_for, state
from v6client.sandbox.server.queries import known, row, status_of
from v6client.sandbox.server.replies import LACKING, Refusal, reply

routes = Blueprint("blobstream", __name__)

_PART = 1 << 18
_NO_STORE = "The large result store is not set to blob storage, result streaming is not available."


@routes.get("/blobstream/status")
@only_for("node", "user", "container")
def get_status() -> Response:
    """Tell whether there is a blob store."""
    return reply({"blob_store_enabled": state().blobs is not None})


@routes.get("/blobstream/<string:blob>")
@only_for("node", "user", "container")
def get_blob(blob: str) -> Response:
    """Give a blob that a visible run has as its input or its result."""
    run = row("SELECT * FROM run WHERE input = ? OR result = ?", blob, blob)
    if run is None:
        raise Refusal(404, f"No run found with input or result id={blob}")
    if not identity().sees_collaboration(known("task", run["task_id"])["collaboration_id"]):
        raise Refusal(401, LACKING)
    store = state().blobs
    if store is None:
        raise Refusal(501, _NO_STORE)
    # It names a file only where a run has it, and runs have ids of ours alone.
    file = store / blob
    if not _is_ours(blob) or not file.is_file():
        raise Refusal(500, "Error streaming result!")
    headers = {"Content-Disposition": f"attachment; filename=result_{blob}.bin"}
    return Response(_parts_of(file), content_type="application/octet-stream", headers=headers)


@routes.post("/blobstream")
@only_for("node", "user", "container")
def create_blob() -> Response:
    """Take a blob."""
    store = state().blobs
    if store is None:
        raise Refusal(501, _NO_STORE)
    container = identity().container
    if container and status.has_finished(status_of(known("task", container["task_id"])["id"])):
        raise Refusal(403, "Cannot upload blob for a sub-task of a completed task.")
    blob = str(uuid.uuid4())
    draft = make_directory(store) / f"{blob}.new"
    try:
        with draft.open("wb") as file:
            for part in iter(lambda: request.stream.read(_PART), b""):
                file.write(part)
    except OSError:
        draft.unlink(missing_ok=True)
        raise Refusal(500, "Error uploading result!") from None
    draft.replace(store / blob)
    return reply({"uuid": blob}, 201)


def forget(store: Path | None, blob: str | None) -> None:
    """Delete a blob with its run."""
    if store is not None and blob and _is_ours(blob):
        (store / blob).unlink(missing_ok=True)


def _is_ours(blob: str) -> bool:
    try:
        return str(uuid.UUID(blob)) == blob
    except ValueError:
        return False


def _parts_of(file: Path) -> Iterator[bytes]:
    with file.open("rb") as stream:
        yield from iter(lambda: stream.read(_PART), b"")
