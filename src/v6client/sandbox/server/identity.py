"""Who asks: a user, a node or a container, and what their role lets them see."""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeVar, cast

from flask import current_app, g, request

from v6client.sandbox.server import tokens
from v6client.sandbox.server.queries import known, row, rows
from v6client.sandbox.server.state import ServerState

_Route = TypeVar("_Route", bound=Callable[..., object])


@dataclass(frozen=True)
class Identity:
    """The bearer of a token.

    The researcher has every right, as the real server's root has. Nodes and containers have
    those of their default roles: to see what belongs to their collaboration.
    """

    kind: str
    organization_id: int
    collaboration_ids: frozenset[int]
    id: int | None = None
    container: Mapping[str, Any] = field(default_factory=dict)

    @property
    def is_user(self) -> bool:
        """Whether a person asks."""
        return self.kind == "user"

    def sees_collaboration(self, collaboration_id: int) -> bool:
        """Whether tasks, runs and organizations of a collaboration are visible."""
        return self.is_user or collaboration_id in self.collaboration_ids

    def sees_organization(self, organization_id: int) -> bool:
        """Whether an organization is visible: one's own, or one to collaborate with."""
        if self.is_user or organization_id == self.organization_id:
            return True
        together = row(
            "SELECT 1 FROM member AS theirs JOIN member AS own USING (collaboration_id)"
            " WHERE theirs.organization_id = ? AND own.organization_id = ?",
            organization_id,
            self.organization_id,
        )
        return together is not None


def state() -> ServerState:
    """Give the state of the server that handles this request."""
    return cast("ServerState", current_app.extensions["sandbox"])


def identity() -> Identity:
    """Give the bearer of this request's token."""
    return cast("Identity", g.identity)


def only_for(*kinds: str) -> Callable[[_Route], _Route]:
    """Let only some kinds of bearers in.

    The others get an unexpected error: the real server raises a bare exception, so a container
    that lists nodes sees a 500 and not a 401.
    """

    def decorate(route: _Route) -> _Route:
        @functools.wraps(route)
        def guarded(*args: object, **kwargs: object) -> object:
            claims = tokens.read(state().secret, request.headers.get("Authorization"))
            kind = claims["client_type"]
            if kind not in kinds:
                message = f"{kind}s are not allowed to access {request.method} {request.path}"
                raise PermissionError(message)
            g.identity = _identify(kind, claims["sub"])
            return route(*args, **kwargs)

        return cast("_Route", guarded)

    return decorate


def _identify(kind: str, subject: Any) -> Identity:  # noqa: ANN401 - from a token
    if kind == "container":
        return Identity(
            kind,
            subject["organization_id"],
            frozenset({subject["collaboration_id"]}),
            container=subject,
        )
    organization_id = known({"user": "user", "node": "node"}[kind], subject)["organization_id"]
    collaborations = rows(
        "SELECT collaboration_id FROM member WHERE organization_id = ?", organization_id
    )
    members = frozenset(entry["collaboration_id"] for entry in collaborations)
    return Identity(kind, organization_id, members, id=subject)
