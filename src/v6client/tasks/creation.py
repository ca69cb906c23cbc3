"""What a subtask is asked for: all that can be checked before the wire, and the body."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from v6client.errors import InvalidArgument
from v6client.http.body import Ascii
from v6client.http.endpoint import identifier
from v6client.tasks.carrier import LONGEST_DESCRIPTION
from v6client.tasks.history import Kind

# The server's own limit (vantage6-server 4.15.2, input schema of POST /task).
LONGEST_NAME: Final = 128


@dataclass(frozen=True, slots=True)
class Origin:
    """What a container's token says that its subtasks have to be.

    Parameters
    ----------
    image
        The only image that a subtask may have.
    collaboration_id, study_id, store_id
        Where the task belongs; a study and a store only where the parent has them.
    databases
        The parent's databases, as they are posted again.
    """

    image: str
    collaboration_id: int
    study_id: int | None
    store_id: int | None
    databases: tuple[Mapping[str, Any], ...]


def checked_organizations(organizations: object) -> tuple[int, ...]:
    """Check the organizations of a task.

    Returns
    -------
    tuple of int
        Their ids, in the order given, which is the order of the results.

    Raises
    ------
    InvalidArgument
        When there is none, one is no id, or one is there twice.
    """
    if isinstance(organizations, (str, bytes, Mapping)) or not (
        organizations is None or isinstance(organizations, Iterable)
    ):
        raise InvalidArgument(
            "organizations has to be a list of organization ids, not "
            f"{type(organizations).__name__}. Nothing was sent."
        )
    given: Iterable[object] = () if organizations is None else organizations
    ids = tuple(identifier(one, "organization id") for one in given)
    if not ids:
        raise InvalidArgument(
            "organizations is empty: a task needs at least one. Nothing was sent. Give a list of "
            "ids, such as [one['id'] for one in client.organization.list()]."
        )
    twice = sorted({one for one in ids if ids.count(one) > 1})
    if twice:
        raise InvalidArgument(
            f"organization {', '.join(map(str, twice))} is there more than once; the server "
            "refuses that. Nothing was sent. Give each organization once."
        )
    return ids


def checked_name(name: object) -> str:
    """Check a task's name: 1 to 128 characters, not all digits.

    Raises
    ------
    InvalidArgument
        When the server would refuse it.
    """
    if not isinstance(name, str) or not 1 <= len(name) <= LONGEST_NAME or name.isnumeric():
        raise InvalidArgument(
            f"name has to be a str of 1 to {LONGEST_NAME} characters that are not all digits. "
            "Nothing was sent."
        )
    return name


def checked_description(description: object) -> str:
    """Check a task's description: at most 1024 characters.

    Raises
    ------
    InvalidArgument
        When the server would refuse it.
    """
    if not isinstance(description, str) or len(description) > LONGEST_DESCRIPTION:
        raise InvalidArgument(
            f"description has to be a str of at most {LONGEST_DESCRIPTION} characters. "
            "Nothing was sent."
        )
    return description


@dataclass(frozen=True, slots=True)
class Asked:
    """What the caller asked for, checked and encoded.

    Parameters
    ----------
    name, description
        The task's.
    input_
        What is sent, held once: the base64 text, or of a blob the document.
    kind
        What tasks it is compared with, as to how long it takes.
    is_blob
        Whether the input goes to the blob store, and the body has the id of a blob in its place.
    """

    name: str
    description: str
    input_: bytes = field(repr=False)
    kind: Kind
    is_blob: bool = False


def task_body(origin: Origin, asked: Asked, organizations: tuple[int, ...]) -> dict[str, Any]:
    """Write the body of ``POST task``; of blobs, without what stands for the input.

    The input is the same text for each organization, held once: where the collaboration is
    encrypted, the node's proxy encrypts it for each.
    """
    text = {} if asked.is_blob else {"input": Ascii(asked.input_)}
    body: dict[str, Any] = {
        "name": asked.name,
        "image": origin.image,
        "collaboration_id": origin.collaboration_id,
        "description": asked.description,
        "organizations": [{"id": one, **text} for one in organizations],
        "databases": [dict(one) for one in origin.databases],
    }
    if origin.study_id:
        body["study_id"] = origin.study_id
    if origin.store_id:
        body["store_id"] = origin.store_id
    return body
