"""The real vantage6 server and nodes on this machine, with the sandbox's interface."""

from __future__ import annotations

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import uuid
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import requests

from v6client.sandbox.databases import node_databases

from .azurite import CONTAINER, Azurite
from .install import cached_venv, python_of
from .researcher import FINISHED, Researcher

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from typing_extensions import Self

    from v6client.sandbox.databases import PathLike

HERE = Path(__file__).parent
HOLD_IMAGE = "v6client.example/hold"
START_TIMEOUT = 120.0
"""Seconds until a process answers: some ten at rest, more on a busy machine."""

V6CLIENT = (sys.executable, "-m", "v6client")
"""An image whose command is v6client's wrapper, in the environment of the tests."""


def upstream_wrapper(venv: Path) -> tuple[str, ...]:
    """Give the command of an image that has only vantage6's own tools."""
    wrap = "from vantage6.algorithm.tools.wrap import wrap_algorithm; wrap_algorithm()"
    return (str(python_of(venv)), "-c", wrap)


@dataclass(frozen=True)
class Organization:
    """One organization, its node and where the node's proxy listens (if it runs at all)."""

    id: int
    name: str
    node_id: int
    proxy_host: str
    proxy_port: int
    proxy_path: str = ""


@dataclass(frozen=True)
class Container:
    """What an algorithm container of a run that is held active would be given."""

    token: str
    host: str
    port: int
    path: str
    task_id: int
    run_id: int
    organization_id: int


