"""The collaboration that the container works in."""

from __future__ import annotations

from typing import Any

from v6client.subclients.base import SubClient


class Collaboration(SubClient):
    """Get information about the collaboration."""

    def get(self) -> dict[str, Any]:
        """Get the container's collaboration.

        Returns
        -------
        dict
            The collaboration.

        Raises
        ------
        RequestError
            When it cannot be had.
        """
        return self.parent.get_resource("collaboration", self.parent.collaboration_id)
