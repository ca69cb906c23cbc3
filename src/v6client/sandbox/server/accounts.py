"""What only users may see: ``/user``, ``/role``, ``/rule``, ``/algorithmstore``; ``/vpn`` of nodes.

An algorithm that follows a link there gets the unexpected error of the real server.
"""

from __future__ import annotations

import sqlite3

from flask import Blueprint, Response

from v6client.sandbox.server.documents import Document, link, listing
from v6client.sandbox.server.identity import only_for
from v6client.sandbox.server.pages import Selection, reply_page
from v6client.sandbox.server.queries import by_id
from v6client.sandbox.server.replies import Refusal, reply

routes = Blueprint("accounts", __name__)


@routes.get("/user")
@only_for("user")
def list_users() -> Response:
    """List the users."""
    return reply_page(Selection("User", "user.*", "user", ("id", "username")), _user_document)


@routes.get("/user/<int:identifier>")
@only_for("user")
def get_user(identifier: int) -> Response:
    """Give a user."""
    row = by_id("user", identifier)
    if row is None:
        raise Refusal(404, f"user id={identifier} is not found")
    return reply(_user_document(row))


def _user_document(row: sqlite3.Row) -> Document:
    return {
        "roles": listing("role", "user_id", row["id"]),
        "rules": listing("rule", "user_id", row["id"]),
        "organization": link("organization", row["organization_id"]),
        "id": row["id"],
        "type": "user",
        "username": row["username"],
    }


@routes.get("/role", defaults={"resource": "role"})
@routes.get("/rule", defaults={"resource": "rule"})
@routes.get("/algorithmstore", defaults={"resource": "algorithmstore"})
@only_for("user")
def list_nothing(resource: str) -> Response:
    """List nothing: the sandbox has no roles, rules or stores."""
    page = f"/api/{resource}?page=1"
    return reply({"data": [], "links": {"first": page, "self": page}}, headers={"total-count": "0"})


@routes.get("/vpn")
@only_for("node")
def get_vpn() -> Response:
    """Refuse: there is no VPN."""
    raise Refusal(501, "This server does not support VPN")
