"""VPN: the addresses of other algorithm containers."""

from __future__ import annotations

from typing import Any, cast

from v6client.errors import InvalidArgument
from v6client.http import shapes
from v6client.subclients.base import SubClient

Addresses = list[dict[str, Any]] | dict[str, str]

_NONE_GIVEN = {"message": "Obtaining VPN addresses failed!"}


class VPN(SubClient):
    """Get the addresses of other containers of this job."""

    def get_addresses(  # noqa: PLR0913 - upstream's signature
        self,
        only_children: bool = False,
        only_parent: bool = False,
        only_siblings: bool = False,
        only_self: bool = False,
        include_children: bool = False,
        include_parent: bool = False,
        label: str | None = None,
    ) -> Addresses:
        """Get VPN addresses and ports of containers of this job.

        A run may expose several ports, so an address may be there more than once.

        Parameters
        ----------
        only_children, only_parent, only_siblings, only_self
            Only these; at most one of the four.
        include_children, include_parent
            These too. Not together with the ``only_`` of the other level.
        label
            Only ports with this label, which is set in the algorithm's Dockerfile.

        Returns
        -------
        list of dict, or dict
            Addresses with the keys ``ip``, ``port``, ``label``, ``organization_id``,
            ``task_id`` and ``parent_id``; or ``{"message": …}`` where the server answered
            without addresses, as upstream documents it.

        Raises
        ------
        InvalidArgument
            When more than one of the ``only_`` flags is set.
        RequestError
            When the request failed.
        """
        flags = {
            "only_children": only_children,
            "only_parent": only_parent,
            "only_siblings": only_siblings,
            "only_self": only_self,
            "include_children": include_children,
            "include_parent": include_parent,
        }
        exclusive = [name for name, is_set in flags.items() if is_set and name.startswith("only_")]
        if len(exclusive) > 1:
            raise InvalidArgument(
                f"{' and '.join(exclusive)} exclude each other. Nothing was sent. Set one of them."
            )
        # Only what is set: the server takes the text "False" for true.
        query: dict[str, Any] = {name: 1 for name, is_set in flags.items() if is_set}
        if label:
            query["label"] = label
        answer = self.parent.request(
            "vpn/algorithm/addresses",
            params=query,
            operation="vpn.get_addresses",
            shape=shapes.addresses,
        )
        return cast("Addresses", answer.get("addresses", dict(_NONE_GIVEN)))

    def get_child_addresses(self) -> Addresses:
        """Get the addresses of this task's subtasks; see :meth:`get_addresses`."""
        return self.get_addresses(only_children=True)

    def get_own_address(self) -> Addresses:
        """Get this run's own addresses; see :meth:`get_addresses`."""
        return self.get_addresses(only_self=True)

    def get_parent_address(self) -> Addresses:
        """Get the addresses of the parent task's run; see :meth:`get_addresses`."""
        return self.get_addresses(only_parent=True)

    def get_sibling_addresses(self) -> Addresses:
        """Get the addresses of this task's other runs; see :meth:`get_addresses`."""
        return self.get_addresses(only_siblings=True)
