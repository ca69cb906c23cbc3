"""The networks that the contract is held against, with one way to start each."""

from __future__ import annotations

import contextlib
import functools
import os
import sqlite3
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any, Final

import v6client
from tests.contract.real import azurite
from tests.contract.real.install import VERSION, cached_venv, is_installed
from tests.contract.real.stack import RealStack
from v6client.sandbox import Sandbox

ALGORITHMS: Final = Path(__file__).parent / "algorithms"
IMAGE: Final = "harbor.example/contract"
OLDER: Final = "4.9.1"
"""The oldest vantage6 that is supported. Its tests run where ``CONTRACT_OLDER`` is set."""

# An algorithm imports the client that is tested, whatever is installed besides.
_PYTHON_PATH: Final = (ALGORITHMS, Path(v6client.__file__).parents[1])

Network = Any
"""A :class:`Sandbox` or a :class:`RealStack`: alike as far as it is used here."""

Container = Any
"""A container whose part the test plays: token, host, port, path, task_id, organization_id."""

Start = Callable[..., AbstractContextManager[Network]]


def start_sandbox(
    organizations: int = 4, *, studies: Mapping[str, Sequence[int]] | None = None, **more: Any
) -> AbstractContextManager[Network]:
    """Start a sandbox; ``studies`` has the places of organizations, from 0."""
    return Sandbox(
        organizations,
        algorithms={IMAGE: "contract_algorithm"},
        python_path=_PYTHON_PATH,
        studies={name: [1 + place for place in places] for name, places in (studies or {}).items()},
        **more,
    )


def start_real(
    organizations: int = 4,
    *,
    studies: Mapping[str, Sequence[int]] | None = None,
    version: str = VERSION,
    **more: Any,
) -> AbstractContextManager[Network]:
    """Start the real server and nodes; ``studies`` has the places of organizations, from 0."""
    return RealStack(
        organizations,
        algorithms={IMAGE: "contract_algorithm"},
        python_path=_PYTHON_PATH,
        studies=studies,
        venv=cached_venv(version),
        **more,
    )


PLAIN: Final = ("sandbox", "real")
ENCRYPTED: Final = ("sandbox-encrypted", "real-encrypted")
BLOBS: Final = (
    *("sandbox-blobs", "real-blobs"),
    *("sandbox-encrypted-blobs", "real-encrypted-blobs"),
)
OLD: Final = f"real-{OLDER}"

STARTS: Final[Mapping[str, Start]] = {
    "sandbox": start_sandbox,
    "sandbox-encrypted": functools.partial(start_sandbox, encrypted=True),
    "sandbox-blobs": functools.partial(start_sandbox, blob_store=True),
    "sandbox-encrypted-blobs": functools.partial(start_sandbox, encrypted=True, blob_store=True),
    "real": start_real,
    "real-encrypted": functools.partial(start_real, encrypted=True),
    "real-blobs": functools.partial(start_real, blob_store=True),
    "real-encrypted-blobs": functools.partial(start_real, encrypted=True, blob_store=True),
    OLD: functools.partial(start_real, version=OLDER),
}


def why_not(name: str) -> str:
    """Say why a network cannot be started here; nothing where it can."""
    if not name.startswith("real"):
        return ""
    version = OLDER if name == OLD else VERSION
    if not is_installed(cached_venv(version), version):
        return f"the real vantage6 {version} is not installed: type 'make contract'"
    if name.endswith("blobs") and not azurite.is_installed():
        return "Azurite, the blob store of the real server, is not installed: type 'make contract'"
    return ""


def older_is_wanted() -> bool:
    """Tell whether the tests against the oldest supported vantage6 are to run."""
    return bool(os.environ.get("CONTRACT_OLDER"))


def forget_run(network: Network, task_id: int, organization_id: int) -> None:
    """Remove a run from the server's database, which no request can bring about."""
    file = network.directory / "server.sqlite"
    with contextlib.closing(sqlite3.connect(file, timeout=30)) as database, database:
        database.execute(
            "DELETE FROM run WHERE task_id = ? AND organization_id = ?", (task_id, organization_id)
        )
