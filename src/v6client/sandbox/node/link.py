"""What a node asks of the server."""

from __future__ import annotations

import logging
import threading
from collections.abc import Collection, Mapping
from typing import Any

import requests

from v6client.sandbox.one_request import ask

_log = logging.getLogger(__name__)

_UNAUTHORIZED, _REFUSED, _FAILED = 401, 400, 500
_CONNECT_SECONDS = 2.0
# How long the server may hold a question for work, and how long any answer may take.
_WORK_SECONDS = 20.0
_READ_SECONDS = 30.0
_FIRST_PAUSE, _LONGEST_PAUSE = 0.05, 1.0


class Refused(Exception):  # noqa: N818 - an answer, not a fault
    """The server refused: to ask again would not help."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(f"{status}: {message}")
        self.status = status


class Stopped(Exception):  # noqa: N818 - not a fault
    """The node stops, so the server is not waited for any longer."""


class ServerLink:
    """A node's requests to the server, repeated until it answers or the node stops.

    ``server_url`` is the server's address, with ``/api``.
    """

    def __init__(self, server_url: str, api_key: str, stopping: threading.Event) -> None:
        self.server_url = server_url
        self._api_key = api_key
        self._stopping = stopping
        self._token = ""

    @property
    def authorization(self) -> dict[str, str]:
        """The header that says which node asks."""
        return {"Authorization": f"Bearer {self._token}"}

    def log_in(self) -> None:
        """Get a token for the API key."""
        answer = self._patiently("POST", "token/node", {"api_key": self._api_key}).json()
        self._token = answer["access_token"]

    def renew_token(self) -> None:
        """Get another token, in one try.

        Raises
        ------
        requests.RequestException
            If the server gives none.
        """
        response = self._send("POST", "token/node", {"api_key": self._api_key})
        response.raise_for_status()
        self._token = response.json()["access_token"]

    def next_work(self, known: Collection[int], wait: float = _WORK_SECONDS) -> dict[str, Any]:
        """Wait for runs to start, besides those that are known, and for runs to kill."""
        body = {"known": sorted(known), "wait": wait}
        work: dict[str, Any] = self._patiently("POST", "sandbox/work", body).json()
        return work

    def container_token(self, task_id: int, image: str) -> str:
        """Get the token for a container."""
        body = {"task_id": task_id, "image": image}
        token: str = self._patiently("POST", "token/container", body).json()["container_token"]
        return token

    def patch_run(self, run_id: int, changes: Mapping[str, str]) -> None:
        """Report about a run."""
        self._patiently("PATCH", f"run/{run_id}", changes)

    def public_key(self, organization_id: int) -> str:
        """Get the public key of an organization."""
        key: str = self._patiently("GET", f"organization/{organization_id}").json()["public_key"]
        return key

    def has_blob_store(self) -> bool:
        """Ask whether inputs and results are blobs."""
        return bool(self._patiently("GET", "blobstream/status").json()["blob_store_enabled"])

    def send_blob(self, blob: bytes) -> str:
        """Put a blob into the store; give its id."""
        blob_id: str = self._patiently("POST", "blobstream", data=blob).json()["uuid"]
        return blob_id

    def fetch_blob(self, blob_id: str) -> bytes:
        """Get a blob from the store."""
        return self._patiently("GET", f"blobstream/{blob_id}").content

    def add_port(self, run_id: int, port: int, label: str) -> None:
        """Note a port that a run's container listens on."""
        self._patiently("POST", "port", {"run_id": run_id, "port": port, "label": label})

    def _patiently(
        self,
        method: str,
        path: str,
        body: Mapping[str, object] | None = None,
        data: bytes | None = None,
    ) -> requests.Response:
        """Ask until there is an answer; a server that is away is expected back."""
        pause = _FIRST_PAUSE
        while True:
            try:
                return self._ask(method, path, body, data)
            except (requests.RequestException, ValueError) as error:
                _log.info("%s %s: %s, asking again", method, path, type(error).__name__)
                if self._stopping.wait(pause):
                    raise Stopped from None
                pause = min(pause * 2, _LONGEST_PAUSE)

    def _ask(
        self, method: str, path: str, body: Mapping[str, object] | None, data: bytes | None
    ) -> requests.Response:
        response = self._send(method, path, body, data)
        if response.status_code == _UNAUTHORIZED and path != "token/node":
            # Tokens live for some hours.
            self.log_in()
            response = self._send(method, path, body, data)
        if _REFUSED <= response.status_code < _FAILED:
            raise Refused(response.status_code, response.json().get("msg", ""))
        response.raise_for_status()
        if not path.startswith("blobstream/"):
            # What is no JSON is no answer.
            response.json()
        return response

    def _send(
        self,
        method: str,
        path: str,
        body: Mapping[str, object] | None,
        data: bytes | None = None,
    ) -> requests.Response:
        return ask(
            method,
            f"{self.server_url}/{path}",
            token=self._token,
            json=body,
            data=data,
            timeout=(_CONNECT_SECONDS, _READ_SECONDS),
        )
