"""A request: checked and encoded once, sent any number of times."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from v6client.errors import InvalidArgument
from v6client.http.body import Body, encode
from v6client.http.endpoint import checked, template_of
from v6client.http.reader import Json, Reader
from v6client.http.shapes import Shape

_METHODS: Final = frozenset({"GET", "POST", "PUT", "PATCH", "DELETE"})


@dataclass(frozen=True, slots=True)
class Request:
    """One request, checked and ready to be sent any number of times.

    Parameters
    ----------
    method, path, template
        ``GET``, ``task/12/status`` and ``/task/{id}/status``.
    params, headers, body
        The query, all headers but the transport's own, and the encoded body.
    shape
        Tells whether a decoded answer is what the API documents for this request.
    is_poll
        Whether it is one of many like it, of which a trace shows only the attempts that failed.
    reader
        Makes what reads the body of a success, anew for each attempt.
    media_type
        What the content type of a success has to be; empty where it is not looked at.
    is_transfer
        Whether it carries a blob: it may take as long as its bytes do, and may be sent again
        although it is no GET, since it leaves nothing that anybody sees.
    """

    method: str
    path: str
    template: str
    params: Mapping[str, Any] = field(repr=False)
    headers: Mapping[str, str] = field(repr=False)
    body: Body | None = field(repr=False)
    shape: Shape
    is_poll: bool = False
    reader: Callable[[], Reader] = Json
    media_type: str = ""
    is_transfer: bool = False


def build(  # noqa: PLR0913 - the parts of a request
    endpoint: str,
    method: str,
    json: Mapping[str, Any] | None,
    params: Mapping[str, Any] | None,
    headers: Mapping[str, str],
    shape: Shape,
    reader: Callable[[], Reader] = Json,
) -> Request:
    """Check the parts of a request, and encode its body.

    Raises
    ------
    InvalidArgument
        When there is no such method, the endpoint leaves the API, or the body is not JSON.
    """
    verb = str(method).upper()
    if verb not in _METHODS:
        raise InvalidArgument(
            f"the method has to be one of {', '.join(sorted(_METHODS)).lower()}. Nothing was sent."
        )
    path = checked(endpoint)
    body = None
    if json is not None:
        body = encode(json)
        # Only where there is a body: on a GET it makes the real proxy read one, and fail.
        headers = {**headers, "Content-Type": "application/json"}
    return Request(verb, path, template_of(path), params or {}, headers, body, shape, reader=reader)
