"""Answers: JSON as the real server writes it, and refusals that end a request."""

from __future__ import annotations

import json
from collections.abc import Mapping

from flask import Response

UNEXPECTED = "An unexpected error occurred on the server!"
LACKING = "You lack the permission to do that!"


class Refusal(Exception):  # noqa: N818 - an answer, not a fault
    """End the request with ``{"msg": ...}`` and a status."""

    def __init__(self, status: int, message: str, errors: object = None) -> None:
        super().__init__(message)
        self.status = status
        self.message = message
        self.errors = errors


class TokenRefusal(Refusal):
    """End the request as the real server's token library does."""


def reply(
    document: object, status: int = 200, headers: Mapping[str, str] | None = None
) -> Response:
    """Answer with a document, in the notation of the real server's API."""
    response = Response(json.dumps(document), status, mimetype="application/json")
    response.headers.extend(headers or {})
    return response


def reply_compact(document: object, status: int) -> Response:
    """Answer with a document, in the notation that the real server's framework uses itself."""
    body = json.dumps(document, separators=(",", ":")) + "\n"
    return Response(body, status, mimetype="application/json")


def reply_refusal(refusal: Refusal) -> Response:
    """Answer with a refusal."""
    document: dict[str, object] = {"msg": refusal.message}
    if refusal.errors is not None:
        document["errors"] = refusal.errors
    if isinstance(refusal, TokenRefusal):
        return reply_compact(document, refusal.status)
    return reply(document, refusal.status)
