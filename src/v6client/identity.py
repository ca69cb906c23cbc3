"""Who a container is: what its token says."""

from __future__ import annotations

import contextlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from v6client.errors import ConfigurationError

_ADVICE = (
    "Give the text of the file that TOKEN_FILE names, which the node writes for each run; a "
    "user's or a node's token is not one."
)


@dataclass(frozen=True, slots=True)
class Identity:
    """What a container's token says about it.

    Parameters
    ----------
    image, databases
        The algorithm's image, and the databases that the task was given.
    node_id, organization_id, collaboration_id, task_id
        Where it runs, and for which task.
    study_id, store_id
        Where the task belongs to one.
    """

    image: str
    databases: tuple[Mapping[str, Any], ...]
    node_id: int
    organization_id: int
    collaboration_id: int
    task_id: int
    study_id: int | None
    store_id: int | None

    @classmethod
    def of(cls, token: object) -> Identity:
        """Read a token. Its signature is the server's to check.

        Raises
        ------
        ConfigurationError
            When it is not a container's token.
        """
        if not isinstance(token, str) or not token:
            raise ConfigurationError(
                f"token has to be a str with a JWT, not {type(token).__name__}"
                f"{' of length 0' if token == '' else ''}. {_ADVICE}"
            )
        # It brings cryptography along, which who only imports v6client does not need.
        import jwt  # noqa: PLC0415

        claims: Mapping[str, Any] = {}
        with contextlib.suppress(jwt.PyJWTError, ValueError):
            claims = jwt.decode(token, options={"verify_signature": False})
        subject = claims.get("sub")
        if not isinstance(subject, dict):
            raise ConfigurationError(f"the token is not a container's token. {_ADVICE}")
        for name in ("node_id", "organization_id", "collaboration_id", "task_id"):
            if type(subject.get(name)) is not int:
                raise ConfigurationError(f"the token has no {name}. {_ADVICE}")
        databases = subject.get("databases") or []
        image = subject.get("image")
        if (
            not isinstance(image, str)
            or not isinstance(databases, list)
            or not all(isinstance(one, dict) for one in databases)
        ):
            raise ConfigurationError(f"the token has no image, or no list of databases. {_ADVICE}")
        return cls(
            image=image,
            databases=tuple(databases),
            node_id=subject["node_id"],
            organization_id=subject["organization_id"],
            collaboration_id=subject["collaboration_id"],
            task_id=subject["task_id"],
            study_id=subject.get("study_id"),
            store_id=subject.get("store_id"),
        )
