"""``/organization``, ``/collaboration``, ``/study`` and ``/node``: who takes part."""

from __future__ import annotations

import base64

from flask import Blueprint, Response, request

from v6client.sandbox.server.documents import (
    collaboration_document,
    node_document,
    organization_document,
    study_document,
)
from v6client.sandbox.server.identity import identity, only_for
from v6client.sandbox.server.includes import included
from v6client.sandbox.server.pages import Selection, reply_page
from v6client.sandbox.server.queries import by_id, execute, known, rows
from v6client.sandbox.server.replies import LACKING, Refusal, reply

routes = Blueprint("members", __name__)

_ORGANIZATION = ["id", "name", "domain", "address1", "address2", "zipcode", "country", "public_key"]


@routes.get("/organization")
@only_for("user", "node", "container")
def list_organizations() -> Response:
    """List the organizations that one collaborates with."""
    arguments = request.args
    selection = Selection("Organization", "organization.*", "organization", _ORGANIZATION)
    if "name" in arguments:
        selection.where("organization.name LIKE ?", arguments["name"])
    if "country" in arguments:
        selection.where("organization.country = ?", arguments["country"])
    if "collaboration_id" in arguments:
        identifier = int(arguments["collaboration_id"])
        if not identity().sees_collaboration(identifier):
            raise Refusal(
                401,
                "You lack the permission to get all organizations in your collaboration!",
            )
        selection.where(
            "organization.id IN (SELECT organization_id FROM member WHERE collaboration_id = ?)",
            identifier,
        )
    if "study_id" in arguments:
        study = by_id("study", arguments["study_id"])
        if study is None:
            raise LookupError("the real server fails for a study that does not exist")
        if not identity().sees_collaboration(study["collaboration_id"]):
            raise Refusal(401, "You lack the permission to get all organizations in a study!")
        selection.where(
            "organization.id IN (SELECT organization_id FROM study_member WHERE study_id = ?)",
            study["id"],
        )
    if "ids" in arguments:
        ids = arguments.getlist("ids")
        selection.where(f"organization.id IN ({', '.join('?' * len(ids))})", *ids)
    if not identity().is_user:
        selection.where(
            "organization.id IN (SELECT theirs.organization_id FROM member AS theirs JOIN member"
            " AS own USING (collaboration_id) WHERE own.organization_id = ?)",
            identity().organization_id,
        )
    return reply_page(selection, organization_document)


@routes.get("/organization/<int:identifier>")
@only_for("user", "node", "container")
def get_organization(identifier: int) -> Response:
    """Give one organization, with its public key."""
    row = by_id("organization", identifier)
    if row is None:
        raise Refusal(404, f"Organization id={identifier} not found!")
    if not identity().sees_organization(identifier):
        raise Refusal(401, "You do not have permission to do that!")
    return reply(organization_document(row))


@routes.patch("/organization/<int:identifier>")
@only_for("user", "node")
def patch_organization(identifier: int) -> Response:
    """Change an organization's public key: for nodes, their own."""
    body = request.get_json()
    row = by_id("organization", identifier)
    if row is None:
        raise Refusal(404, f"Organization with id={identifier} not found")
    own = identity().organization_id == identifier
    if not (own or identity().is_user):
        raise Refusal(401, LACKING)
    if body.get("public_key") is not None:
        if not own:
            raise Refusal(401, "Only members of an organization can update its public key!")
        key = base64.b64encode(base64.b64decode(body["public_key"])).decode()
        execute("UPDATE organization SET public_key = ? WHERE id = ?", key, identifier)
    return reply(organization_document(known("organization", identifier)))


@routes.get("/collaboration")
@only_for("user", "node")
def list_collaborations() -> Response:
    """List one's collaborations; not for containers."""
    selection = Selection(
        "Collaboration", "collaboration.*", "collaboration", ("id", "name", "encrypted")
    )
    if "name" in request.args:
        selection.where("collaboration.name LIKE ?", request.args["name"])
    include = included()
    return reply_page(selection, lambda row: collaboration_document(row, include))


@routes.get("/collaboration/<int:identifier>")
@only_for("user", "node", "container")
def get_collaboration(identifier: int) -> Response:
    """Give one collaboration."""
    row = by_id("collaboration", identifier)
    if row is None:
        raise Refusal(404, f"collaboration having id={identifier} not found")
    if not identity().sees_collaboration(identifier):
        raise Refusal(401, LACKING)
    return reply(collaboration_document(row, included()))


@routes.get("/study")
@only_for("user", "node")
def list_studies() -> Response:
    """List the studies that one takes part in; not for containers."""
    arguments = request.args
    selection = Selection("Study", "study.*", "study", ("id", "name", "collaboration_id"))
    if "name" in arguments:
        selection.where("study.name LIKE ?", arguments["name"])
    member = "study.id IN (SELECT study_id FROM study_member WHERE organization_id = ?)"
    if "organization_id" in arguments:
        own = arguments["organization_id"] == str(identity().organization_id)
        if not (identity().is_user or own):
            raise Refusal(401, "You lack the permission to request studies for this organization!")
        selection.where(member, arguments["organization_id"])
    if "collaboration_id" in arguments:
        if not identity().sees_collaboration(int(arguments["collaboration_id"])):
            raise Refusal(401, "You lack the permission to request studies for this collaboration!")
        selection.where("study.collaboration_id = ?", arguments["collaboration_id"])
    if not identity().is_user:
        selection.where(member, identity().organization_id)
    include = included()
    return reply_page(selection, lambda row: study_document(row, include))


@routes.get("/study/<int:identifier>")
@only_for("user", "node", "container")
def get_study(identifier: int) -> Response:
    """Give one study, to those who take part in it."""
    row = by_id("study", identifier)
    if row is None:
        raise Refusal(404, f"Study with id={identifier} not found")
    members = rows("SELECT organization_id FROM study_member WHERE study_id = ?", identifier)
    if not (identity().is_user or identity().organization_id in {entry[0] for entry in members}):
        raise Refusal(401, LACKING)
    return reply(study_document(row, included()))


@routes.get("/node")
@only_for("user", "node")
def list_nodes() -> Response:
    """List the nodes: for a node, itself; not for containers."""
    arguments = request.args
    selection = Selection("Node", "node.*", "node", ("id", "name", "status", "last_seen"))
    for name in ("organization_id", "collaboration_id"):
        if name in arguments:
            selection.where(f"node.{name} = ?", int(arguments[name]))
    for name in ("status", "ip"):
        if name in arguments:
            selection.where(f"node.{name} = ?", arguments[name])
    if "name" in arguments:
        selection.where("node.name LIKE ?", arguments["name"])
    if not identity().is_user:
        selection.where("node.organization_id = ?", identity().organization_id)
    return reply_page(selection, node_document)


@routes.get("/node/<int:identifier>")
@only_for("user", "node")
def get_node(identifier: int) -> Response:
    """Give one node; a container may not see any, not even its own."""
    row = by_id("node", identifier)
    if row is None:
        raise Refusal(404, f"Node id={identifier} is not found!")
    if not (identity().is_user or row["organization_id"] == identity().organization_id):
        raise Refusal(401, LACKING)
    return reply(node_document(row))
