"""The codec: inputs and results are base64 of JSON.

NaN and the infinities are allowed both ways, written as ``NaN``, ``Infinity`` and
``-Infinity``, which Python's JSON reads and RFC 8259 does not know. Upstream does the same, and
a mean over no rows is an ordinary result of an algorithm: to refuse it would fail jobs that work
today, and to write ``null`` would change a value in silence.
"""

from __future__ import annotations

import binascii
import contextlib
import json
import re
from typing import Any, Final

from v6client.errors import InvalidArgument, ResultError, StatusError
from v6client.payload import base64_text
from v6client.payload.content import LONGEST_HEAD, Loadable

_SCALARS: Final = (str, int, float, bool, type(None))
_INPUT_KEYS: Final = frozenset({"method", "args", "kwargs"})
# How an encrypted message begins: a key of 2048 bits or more, and a vector.
_SEALED: Final = re.compile(rb"[A-Za-z0-9+/]{300,}={0,2}\$[A-Za-z0-9+/]{22}==\$")


def input_document(input_: object) -> bytes:
    """Check a task's input, and give the document that it is, as a blob store keeps it.

    Parameters
    ----------
    input_
        A dict such as ``{"method": "average", "kwargs": {"column": "age"}}``; or bytes that are
        base64 already.

    Returns
    -------
    bytes
        JSON; of bytes, what they decode to.

    Raises
    ------
    InvalidArgument
        When it is neither, is not base64, or holds what JSON cannot.
    """
    if isinstance(input_, bytes):
        return _decoded_base64(input_)
    if not isinstance(input_, dict):
        raise InvalidArgument(
            "input_ has to be a dict such as {'method': 'average', 'kwargs': {}}, or bytes that "
            f"are base64 already, not {type(input_).__name__}. Nothing was sent."
        )
    return encode_json(input_, what="the input")


def encode_input(input_: object, document: bytes | None = None) -> bytes:
    """Encode a task's input as ``POST task`` has it.

    Parameters
    ----------
    input_
        As for :func:`input_document`. Bytes are sent as they are.
    document
        What that gave; made anew by default.

    Returns
    -------
    bytes
        The base64 text.

    Raises
    ------
    InvalidArgument
        As :func:`input_document`.
    """
    if document is None:
        document = input_document(input_)
    return input_ if isinstance(input_, bytes) else base64_text.encode(document)


def encode_json(value: object, *, what: str) -> bytes:
    """Encode a value as JSON.

    Parameters
    ----------
    value
        The value.
    what
        What it is, for the error: ``the input``, ``the result``.

    Raises
    ------
    InvalidArgument
        When it holds what JSON cannot: says where and of which type, never the value.
    """
    try:
        return json.dumps(value).encode("utf-8")
    except (TypeError, ValueError, RecursionError) as error:
        reason = type(error).__name__
    found = _first_unencodable(value)
    where = (
        f"at {found[0] or 'its top'} is a {found[1]}"
        if found
        else f"it contains itself or is too deep ({reason})"
    )
    raise InvalidArgument(
        f"{what} cannot be encoded as JSON: {where}. Use dict with str keys, list, str, int, "
        "float, bool and None only; of numpy and pandas, .tolist(), .item() or .to_dict()."
    )


def decode_result(
    result: str | Loadable, *, task_id: int, run_id: int, organization_id: int | None
) -> Any:  # noqa: ANN401 - JSON
    """Decode a result as it came over the wire.

    Parameters
    ----------
    result
        Base64 of JSON; or the content of a long one, which is given up by this; or a blob.
    task_id, run_id, organization_id
        Whose result it is, for the error.

    Returns
    -------
    object
        The value; ``None`` only where the algorithm's result is ``null``.

    Raises
    ------
    ResultError
        When it is not base64, not UTF-8 or not JSON, too deep for Python, or still encrypted:
        for another organization than this container's; or the blob store does not give it.
    RequestError
        When nobody answers for a blob.
    """
    advice = (
        "The algorithm has to write JSON to OUTPUT_FILE; in an encrypted collaboration, check "
        "that the result was encrypted for this organization."
    )
    try:
        if isinstance(result, Loadable):
            return result.load()
        return json.loads(base64_text.decode(result.encode("ascii")))
    except (binascii.Error, UnicodeEncodeError):
        reason = "is not base64"
    except UnicodeDecodeError:
        reason = "is not UTF-8"
    except RecursionError:
        reason = "is nested too deep for Python's JSON"
    except ValueError:
        reason = "is not JSON"
    except StatusError as error:
        reason = f"cannot be had from the blob store (status {error.status})"
        advice = (
            "It may have been deleted, or encrypted for another organization than this "
            "container's: the logs of the node and of the server say which."
        )
    if is_sealed(result):
        reason = "is still encrypted"
        advice = (
            "The node's proxy passes on what it cannot decrypt: the result was encrypted for "
            "another organization (the one that created the task), or for a key that the node no "
            "longer has."
        )
    whose = f" of organization {organization_id}" if organization_id is not None else ""
    raise ResultError(
        f"the result of run {run_id}{whose} (task {task_id}) {reason}. {advice}",
        task_id=task_id,
        run_id=run_id,
        organization_id=organization_id,
    )


def is_sealed(payload: str | bytes | Loadable) -> bool:
    """Tell whether a payload is an encrypted message, by how it begins."""
    head = payload.head if isinstance(payload, Loadable) else payload[:LONGEST_HEAD]
    return bool(_SEALED.match(head.encode("ascii", "replace") if isinstance(head, str) else head))


def _decoded_base64(input_: bytes) -> bytes:
    plain = None
    with contextlib.suppress(binascii.Error):
        plain = base64_text.decode(input_)
    if is_sealed(input_ if plain is None else plain):
        raise InvalidArgument(
            "input_ is encrypted already, and the node's proxy would encrypt it once more: no node "
            "could read it. Nothing was sent. Give the dict itself."
        )
    if plain is not None:
        return plain
    raise InvalidArgument(
        "bytes given as input_ have to be base64 already. Nothing was sent. Give the dict "
        "itself, or base64.b64encode(json.dumps(input_).encode())."
    )


def _first_unencodable(value: object) -> tuple[str, str] | None:
    """Find a part that JSON cannot hold: its place, and its type's name.

    Of the keys only those that every input has are told: the others may be data.
    """
    pending: list[tuple[str, object]] = [("", value)]
    seen: set[int] = set()
    while pending:
        place, part = pending.pop()
        if isinstance(part, _SCALARS) or id(part) in seen:
            continue
        seen.add(id(part))
        if isinstance(part, dict):
            for key, item in part.items():
                if not isinstance(key, _SCALARS):
                    return place, f"key of type {type(key).__name__}"
                shown = repr(key) if key in _INPUT_KEYS else "…"
                pending.append((f"{place}[{shown}]", item))
        elif isinstance(part, (list, tuple)):
            pending.extend((f"{place}[{index}]", item) for index, item in enumerate(part))
        else:
            return place, type(part).__name__
    return None
