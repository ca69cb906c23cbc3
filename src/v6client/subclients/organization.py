"""The organizations of the collaboration."""

from __future__ import annotations

import builtins
from typing import Any

from v6client.subclients.base import SubClient


class Organization(SubClient):
    """Get information about organizations in the collaboration."""

    def get(self, id_: int) -> dict[str, Any]:
        """Get an organization.

        Parameters
        ----------
        id_
            The organization's id.

        Returns
        -------
        dict
            The organization.

        Raises
        ------
        InvalidArgument
            When the id is no positive whole number.
        RequestError
            When it cannot be had; ``MaskedServerError`` where there is none with this id.
        """
        return self.parent.get_resource("organization", id_)

    def list(self) -> builtins.list[dict[str, Any]]:
        """Get all organizations of the study, or of the collaboration where there is no study.

        Returns
        -------
        list of dict
            The organizations, by ascending id.

        Raises
        ------
        RequestError
            When a page cannot be had.
        """
        study, collaboration = self.parent.study_id, self.parent.collaboration_id
        which = {"study_id": study} if study else {"collaboration_id": collaboration}
        # Unsorted, they come in an order of the database's own, which pages cannot rely on.
        return self.parent.list_rows(
            "organization", {**which, "sort": "id"}, operation="organization.list"
        )
