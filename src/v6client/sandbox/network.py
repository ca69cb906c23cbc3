"""The sandbox as a whole: its processes, started together and stopped together."""

from __future__ import annotations

import shutil
import tempfile
import time
from collections.abc import Iterable, Mapping, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from types import TracebackType
from typing import Any

from v6client.errors import ConfigurationError
from v6client.sandbox import arguments
from v6client.sandbox.child import Child
from v6client.sandbox.databases import PathLike, node_databases
from v6client.sandbox.faults import Faults
from v6client.sandbox.held import held_container, log_in_as_node
from v6client.sandbox.node.link import ServerLink
from v6client.sandbox.node.process import kill_recorded
from v6client.sandbox.places import Container, SandboxOrganization, organizations_of
from v6client.sandbox.researcher import Researcher, researcher_of
from v6client.sandbox.secrecy import make_keys, public_key_of
from v6client.sandbox.state_directory import COLLABORATION, USERNAME, StateDirectory, login_file

DEFAULT_IMAGE = "v6client.sandbox.algorithm"
_SERVER = "v6client.sandbox.server"
_NODE = "v6client.sandbox.node"
_COLLABORATION_ID = 1
_RESEARCHER_ORGANIZATION = 1
_STOP_SECONDS = 2.0


class Sandbox:
    """A vantage6-compatible network on this machine.

    Parameters
    ----------
    organizations
        How many, or their names. Their ids are 1, 2, 3, ...
    databases
        Label and file, for all organizations alike or one mapping for each. The kind comes from
        the suffix: ``.csv``, ``.sqlite`` and ``.db`` (``sql``), ``.parquet``, ``.xlsx``
        (``excel``), anything else ``other``.
    algorithms
        Image names and the Python modules that stand for them. An image that is a module's name
        needs no entry.
    python_path
        Directories where algorithms find modules, besides the installed ones and ``PYTHONPATH``.
    algorithm_env
        Variables for algorithms, encoded like the node's own; for all nodes, or a mapping each.
    nodes
        How many organizations have a running node; the others have one that is registered and
        offline. All by default.
    studies
        Names and the ids of their organizations.
    encrypted
        Whether inputs and results are encrypted from one organization to another. Each has a
        key then, in the directory: ``organization-1.pem`` and so on.
    blob_store
        Whether inputs and results are blobs, which are files in the directory.
    directory
        Where everything is kept; a sandbox started there again has its tasks. By default a
        temporary one that is removed at the end.
    entrypoint
        What Python is started with to run an algorithm, as an image's entry point would be.
    faults
        The transient faults that requests of containers meet; none by default.

    Raises
    ------
    ConfigurationError
        If an argument cannot be used, a file is missing, or a process does not start.
    """

    def __init__(  # noqa: PLR0913 - each is one independent property of a network
        self,
        organizations: int | Sequence[str] = 4,
        *,
        databases: Mapping[str, PathLike] | Sequence[Mapping[str, PathLike]] = (),
        algorithms: Mapping[str, str] | None = None,
        python_path: Sequence[PathLike] = (),
        algorithm_env: Mapping[str, str] | Sequence[Mapping[str, str]] = (),
        nodes: int | None = None,
        studies: Mapping[str, Sequence[int]] | None = None,
        encrypted: bool = False,
        blob_store: bool = False,
        directory: PathLike | None = None,
        entrypoint: Sequence[str] = ("-m", "v6client"),
        faults: Faults | None = None,
    ) -> None:
        self._names = arguments.organization_names(organizations)
        self._databases = node_databases(databases, len(self._names))
        self._algorithms = dict(algorithms or {})
        self._python_path = arguments.search_path(python_path)
        self._algorithm_env = arguments.node_variables(algorithm_env, len(self._names))
        self._studies = arguments.checked_studies(studies or {}, len(self._names))
        self._encrypted = encrypted
        self._has_blob_store = blob_store
        self._running = arguments.node_count(nodes, len(self._names))
        self._wanted_directory = None if directory is None else Path(directory).absolute()
        self._entrypoint = list(entrypoint)
        self._faults = faults.to_json() if faults else None
        self._state: StateDirectory | None = None
        self._keys: dict[str, Any] = {}
        self._server: Child | None = None
        self._nodes: dict[int, Child] = {}
        self._server_port = 0
        self._ports: dict[int, int] = {}
        self._researcher: Researcher | None = None

    def start(self) -> Sandbox:
        """Start all processes; return when every node is online."""
        if self._state is not None:
            raise ConfigurationError("this sandbox is started already")
        directory = self._wanted_directory or Path(tempfile.mkdtemp(prefix="v6client-sandbox-"))
        try:
            self._state = StateDirectory(directory)
            kinds = {"encrypted": self._encrypted, "blob_store": self._has_blob_store}
            self._keys = self._state.keys(self._names, self._studies, **kinds)
            # All import at the same time; the nodes then wait for the server's address.
            server = self._new_server()
            self._nodes = {identifier: self._new_node(identifier) for identifier in self._live()}
            if self._encrypted:
                make_keys([self._state.private_key(identifier) for identifier in self._all()])
            self._configure_server(server)
            for identifier in self._nodes:
                self._configure_node(identifier)
            self._wait_for_nodes(self._nodes)
        except BaseException:
            self.stop()
            raise
        password, private_key = self._keys["password"], self._private_key(_RESEARCHER_ORGANIZATION)
        self._state.write_login(
            self.server_url, password, private_key, blob_store=self._has_blob_store
        )
        self._researcher = researcher_of(self._state.path)
        return self

    def stop(self) -> None:
        """Stop all processes, algorithms included."""
        children = [*self._nodes.values(), *([self._server] if self._server else [])]
        for child in children:
            child.release()
        deadline = time.monotonic() + _STOP_SECONDS
        for child in children:
            child.end(max(0.0, deadline - time.monotonic()))
        self._nodes, self._server, self._researcher = {}, None, None
        if self._state is None:
            return
        for identifier in self._all():
            self._kill_algorithms(identifier)
        self._state.close()
        if self._wanted_directory is None:
            shutil.rmtree(self._state.path, ignore_errors=True)
        self._state = None

    def __enter__(self) -> Sandbox:  # noqa: PYI034 - typing.Self needs Python 3.11
        """Start."""
        return self.start()

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Stop."""
        self.stop()

    @property
    def directory(self) -> Path:
        """Where everything is kept."""
        return self._started().path

    @property
    def login_file(self) -> Path:
        """The file, for its owner alone, that holds the researcher's login."""
        return login_file(self._started().path)

    @property
    def server_url(self) -> str:
        """The server's address, ``http://127.0.0.1:<port>/api``."""
        self._started()
        return f"http://127.0.0.1:{self._server_port}/api"

    @property
    def collaboration_id(self) -> int:
        """The id of the one collaboration, in which all organizations are."""
        return _COLLABORATION_ID

    @property
    def organizations(self) -> tuple[SandboxOrganization, ...]:
        """The organizations, by ascending id."""
        return organizations_of(self._names, self._ports)

    @property
    def researcher(self) -> Researcher:
        """The API as a user."""
        if self._researcher is None:
            raise ConfigurationError("the sandbox is not started: call start(), or use `with`")
        return self._researcher

    @property
    def process_ids(self) -> tuple[int, ...]:
        """The ids of the processes of the server and the nodes."""
        children = [*([self._server] if self._server else []), *self._nodes.values()]
        return tuple(child.pid for child in children)

    def stop_server(self) -> None:
        """Kill the server as a power cut would."""
        if self._server is not None:
            self._server.kill()
            self._server = None

    def start_server(self) -> None:
        """Start the server again, on the same port and with the same database."""
        if self._server is None:
            self._configure_server(self._new_server())

    def stop_node(self, organization_id: int) -> None:
        """Kill a node and its algorithms as a power cut would.

        For the server it stays online for a minute; its open runs begin again when it is back.
        """
        self._check_organization(organization_id)
        node = self._nodes.pop(organization_id, None)
        if node is not None:
            node.kill()
            self._kill_algorithms(organization_id)

    def start_node(self, organization_id: int) -> None:
        """Start a node, on the port it had if it ran before."""
        self._check_organization(organization_id)
        if organization_id not in self._nodes:
            self._nodes[organization_id] = self._new_node(organization_id)
            self._configure_node(organization_id)
            self._wait_for_nodes([organization_id])

    def open_container(
        self,
        organization_id: int | None = None,
        *,
        databases: Sequence[str | Mapping[str, object]] = (),
        study_id: int | None = None,
        image: str | None = None,
    ) -> AbstractContextManager[Container]:
        """Act as an algorithm's container of an organization, the first one by default.

        A root task is created whose run no process takes; it is completed at the end. Its
        subtasks run as usual, so ``image`` must be one that can: the first of ``algorithms``,
        or the built-in ``v6client.sandbox.algorithm``, by default.
        """
        identifier = 1 if organization_id is None else organization_id
        self._check_organization(identifier)
        return held_container(
            self.researcher,
            self._node_link(identifier),
            self.organizations[identifier - 1],
            image=image or next(iter(self._algorithms), DEFAULT_IMAGE),
            databases=databases,
            study_id=study_id,
        )

    def add_port(self, run_id: int, port: int, label: str = "") -> None:
        """Give a run an address for ``client.vpn``; the sandbox has no VPN, so nobody listens."""
        run = self.researcher.request("GET", f"run/{run_id}")
        self._node_link(run["organization"]["id"]).add_port(run_id, port, label)

    def api_key(self, organization_id: int) -> str:
        """Give the key with which the node of an organization logs in."""
        self._check_organization(organization_id)
        return str(self._keys["api_keys"][organization_id - 1])

    def _node_link(self, organization_id: int) -> ServerLink:
        return log_in_as_node(self.server_url, self.api_key(organization_id))

    def _started(self) -> StateDirectory:
        if self._state is None:
            raise ConfigurationError("the sandbox is not started: call start(), or use `with`")
        return self._state

    def _private_key(self, identifier: int) -> Path | None:
        return self._started().private_key(identifier) if self._encrypted else None

    def _all(self) -> range:
        return range(1, len(self._names) + 1)

    def _live(self) -> range:
        return range(1, self._running + 1)

    def _check_organization(self, identifier: int) -> None:
        count = len(self._names)
        if not 1 <= identifier <= count:
            raise ConfigurationError(f"there is no organization {identifier}: ids are 1 to {count}")

    def _new_server(self) -> Child:
        self._server = Child(_SERVER, self._started().log("server"))
        return self._server

    def _new_node(self, identifier: int) -> Child:
        return Child(_NODE, self._started().log(f"node-{identifier}"))

    def _configure_server(self, server: Child) -> None:
        server.configure(
            {
                "port": self._server_port,
                "database": str(self._started().database),
                "secret": self._keys["secret"],
                "username": USERNAME,
                "password": self._keys["password"],
                "collaboration": COLLABORATION,
                "organizations": self._names,
                "api_keys": self._keys["api_keys"],
                "studies": self._studies,
                "blobs": str(self._started().blobs) if self._has_blob_store else "",
                "public_keys": [public_key_of(self._private_key(one)) for one in self._all()],
            }
        )
        self._server_port = server.wait_until_ready()["port"]

    def _configure_node(self, identifier: int) -> None:
        self._nodes[identifier].configure(
            {
                "port": self._ports.get(identifier, 0),
                "server_url": self.server_url,
                "api_key": self.api_key(identifier),
                "collaboration_id": _COLLABORATION_ID,
                "private_key": str(self._private_key(identifier) or ""),
                "directory": str(self._started().node(identifier)),
                "databases": self._databases[identifier - 1],
                "algorithms": self._algorithms,
                "algorithm_env": self._algorithm_env[identifier - 1],
                "python_path": self._python_path,
                "entrypoint": self._entrypoint,
                "faults": self._faults,
            }
        )

    def _wait_for_nodes(self, identifiers: Iterable[int]) -> None:
        for identifier in identifiers:
            self._ports[identifier] = self._nodes[identifier].wait_until_ready()["port"]

    def _kill_algorithms(self, identifier: int) -> None:
        """Kill what a node left behind that was killed itself."""
        kill_recorded(self._started().path / f"node-{identifier}" / "runs")
