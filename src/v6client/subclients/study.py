"""The studies of the collaboration."""

from __future__ import annotations

import builtins
from typing import Any

from v6client.subclients.base import SubClient


class Study(SubClient):
    """Get information about the study or studies."""

    def get(self, id_: int) -> dict[str, Any]:
        """Get a study.

        Parameters
        ----------
        id_
            The study's id.

        Returns
        -------
        dict
            The study.

        Raises
        ------
        InvalidArgument
            When the id is no positive whole number.
        RequestError
            When it cannot be had; ``MaskedServerError`` where there is none with this id.
        """
        return self.parent.get_resource("study", id_)

    def list(self) -> builtins.list[dict[str, Any]]:
        """Get all studies of the collaboration.

        Returns
        -------
        list of dict
            The studies, by ascending id; empty where there are none.

        Raises
        ------
        RequestError
            When a page cannot be had. vantage6 4.15.2 lets no container list studies (its server
            answers with a 500): that is a ``MaskedServerError`` then.
        """
        query = {"collaboration_id": self.parent.collaboration_id, "sort": "id"}
        return self.parent.list_rows("study", query, operation="study.list")
