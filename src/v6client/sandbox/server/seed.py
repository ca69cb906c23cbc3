"""The members of a new network: organizations, their collaboration, nodes and studies."""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping, Sequence

from v6client.sandbox.server.database import transaction

COLLABORATION_ID = 1
RESEARCHER_ID = 1


def seed(  # noqa: PLR0913 - what a network consists of
    connection: sqlite3.Connection,
    *,
    organizations: Sequence[str],
    api_keys: Sequence[str],
    collaboration: str,
    username: str,
    studies: Mapping[str, Sequence[int]],
    public_keys: Sequence[str],
) -> None:
    """Fill an empty database; one that is filled stays as it is.

    Where organizations have public keys, their collaboration is encrypted.
    """
    if connection.execute("SELECT 1 FROM collaboration").fetchone():
        return
    with transaction(connection):
        connection.execute(
            "INSERT INTO collaboration (id, name, encrypted) VALUES (?, ?, ?)",
            (COLLABORATION_ID, collaboration, any(public_keys)),
        )
        members = zip(organizations, api_keys, public_keys, strict=True)
        for identifier, (name, api_key, public_key) in enumerate(members, 1):
            _add_organization(connection, identifier, name, public_key)
            connection.execute(
                "INSERT INTO node (id, name, api_key, organization_id, collaboration_id)"
                " VALUES (?, ?, ?, ?, ?)",
                (
                    RESEARCHER_ID + identifier,
                    f"{name} - {collaboration} Node",
                    api_key,
                    identifier,
                    COLLABORATION_ID,
                ),
            )
        connection.execute(
            "INSERT INTO user (id, username, organization_id) VALUES (?, ?, 1)",
            (RESEARCHER_ID, username),
        )
        for study_id, (name, participants) in enumerate(studies.items(), 1):
            connection.execute(
                "INSERT INTO study (id, name, collaboration_id) VALUES (?, ?, ?)",
                (study_id, name, COLLABORATION_ID),
            )
            connection.executemany(
                "INSERT INTO study_member (study_id, organization_id) VALUES (?, ?)",
                [(study_id, participant) for participant in participants],
            )


def _add_organization(
    connection: sqlite3.Connection, identifier: int, name: str, public_key: str
) -> None:
    connection.execute(
        "INSERT INTO organization"
        " (id, name, domain, address1, address2, zipcode, country, public_key)"
        " VALUES (?, ?, ?, '', '', '', '', ?)",
        (identifier, name, f"organization-{identifier}.example", public_key),
    )
    connection.execute(
        "INSERT INTO member (collaboration_id, organization_id) VALUES (?, ?)",
        (COLLABORATION_ID, identifier),
    )
