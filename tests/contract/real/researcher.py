"""What a researcher does at the server, without v6client or vantage6's own client."""

from __future__ import annotations

import base64
import json
import os
import time
from typing import TYPE_CHECKING, Any

import requests
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

FINISHED = frozenset(
    {
        "completed",
        "failed",
        "start failed",
        "non-existing Docker image",
        "crashed",
        "killed by user",
        "not allowed",
        "unknown error",
    }
)


class Researcher:
    """A user of the first organization, with all rights.

    Parameters
    ----------
    server_url
        The server's address with its API path.
    collaboration_id
        Where tasks go.
    private_key
        The file with the first organization's key in an encrypted collaboration, or None.
    blob_store
        Whether inputs and results are blobs.
    """

    def __init__(
        self,
        server_url: str,
        collaboration_id: int,
        private_key: Path | None,
        *,
        blob_store: bool = False,
    ) -> None:
        self._has_blob_store = blob_store
        self._url = server_url
        self._collaboration_id = collaboration_id
        self._headers: dict[str, str] = {}
        self._key: rsa.RSAPrivateKey | None = None
        if private_key is not None:
            key = serialization.load_pem_private_key(private_key.read_bytes(), None)
            if not isinstance(key, rsa.RSAPrivateKey):
                raise TypeError(f"{private_key} is not an RSA key")
            self._key = key

    def log_in(self, username: str, password: str) -> None:
        """Get a token."""
        answer = self.request(
            "POST", "token/user", json={"username": username, "password": password}
        )
        self._headers = {"Authorization": f"Bearer {answer['access_token']}"}

    def request(self, method: str, path: str, **options: Any) -> Any:
        """Send one request and give its JSON, or raise ``requests.HTTPError``."""
        return self._answer(method, path, **options).json()

    def _answer(self, method: str, path: str, **options: Any) -> requests.Response:
        headers = dict(self._headers)
        if "content_type" in options:
            headers["Content-Type"] = options.pop("content_type")
        response = requests.request(
            method, f"{self._url}/{path}", headers=headers, timeout=60, **options
        )
        if not response.ok:
            raise requests.HTTPError(f"{response.status_code}: {response.text}", response=response)
        return response

    def create_task(  # noqa: PLR0913 - the fields of a task
        self,
        image: str,
        method: str,
        args: Sequence[Any] = (),
        kwargs: dict[str, Any] | None = None,
        *,
        organizations: Sequence[int],
        name: str = "task",
        description: str = "",
        databases: Sequence[dict[str, Any]] = (),
        study_id: int | None = None,
    ) -> dict[str, Any]:
        """Create a task for some organizations and give it as the server does."""
        body = {"method": method, "args": list(args), "kwargs": kwargs or {}}
        input_ = json.dumps(body).encode()
        task: dict[str, Any] = {
            "name": name,
            "description": description,
            "image": image,
            "collaboration_id": self._collaboration_id,
            "databases": [dict(database) for database in databases],
            "organizations": [
                {"id": organization_id, "input": self._sealed(input_, organization_id)}
                for organization_id in organizations
            ],
        }
        if study_id is not None:
            task["study_id"] = study_id
        created: dict[str, Any] = self.request("POST", "task", json=task)
        return created

    def task(self, task_id: int) -> dict[str, Any]:
        """Get one task."""
        task: dict[str, Any] = self.request("GET", f"task/{task_id}")
        return task

    def tasks(self, job_id: int) -> list[dict[str, Any]]:
        """List the tasks of a job, the oldest first."""
        return self._list("task", job_id=job_id)

    def runs(self, task_id: int) -> list[dict[str, Any]]:
        """List the runs of a task, the oldest first."""
        return self._list("run", task_id=task_id)

    def results(self, task_id: int) -> list[Any]:
        """List the decoded results of a task in the order of its runs, None where there is none."""
        rows = self._list("result", task_id=task_id)
        rows.sort(key=lambda row: row["run"]["id"])
        texts = [self._opened(row["result"]) if row["result"] else b"" for row in rows]
        # A run without a result has null, nothing, or nothing in encrypted form.
        return [json.loads(text) if text else None for text in texts]

    def wait(self, task_id: int, timeout: float = 60) -> dict[str, Any]:
        """Wait until every run of a task has finished and give the task.

        Raises
        ------
        TimeoutError
            It has not after *timeout* seconds.
        """
        deadline = time.monotonic() + timeout
        while True:
            states = {run["id"]: run["status"] for run in self.runs(task_id)}
            if set(states.values()) <= FINISHED:
                return self.task(task_id)
            if time.monotonic() > deadline:
                raise TimeoutError(f"task {task_id} after {timeout} s: {states}")
            time.sleep(0.1)

    def kill(self, task_id: int) -> None:
        """Kill a task and its children."""
        self.request("POST", "kill/task", json={"id": task_id})

    def _list(self, path: str, **query: int) -> list[dict[str, Any]]:
        rows = self.request("GET", path, params={**query, "per_page": 1000})["data"]
        return sorted(rows, key=lambda row: int(row["id"]))

    def _sealed(self, input_: bytes, organization_id: int) -> str:
        sealed = base64.b64encode(input_)
        if self._key is not None:
            sealed = self._encrypted(input_, organization_id)
        if not self._has_blob_store:
            return sealed.decode()
        answer = self.request(
            "POST", "blobstream", data=iter([sealed]), content_type="application/octet-stream"
        )
        return str(answer["uuid"])

    def _encrypted(self, input_: bytes, organization_id: int) -> bytes:
        public = self.request("GET", f"organization/{organization_id}")["public_key"]
        public_key = serialization.load_pem_public_key(base64.b64decode(public))
        if not isinstance(public_key, rsa.RSAPublicKey):
            raise TypeError(f"organization {organization_id} has no RSA key")
        secret, vector = os.urandom(32), os.urandom(16)
        encryptor = Cipher(algorithms.AES(secret), modes.CTR(vector)).encryptor()
        header = [base64.b64encode(public_key.encrypt(secret, padding.PKCS1v15()))]
        header.append(base64.b64encode(vector))
        text = encryptor.update(input_) + encryptor.finalize()
        # In a blob the text is not encoded.
        return b"$".join([*header, text if self._has_blob_store else base64.b64encode(text)])

    def _opened(self, result: str) -> bytes:
        sealed = result.encode()
        if self._has_blob_store:
            sealed = self._answer("GET", f"blobstream/{result}").content
        if self._key is None:
            return base64.b64decode(sealed)
        secret, vector, text = sealed.split(b"$", 2)
        if not self._has_blob_store:
            text = base64.b64decode(text)
        secret = self._key.decrypt(base64.b64decode(secret), padding.PKCS1v15())
        decryptor = Cipher(algorithms.AES(secret), modes.CTR(base64.b64decode(vector))).decryptor()
        return decryptor.update(text) + decryptor.finalize()
