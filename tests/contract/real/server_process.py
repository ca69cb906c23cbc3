# It runs in vantage6's own environment, whose packages carry no types.
# mypy: ignore-errors
"""The real vantage6 server as one process on 127.0.0.1, without Docker.

``python server_process.py PLAN``: the plan is a JSON file that :mod:`stack` writes. At the first
start the database is filled as the plan says and the ids are written to the plan's ``network``
file; later starts find that file and serve the database as it is.
"""

from __future__ import annotations

import base64
import json
import os
import sys
import types
from contextlib import suppress
from pathlib import Path
from typing import Any

# Before vantage6.server, whose import starts gevent: pyfiglet and appdirs read the environment too.
import gevent.os
from vantage6.common.docker import addons

# A machine that is itself a container has a /.dockerenv, and the context would use /mnt then.
addons.running_in_docker = lambda: False

import bcrypt  # noqa: E402 - the same reason for all below
import flask  # noqa: E402
import gevent  # noqa: E402
from cryptography.hazmat.primitives import serialization  # noqa: E402
from cryptography.hazmat.primitives.asymmetric import rsa  # noqa: E402
from python_enums import format_as_in_python_310  # noqa: E402
from vantage6.cli.context.server import ServerContext  # noqa: E402
from vantage6.server import ServerApp, db  # noqa: E402
from vantage6.server.model.base import Database  # noqa: E402


def exit_when_the_parent_does() -> None:
    """Leave when standard input closes, which it does however the parent ends."""
    while gevent.os.tp_read(0, 1024):
        pass
    os._exit(0)


def write_private_key(path: Path) -> str:
    """Make an organization's key and give its public half as the server stores it.

    2048 bits instead of vantage6's 4096: the code accepts both, and four 4096-bit keys take as
    long as everything else together.
    """
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    path.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.TraditionalOpenSSL,
            serialization.NoEncryption(),
        )
    )
    public = key.public_key().public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    return base64.b64encode(public).decode()


def fill_database(plan: dict[str, Any]) -> dict[str, Any]:
    """Create organizations, one researcher, the collaboration, its nodes and its studies."""
    # Each node log-in compares its key with the hash of every node before it, at bcrypt's 12
    # rounds a quarter of a second each.
    slow_salt = bcrypt.gensalt
    bcrypt.gensalt = lambda *_: slow_salt(4)

    collaboration = db.Collaboration(name=plan["collaboration"], encrypted=plan["encrypted"])
    organizations = []
    for wanted in plan["organizations"]:
        public_key = write_private_key(Path(wanted["private_key"])) if plan["encrypted"] else ""
        organization = db.Organization(
            name=wanted["name"],
            domain=f"{wanted['name'].lower()}.example",
            address1="",
            address2="",
            zipcode="",
            country="",
            public_key=public_key,
        )
        organization.save()
        organizations.append(organization)
        collaboration.organizations.append(organization)
    collaboration.save()

    role = db.Role(name="super", description="", rules=db.Rule.get(), organization=organizations[0])
    role.save()
    user = db.User(
        username=plan["researcher"]["username"],
        password=plan["researcher"]["password"],
        firstname="",
        lastname="",
        email="researcher@example.org",
        organization=organizations[0],
        roles=[role],
    )
    user.save()

    # After the user: nodes and users share one sequence, so that no test can mistake the id of a
    # node for that of its organization.
    nodes = []
    for organization, wanted in zip(organizations, plan["organizations"], strict=True):
        node = db.Node(
            name=f"{organization.name} node",
            organization=organization,
            collaboration=collaboration,
            api_key=wanted["api_key"],
        )
        node.save()
        nodes.append(node)

    studies = {}
    for name, members in plan["studies"].items():
        study = db.Study(name=name, collaboration=collaboration)
        study.organizations = [organizations[member] for member in members]
        study.save()
        studies[name] = study.id

    return {
        "collaboration_id": collaboration.id,
        "studies": studies,
        "organizations": [
            {"id": organization.id, "name": organization.name, "node_id": node.id}
            for organization, node in zip(organizations, nodes, strict=True)
        ],
    }


def prepare_blobs(connection_string: str, plan: dict[str, Any]) -> None:
    """Make the place for blobs, which the server expects to be there, and what it reads them with.

    In production it runs in uwsgi, and here under gevent.
    """
    from azure.core.exceptions import ResourceExistsError  # noqa: PLC0415 - 4.9 knows no blobs
    from azure.storage.blob import BlobServiceClient  # noqa: PLC0415
    from vantage6.server.resource import blobstream  # noqa: PLC0415

    blobstream.uwsgi = types.SimpleNamespace(chunked_read=next_chunk)
    with suppress(ResourceExistsError):
        BlobServiceClient.from_connection_string(connection_string).create_container(
            plan["blob_container"]
        )


def next_chunk(_: int) -> bytes:
    """Read on in the body of the request, as ``uwsgi.chunked_read`` does."""
    return flask.request.environ["wsgi.input"].read(1 << 16)


def main() -> None:
    """Serve until standard input closes."""
    plan = json.loads(Path(sys.argv[1]).read_text())
    format_as_in_python_310()
    gevent.spawn(exit_when_the_parent_does)
    context = ServerContext.from_external_config_file(plan["config"], system_folders=False)
    Database().connect(uri=context.get_database_uri(), allow_drop_all=False)
    if plan["blob_container"]:
        prepare_blobs(context.config["large_result_store"]["connection_string"], plan)
    server = ServerApp(context).start()
    network = Path(plan["network"])
    if not network.exists():
        written = network.with_suffix(".part")
        written.write_text(json.dumps(fill_database(plan)))
        written.rename(network)
    server.socketio.run(server.app, host="127.0.0.1", port=plan["port"], log_output=False)


if __name__ == "__main__":
    main()
