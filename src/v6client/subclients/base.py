"""What all sub-clients share: their parent."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from v6client.client import AlgorithmClient


class SubClient:
    """A group of calls.

    Parameters
    ----------
    parent
        The client; or another sub-client, whose client is taken.
    """

    def __init__(self, parent: AlgorithmClient | SubClient) -> None:
        self.parent: AlgorithmClient = parent.parent if isinstance(parent, SubClient) else parent
