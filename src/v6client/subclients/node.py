"""The node that the container runs on."""

from __future__ import annotations

from typing import Any

from v6client.errors import InvalidResponse
from v6client.http import shapes
from v6client.subclients.base import SubClient


class Node(SubClient):
    """Get information about the node."""

    def get(self) -> dict[str, Any]:
        """Get the node that this container runs on.

        The server lets no container read ``node/<id>`` (vantage6 4.15.2 answers with a 500), but
        each run comes with its node, so it is taken from the run of this container.

        Returns
        -------
        dict
            The node: ``id``, ``name``, ``ip`` (in the VPN) and ``status``.

        Raises
        ------
        RequestError
            When it cannot be had.
        """
        runs = self.parent.list_rows(
            "run",
            {"task_id": self.parent.task_id, "organization_id": self.parent.organization_id},
            operation="node.get",
            shape=shapes.run_page,
        )
        for run in runs:
            if shapes.resource(run.get("node")):
                return dict(run["node"])
        raise InvalidResponse(
            f"the run of task {self.parent.task_id} at organization {self.parent.organization_id} "
            "came without its node. Check that host, port and path are those of a vantage6 "
            "proxy or server, version 4.",
            method="GET",
            template="/run",
        )
