"""A request: checked and encoded once, sent any number of times."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final
from urllib.parse import urlencode

from v6client.errors import ConfigurationError, InvalidArgument
from v6client.http.body import Body, encode
from v6client.http.endpoint import checked, template_of
from v6client.http.reader import Json, Reader
from v6client.http.shapes import Shape

_METHODS: Final = frozenset({"GET", "POST", "PUT", "PATCH", "DELETE"})
# What a header may be made of (RFC 9110, sections 5.1 and 5.5), the folding of lines left out.
_HEADER_NAME: Final = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_HEADER_VALUE: Final = re.compile(r"([\x21-\x7e\x80-\xff][\t\x20-\x7e\x80-\xff]*)?")


@dataclass(frozen=True, slots=True)
class Request:
    """One request, checked and ready to be sent any number of times.

    Parameters
    ----------
    method, target, template
        ``GET``, ``task/12/status`` with its query where it has one, and ``/task/{id}/status``.
    headers, body
        All headers but the transport's own, and the encoded body.
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
    target: str = field(repr=False)
    template: str
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
        When there is no such method, the endpoint leaves the API, or query or body cannot be
        encoded.
    ConfigurationError
        When a header cannot be sent.
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
    if not all(map(_is_header, headers, headers.values())):
        raise ConfigurationError(
            "a header cannot be sent: its name has to be a word, its value a text of Latin-1 "
            "without a line break or a space before it. In a container, the file that TOKEN_FILE "
            "names holds the token, which becomes one. Nothing was sent."
        )
    # One spelling, so that the last one of a name is the only one (RFC 9110, section 5.1).
    headers = {name.title(): value for name, value in headers.items()}
    target = f"{path}?{query}" if (query := encoded(params or {})) else path
    return Request(verb, target, template_of(path), headers, body, shape, reader=reader)


def encoded(params: Mapping[str, Any]) -> str:
    """Encode a query: a list gives its name once for each of its values; ``None`` is left out.

    Raises
    ------
    InvalidArgument
        When a value cannot be written.
    """
    pairs = [(name, one) for name, value in params.items() for one in _values(value)]
    try:
        return urlencode([(name, one) for name, one in pairs if one is not None])
    except (ValueError, TypeError):
        pass
    raise InvalidArgument(
        "a value of params= cannot be written into a query. Give text, numbers or lists of them. "
        "Nothing was sent."
    )


def _values(value: Any) -> Iterable[Any]:  # noqa: ANN401 - what a caller gives
    is_one = isinstance(value, (str, bytes)) or not hasattr(value, "__iter__")
    return (value,) if is_one else value


def _is_header(name: object, value: object) -> bool:
    return (
        isinstance(name, str)
        and isinstance(value, str)
        and _HEADER_NAME.fullmatch(name) is not None
        and _HEADER_VALUE.fullmatch(value) is not None
    )
