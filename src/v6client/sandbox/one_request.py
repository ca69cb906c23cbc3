"""One request to the sandbox's server, on a connection of its own."""

from __future__ import annotations

from collections.abc import Mapping

import requests


def ask(  # noqa: PLR0913 - what a request consists of
    method: str,
    url: str,
    *,
    token: str,
    json: object = None,
    data: bytes | None = None,
    params: Mapping[str, str | int] | None = None,
    timeout: tuple[float, float],
) -> requests.Response:
    """Send a request and give its answer, whatever its status.

    A connection is not used again: the answers of gevent's server are 40 ms late on one that is
    (two small writes meet a delayed ACK). No proxy of the environment applies on one machine.
    """
    with requests.Session() as session:
        session.trust_env = False
        return session.request(
            method,
            url,
            json=json,
            # In chunks, as the real server expects a blob.
            data=None if data is None else iter([data]),
            params=params,
            headers={"Authorization": f"Bearer {token}"} if token else None,
            timeout=timeout,
        )
