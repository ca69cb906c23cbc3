"""The researcher: the sandbox's API as a user, who creates root tasks and reads everything."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import requests

from v6client.errors import ConfigurationError
from v6client.sandbox.one_request import ask
from v6client.sandbox.private_files import read_json
from v6client.sandbox.secrecy import Secrecy
from v6client.sandbox.state_directory import login_file

_POLL_FIRST, _POLL_LONGEST = 0.01, 0.2
_PAGE = 100
_TIMEOUT = (5.0, 60.0)
_UNAUTHORIZED, _FIRST_ERROR = 401, 400


def researcher_of(directory: Path) -> Researcher:
    """Give the researcher of the network in a directory.

    Raises
    ------
    FileNotFoundError
        If there is none.
    """
    login = read_json(login_file(directory))
    return Researcher(
        login["server_url"],
        login["username"],
        login["password"],
        private_key=login.get("private_key"),
        blob_store=login.get("blob_store", False),
    )


class Researcher:
    """A logged-in user, with every right.

    Parameters
    ----------
    server_url
        The server's address, with ``/api``.
    username, password
        The login.
    collaboration_id
        Where tasks are created.
    private_key
        The file with the key of the researcher's organization, where the network is encrypted.
    blob_store
        Whether inputs and results are blobs.
    """

    def __init__(  # noqa: PLR0913 - who logs in where, and how payloads travel
        self,
        server_url: str,
        username: str,
        password: str,
        collaboration_id: int = 1,
        *,
        private_key: str | Path | None = None,
        blob_store: bool = False,
    ) -> None:
        self._has_blob_store = blob_store
        self.server_url = server_url
        self._login = {"username": username, "password": password}
        self._collaboration_id = collaboration_id
        self._secrecy = Secrecy.of(private_key)
        self._token = ""

    def create_task(  # noqa: PLR0913 - what a task consists of
        self,
        image: str,
        method: str,
        args: Sequence[object] = (),
        kwargs: Mapping[str, object] | None = None,
        *,
        organizations: Sequence[int],
        name: str = "task",
        description: str = "",
        databases: Sequence[str | Mapping[str, object]] = (),
        study_id: int | None = None,
    ) -> dict[str, Any]:
        """Create a task; a database is a label, or a mapping with ``label`` and more."""
        document = {"method": method, "args": list(args), "kwargs": dict(kwargs or {})}
        encoded = json.dumps(document).encode()
        body: dict[str, object] = {
            "name": name,
            "description": description,
            "image": image,
            "collaboration_id": self._collaboration_id,
            "organizations": [
                {"id": identifier, "input": self.sealed(encoded, identifier)}
                for identifier in organizations
            ],
            "databases": [
                {"label": entry} if isinstance(entry, str) else dict(entry) for entry in databases
            ],
        }
        if study_id is not None:
            body["study_id"] = study_id
        task: dict[str, Any] = self.request("POST", "task", json=body)
        return task

    def task(self, task_id: int) -> dict[str, Any]:
        """Give one task."""
        task: dict[str, Any] = self.request("GET", f"task/{task_id}")
        return task

    def tasks(self, job_id: int | None = None) -> list[dict[str, Any]]:
        """Give all tasks, or those of one job; oldest first."""
        return self._pages("task", {} if job_id is None else {"job_id": job_id})

    def runs(self, task_id: int) -> list[dict[str, Any]]:
        """Give a task's runs, in the order of its organizations."""
        return self._pages("run", {"task_id": task_id})

    def results(self, task_id: int) -> list[Any]:
        """Give a task's decoded results, in the order of its organizations.

        A run without a result gives ``None``.
        """
        rows = self._pages("result", {"task_id": task_id})
        return [self._decoded(row["result"]) for row in rows]

    def wait(self, task_id: int, timeout: float = 60.0) -> dict[str, Any]:
        """Wait until no run of a task is open, and give the task.

        Raises
        ------
        TimeoutError
            If runs are open after ``timeout`` seconds.
        """
        deadline = time.monotonic() + timeout
        pause = _POLL_FIRST
        while self._open_runs(task_id):
            if time.monotonic() >= deadline:
                raise TimeoutError(f"task {task_id} has open runs after {timeout:g} s")
            time.sleep(pause)
            pause = min(pause * 1.5, _POLL_LONGEST)
        return self.task(task_id)

    def sealed(self, data: bytes, organization_id: int) -> str:
        """Give data as it travels to an organization: sealed, or the id of a blob with it."""
        public_key = ""
        if self._secrecy.is_on:
            public_key = self.request("GET", f"organization/{organization_id}")["public_key"]
        if not self._has_blob_store:
            return self._secrecy.seal(data, public_key)
        blob = b"".join(self._secrecy.seal_parts([data], public_key))
        answer: dict[str, str] = self._answer("POST", "blobstream", data=blob).json()
        return answer["uuid"]

    def kill(self, task_id: int) -> None:
        """Kill what runs for a task and its direct subtasks."""
        self.request("POST", "kill/task", json={"id": task_id})

    def request(
        self,
        method: str,
        path: str,
        *,
        json: object = None,
        params: Mapping[str, str | int] | None = None,
    ) -> Any:  # noqa: ANN401 - what the server answers
        """Ask the server anything; ``path`` comes after ``/api/``.

        Raises
        ------
        requests.HTTPError
            If the server refuses; the message holds what it said.
        """
        return self._answer(method, path, json=json, params=params).json()

    def _answer(
        self,
        method: str,
        path: str,
        *,
        json: object = None,
        data: bytes | None = None,
        params: Mapping[str, str | int] | None = None,
    ) -> requests.Response:
        if not self._token:
            self._log_in()
        response = self._send(method, path, json, data, params)
        if response.status_code == _UNAUTHORIZED and "expired" in response.text:
            self._log_in()
            response = self._send(method, path, json, data, params)
        if response.status_code >= _FIRST_ERROR:
            raise requests.HTTPError(
                f"{method} /{path}: {response.status_code} {response.text.strip()}",
                response=response,
            )
        return response

    def _open_runs(self, task_id: int) -> int:
        """Count the open runs of a task, without fetching any."""
        beyond: dict[str, str | int] = {
            "task_id": task_id,
            "state": "open",
            "per_page": 1,
            "page": 99999,
        }
        return int(self._answer("GET", "run", params=beyond).headers["total-count"])

    def _send(
        self,
        method: str,
        path: str,
        json: object,
        data: bytes | None,
        params: Mapping[str, str | int] | None,
    ) -> requests.Response:
        url = f"{self.server_url}/{path}"
        return ask(
            method, url, token=self._token, json=json, data=data, params=params, timeout=_TIMEOUT
        )

    def _log_in(self) -> None:
        url = f"{self.server_url}/token/user"
        response = ask("POST", url, token="", json=self._login, timeout=_TIMEOUT)
        if response.status_code >= _FIRST_ERROR:
            raise ConfigurationError(f"the researcher's login was refused: {response.text.strip()}")
        self._token = response.json()["access_token"]

    def _pages(self, path: str, params: Mapping[str, str | int]) -> list[dict[str, Any]]:
        rows: list[dict[str, Any]] = []
        page = 1
        while True:
            asked: dict[str, str | int] = {**params, "page": page, "per_page": _PAGE}
            answer = self.request("GET", path, params=asked)
            rows += answer["data"]
            if "next" not in answer["links"]:
                return sorted(rows, key=lambda row: int(row["id"]))
            page += 1

    def _decoded(self, result: str | None) -> Any:  # noqa: ANN401 - what the algorithm gave
        data = self._opened(result) if result else b""
        # A run that failed has nothing as its result, or nothing in encrypted form.
        return json.loads(data) if data else None

    def _opened(self, result: str) -> bytes:
        if not self._has_blob_store:
            return self._secrecy.open(result)
        blob = self._answer("GET", f"blobstream/{result}").content
        return b"".join(self._secrecy.open_parts([blob]))