class RealStack:
    """A whole network of the real thing, as a context manager.

    Parameters
    ----------
    organizations
        How many organizations the collaboration has.
    nodes
        How many of them have a running node; all by default. Each has a registered one.
    encrypted
        Whether the collaboration is encrypted.
    blob_store
        Whether the server keeps inputs and results as blobs, in Azurite.
    databases
        Label and file, for all organizations alike or one mapping for each, as in the sandbox.
    algorithms
        The module of each image. Other images do not exist.
    python_path
        Folders from which the algorithms are imported.
    algorithm_env
        The node's ``algorithm_env``.
    studies
        The indexes of the organizations in each study.
    venv
        Where vantage6 is installed; the cache of :mod:`install` by default.
    entrypoint
        The command of every image; v6client's wrapper by default.
    """

    def __init__(  # noqa: PLR0913 - a network has this many sides
        self,
        organizations: int = 4,
        *,
        nodes: int | None = None,
        encrypted: bool = False,
        blob_store: bool = False,
        databases: Mapping[str, PathLike] | Sequence[Mapping[str, PathLike]] = (),
        algorithms: Mapping[str, str] | None = None,
        python_path: Sequence[str | Path] = (),
        algorithm_env: Mapping[str, str] | None = None,
        studies: Mapping[str, Sequence[int]] | None = None,
        venv: Path | None = None,
        entrypoint: Sequence[str] = V6CLIENT,
    ) -> None:
        self._venv = venv or cached_venv()
        self._count = organizations
        self._nodes = organizations if nodes is None else nodes
        self._encrypted = encrypted
        self._has_blob_store = blob_store
        self._azurite: Azurite | None = None
        self._databases = node_databases(databases, organizations)
        self._algorithms = dict(algorithms or {})
        self._python_path = [str(folder) for folder in python_path]
        self._algorithm_env = dict(algorithm_env or {})
        self._studies = {name: list(members) for name, members in (studies or {}).items()}
        self._entrypoint = list(entrypoint)
        self._processes: dict[str, subprocess.Popen[bytes]] = {}
        self._ports = free_ports(1 + self._nodes)
        self.server_url = f"http://127.0.0.1:{self._ports[0]}/api"
        self.collaboration_id = 0
        self.studies: dict[str, int] = {}
        self.organizations: tuple[Organization, ...] = ()
        self._api_keys: dict[int, str] = {}

    def __enter__(self) -> Self:
        """Start everything and wait until every node is online."""
        self._state = Path(tempfile.mkdtemp(prefix="v6client-real-"))
        try:
            self._start()
        except BaseException:
            self.close()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        """Stop everything and remove the state."""
        self.close()

    def close(self) -> None:
        """Stop everything and remove the state."""
        for name in list(self._processes):
            self._kill(name)
        if self._azurite is not None:
            self._azurite.stop()
        shutil.rmtree(self._state, ignore_errors=True)

    @property
    def directory(self) -> Path:
        """Where everything is kept; the server's database is its ``server.sqlite``."""
        return self._state

    def api_key(self, organization_id: int) -> str:
        """Give the API key of an organization's node."""
        return self._api_keys[organization_id]

    def log(self, name: str) -> str:
        """Give what a process has printed: ``server`` or ``node-<organization id>``."""
        return (self._state / f"{name}.log").read_text(errors="replace")

    def start_server(self) -> None:
        """Start the server unless it runs, on the same port and database if it ran before."""
        if "server" in self._processes:
            return
        self._spawn("server", HERE / "server_process.py")
        self._until("server", lambda: requests.get(f"{self.server_url}/version", timeout=5).ok)

    def stop_server(self) -> None:
        """Kill the server as a power cut would."""
        self._kill("server")

    def start_node(self, organization_id: int) -> None:
        """Start the node of an organization and wait until it is online."""
        self._spawn_node(organization_id)
        self._await_node(self._organization(organization_id))

    def stop_node(self, organization_id: int) -> None:
        """Kill the node of an organization and its algorithms as a power cut would."""
        self._kill(f"node-{organization_id}")

    @contextmanager
    def open_container(
        self,
        organization_id: int | None = None,
        *,
        databases: Sequence[dict[str, Any]] = (),
        study_id: int | None = None,
        image: str = HOLD_IMAGE,
    ) -> Iterator[Container]:
        """Hold a run active and give what its container has, for the test to play the algorithm."""
        organization = (
            self.organizations[0]
            if organization_id is None
            else self._organization(organization_id)
        )
        task = self.researcher.create_task(
            image,
            "sandbox_hold",
            organizations=[organization.id],
            databases=databases,
            study_id=study_id,
        )
        run_id = self.researcher.runs(task["id"])[0]["id"]
        folder = self._task_folder(organization.id, run_id)

        def active() -> bool:
            status = self.researcher.runs(task["id"])[0]["status"]
            if status in FINISHED:
                raise RuntimeError(f"run {run_id} is {status!r} before it was held")
            return bool(status == "active")

        self._until(f"node-{organization.id}", active)
        try:
            yield Container(
                token=(folder / "token").read_text(),
                host=organization.proxy_host,
                port=organization.proxy_port,
                path=organization.proxy_path,
                task_id=task["id"],
                run_id=run_id,
                organization_id=organization.id,
            )
        finally:
            (folder / "release").touch()

    def _start(self) -> None:
        names = [f"Organization{index + 1}" for index in range(self._count)]
        password = uuid.uuid4().hex
        keys = [self._state / f"key-{index}.pem" for index in range(self._count)]
        api_keys = [str(uuid.uuid4()) for _ in names]
        if self._has_blob_store:
            self._azurite = Azurite(self._state / "azurite.log")
            self._azurite.start()
        self._write_plan(
            "server",
            self._server_config(),
            {
                "port": self._ports[0],
                "network": str(self._state / "network.json"),
                "collaboration": "Collaboration",
                "encrypted": self._encrypted,
                "blob_container": CONTAINER if self._has_blob_store else "",
                "organizations": [
                    {"name": name, "api_key": api_key, "private_key": str(key)}
                    for name, api_key, key in zip(names, api_keys, keys, strict=True)
                ],
                "studies": self._studies,
                "researcher": {"username": "researcher", "password": password},
            },
        )
        self.start_server()
        network = json.loads((self._state / "network.json").read_text())
        self.collaboration_id = network["collaboration_id"]
        self.studies = network["studies"]
        self.organizations = tuple(
            Organization(
                **row,
                proxy_host="http://127.0.0.1",
                proxy_port=self._ports[1 + index] if index < self._nodes else 0,
            )
            for index, row in enumerate(network["organizations"])
        )
        self._api_keys = {
            each.id: api_key for each, api_key in zip(self.organizations, api_keys, strict=True)
        }
        self.researcher = Researcher(
            self.server_url,
            self.collaboration_id,
            keys[0] if self._encrypted else None,
            blob_store=self._has_blob_store,
        )
        self.researcher.log_in("researcher", password)

        running = self.organizations[: self._nodes]
        for index, organization in enumerate(running):
            self._write_plan(
                f"node-{organization.id}",
                self._node_config(index, api_keys[index], keys[index]),
                {
                    "proxy_port": organization.proxy_port,
                    "ready": str(self._ready_file(organization.id)),
                    "algorithms": self._algorithms,
                    "entrypoint": self._entrypoint,
                    "python_path": self._python_path,
                    "hold_image": HOLD_IMAGE,
                },
            )
            self._spawn_node(organization.id)
        for organization in running:
            self._await_node(organization)

    def _server_config(self) -> dict[str, Any]:
        blobs = {}
        if self._azurite is not None:
            place = {
                "connection_string": self._azurite.connection_string,
                "container_name": CONTAINER,
            }
            blobs = {"large_result_store": {"type": "azure", **place}}
        return {
            **blobs,
            "description": "",
            "ip": "127.0.0.1",
            "port": self._ports[0],
            "api_path": "/api",
            "uri": f"sqlite:///{self._state / 'server.sqlite'}",
            "allow_drop_all": False,
            # Fixed, so that tokens outlive a restart of the server.
            "jwt_secret_key": uuid.uuid4().hex,
            "logging": {**LOGGING, "file": "server.log"},
        }

    def _node_config(self, index: int, api_key: str, private_key: Path) -> dict[str, Any]:
        return {
            "api_key": api_key,
            "server_url": "http://127.0.0.1",
            "port": self._ports[0],
            "api_path": "/api",
            "task_dir": "",
            "databases": [
                {"label": label, **database} for label, database in self._databases[index].items()
            ],
            "algorithm_env": self._algorithm_env,
            "encryption": {
                "enabled": self._encrypted,
                "private_key": str(private_key) if self._encrypted else "",
            },
            "logging": {**LOGGING, "file": "node.log"},
        }

    def _write_plan(self, name: str, config: dict[str, Any], plan: dict[str, Any]) -> None:
        # vantage6 reads YAML, of which JSON is a part.
        config_file = self._state / f"{name}.yaml"
        config_file.write_text(json.dumps(config))
        plan_file = self._state / f"{name}.json"
        plan_file.write_text(json.dumps({**plan, "config": str(config_file)}))

    def _spawn(self, name: str, script: Path) -> None:
        home = self._state / name
        home.mkdir(exist_ok=True)
        with (self._state / f"{name}.log").open("ab") as log:
            self._processes[name] = subprocess.Popen(  # noqa: S603 - our own script
                [python_of(self._venv), script, self._state / f"{name}.json"],
                # The process ends when this pipe closes, so also when we are killed.
                stdin=subprocess.PIPE,
                stdout=log,
                stderr=log,
                start_new_session=True,
                env={
                    "PATH": os.defpath,
                    "HOME": str(home),
                    # Where vantage6 puts its data, logs and configuration.
                    "XDG_DATA_HOME": str(home),
                    "XDG_CACHE_HOME": str(home),
                    "XDG_CONFIG_HOME": str(home),
                    "PYTHONUNBUFFERED": "1",
                },
            )

    def _spawn_node(self, organization_id: int) -> None:
        self._ready_file(organization_id).unlink(missing_ok=True)
        self._spawn(f"node-{organization_id}", HERE / "node_process.py")

    def _ready_file(self, organization_id: int) -> Path:
        return self._state / f"node-{organization_id}.ready"

    def _kill(self, name: str) -> None:
        process = self._processes.pop(name, None)
        if process is None:
            return
        with suppress(ProcessLookupError):
            # The whole group: a node's algorithms end with it.
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        if process.stdin is not None:
            process.stdin.close()

    def _await_node(self, organization: Organization) -> None:
        url = f"{organization.proxy_host}:{organization.proxy_port}/version"

        ready = self._ready_file(organization.id)
        self._until(
            f"node-{organization.id}",
            lambda: ready.exists() and requests.get(url, timeout=10).ok,
        )

    def _until(self, name: str, ready: Callable[[], bool]) -> None:
        deadline = time.monotonic() + START_TIMEOUT
        while True:
            try:
                if ready():
                    return
            except requests.ConnectionError:
                pass
            if name in self._processes and self._processes[name].poll() is not None:
                raise RuntimeError(f"{name} ended:\n{self.log(name)[-4000:]}")
            if time.monotonic() > deadline:
                raise TimeoutError(f"{name} is not ready:\n{self.log(name)[-4000:]}")
            time.sleep(0.1)

    def _organization(self, organization_id: int) -> Organization:
        return next(each for each in self.organizations if each.id == organization_id)

    def _task_folder(self, organization_id: int, run_id: int) -> Path:
        name = f"node-{organization_id}"
        return self._state / name / "vantage6" / "node" / name / "data" / f"task-{run_id:09d}"


LOGGING: dict[str, Any] = {
    "level": "DEBUG",
    "use_console": True,
    "backup_count": 1,
    "max_size": 10240,
    "format": "%(asctime)s %(levelname)s %(name)s: %(message)s",
    "datefmt": "%H:%M:%S",
}


def free_ports(count: int) -> list[int]:
    """Find ports on 127.0.0.1 that are free now, all at once so that they differ."""
    sockets = [socket.socket() for _ in range(count)]
    try:
        for each in sockets:
            each.bind(("127.0.0.1", 0))
        return [each.getsockname()[1] for each in sockets]
    finally:
        for each in sockets:
            each.close()
