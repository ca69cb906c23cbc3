"""Where things are in a sandbox: what a test or a person needs to connect."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field


@dataclass(frozen=True)
class SandboxOrganization:
    """An organization and the proxy of its node.

    ``proxy_port`` is 0 where the node is registered but not running.
    """

    id: int
    name: str
    node_id: int
    proxy_port: int
    proxy_host: str = "http://127.0.0.1"
    proxy_path: str = ""


@dataclass(frozen=True)
class Container:
    """What an algorithm's container is given: pass it to ``AlgorithmClient``.

    ``AlgorithmClient(token=c.token, host=c.host, port=c.port, path=c.path)``
    """

    token: str = field(repr=False)
    host: str
    port: int
    path: str
    task_id: int
    run_id: int
    organization_id: int


def organizations_of(
    names: Sequence[str], proxy_ports: Mapping[int, int]
) -> tuple[SandboxOrganization, ...]:
    """Give the organizations of these names, by ascending id."""
    return tuple(
        SandboxOrganization(
            id=identifier,
            name=name,
            # The researcher has the first id of the sequence that users and nodes share.
            node_id=identifier + 1,
            proxy_port=proxy_ports.get(identifier, 0),
        )
        for identifier, name in enumerate(names, 1)
    )
