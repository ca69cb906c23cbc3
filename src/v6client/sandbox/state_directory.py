"""A sandbox's directory: locked while in use, and the same network again when started again."""

from __future__ import annotations

import fcntl
import os
import secrets
import uuid
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from v6client.errors import ConfigurationError
from v6client.sandbox.private_files import make_directory, read_json, write_json

_KEYS = "keys.json"
_LOGIN = "researcher.json"
_LOCK = "lock"
USERNAME = "researcher"
COLLABORATION = "sandbox"


class StateDirectory:
    """The directory of one running sandbox.

    Raises
    ------
    ConfigurationError
        If another sandbox runs in it, or another network is in it.
    """

    def __init__(self, path: Path) -> None:
        self.path = make_directory(path)
        self._lock: int | None = os.open(path / _LOCK, os.O_RDWR | os.O_CREAT, 0o600)
        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            self.close()
            raise ConfigurationError(
                f"a sandbox is running in {path} already; stop it, or choose another directory"
            ) from None

    def close(self) -> None:
        """Let another sandbox use the directory."""
        if self._lock is not None:
            os.close(self._lock)
            self._lock = None

    @property
    def database(self) -> Path:
        """The server's database."""
        return self.path / "server.sqlite"

    @property
    def blobs(self) -> Path:
        """The blob store, where the network has one."""
        return self.path / "blobs"

    def log(self, name: str) -> Path:
        """Give the log file of a process."""
        return self.path / f"{name}.log"

    def node(self, organization_id: int) -> Path:
        """Give the directory of a node, where its runs have theirs."""
        return make_directory(self.path / f"node-{organization_id}")

    def private_key(self, organization_id: int) -> Path:
        """Give the file with the key of an organization, where the network is encrypted."""
        return self.path / f"organization-{organization_id}.pem"

    def keys(
        self,
        organizations: Sequence[str],
        studies: Mapping[str, Sequence[int]],
        *,
        encrypted: bool,
        blob_store: bool,
    ) -> dict[str, Any]:
        """Give the secrets of the network, new ones if it is new."""
        path = self.path / _KEYS
        network = {
            "organizations": list(organizations),
            "studies": {name: list(members) for name, members in studies.items()},
            "encrypted": encrypted,
            # Networks that were made before there were blobs have no such entry.
            **({"blob_store": True} if blob_store else {}),
        }
        if path.exists():
            keys: dict[str, Any] = read_json(path)
            if keys["network"] != network:
                raise ConfigurationError(
                    f"{self.path} holds another network ({_described(keys['network'])}); choose"
                    " another directory, or delete this one"
                )
            return keys
        keys = {
            "network": network,
            "secret": secrets.token_hex(32),
            "password": secrets.token_urlsafe(18),
            "api_keys": [str(uuid.uuid4()) for _ in organizations],
        }
        write_json(path, keys)
        return keys

    def write_login(
        self, server_url: str, password: str, private_key: Path | None, *, blob_store: bool
    ) -> Path:
        """Write where the server is and how the researcher logs in and reads; give the file."""
        path = login_file(self.path)
        login = {"server_url": server_url, "username": USERNAME, "password": password}
        key = str(private_key) if private_key else None
        write_json(path, {**login, "private_key": key, "blob_store": blob_store})
        return path


def _described(network: Mapping[str, Any]) -> str:
    names = ", ".join(network["organizations"])
    kinds = [kind for kind in ("encrypted", "blob_store") if network.get(kind)]
    return ", ".join([f"organizations {names}", *kinds])


def login_file(directory: Path) -> Path:
    """Give the file that holds the researcher's login."""
    return directory / _LOGIN
