"""What the proxy asks before it posts a task: whether the collaboration is encrypted.

The real proxy asks this with the node's own client, which has other habits than the proxy: a
server that cannot be reached is waited for without end, and one that answers with an error is
asked once more with a new token.
"""

from __future__ import annotations

import logging
import time

import requests

from v6client.sandbox.node.link import ServerLink

_log = logging.getLogger(__name__)

_HIGHEST_SUCCESS = 210
_PAUSE = 1.0


class Collaboration:
    """The collaboration of a node.

    Parameters
    ----------
    link
        The node's way to the server.
    identifier
        The collaboration's id.
    server_url
        Where the proxy sends what containers ask; the link's own address by default.
    """

    def __init__(self, link: ServerLink, identifier: int, server_url: str | None = None) -> None:
        self._link = link
        self._identifier = identifier
        self.server_url = server_url or link.server_url

    def is_encrypted(self) -> bool:
        """Ask the server whether the collaboration is encrypted."""
        response = self._ask()
        if response.status_code > _HIGHEST_SUCCESS:
            _log.error("the server answered %s", response.status_code)
            self._link.renew_token()
            response = self._ask()
        # Like the real one: an error is taken for no, and the server refuses the plain input.
        return bool(response.json().get("encrypted"))

    def has_blob_store(self) -> bool:
        """Ask the server whether inputs are blobs, which are encrypted already."""
        return self._link.has_blob_store()

    def _ask(self) -> requests.Response:
        url = f"{self._link.server_url}/collaboration/{self._identifier}"
        while True:
            try:
                return requests.get(url, headers=self._link.authorization)  # noqa: S113 - so does the real one
            except requests.ConnectionError:
                _log.error("the server cannot be reached, asking again")
                # Without monkey patching this stops the whole proxy.
                time.sleep(_PAUSE)
