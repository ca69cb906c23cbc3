"""The documented shapes of answers: a 200 with another body is not an answer."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

Shape = Callable[[Any], bool]
"""Tells whether a decoded body is what the API documents for a request."""


def anything(body: Any) -> bool:  # noqa: ANN401, ARG001 - JSON; the one that asks nothing
    """Accept every JSON value."""
    return True


def json_object(body: Any) -> bool:  # noqa: ANN401 - JSON
    """Accept an object."""
    return isinstance(body, dict)


def resource(body: Any) -> bool:  # noqa: ANN401 - JSON
    """Accept one resource: an object with an integer id."""
    return isinstance(body, dict) and type(body.get("id")) is int


def page(body: Any) -> bool:  # noqa: ANN401 - JSON
    """Accept one page of a list: ``{"data": [resource, …], "links": {…}}``."""
    return (
        isinstance(body, dict)
        and isinstance(body.get("data"), list)
        and all(resource(row) for row in body["data"])
        and isinstance(body.get("links", {}), dict)
    )


def run_page(body: Any) -> bool:  # noqa: ANN401 - JSON
    """Accept a page of runs: each with a status and its organization's id."""
    return page(body) and all(
        isinstance(row.get("status"), str) and resource(row.get("organization"))
        for row in body["data"]
    )


def task_page(body: Any) -> bool:  # noqa: ANN401 - JSON
    """Accept a page of tasks: each with a status."""
    return page(body) and all(isinstance(row.get("status"), str) for row in body["data"])


def task_status(body: Any) -> bool:  # noqa: ANN401 - JSON
    """Accept ``{"status": "active"}``."""
    return isinstance(body, dict) and isinstance(body.get("status"), str)


def addresses(body: Any) -> bool:  # noqa: ANN401 - JSON
    """Accept an object, whose ``addresses`` (if it has them) are a list of objects."""
    found = body.get("addresses", []) if isinstance(body, dict) else None
    return isinstance(found, list) and all(isinstance(one, dict) for one in found)
