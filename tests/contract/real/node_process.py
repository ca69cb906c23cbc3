# It runs in vantage6's own environment, whose packages carry no types.
# mypy: ignore-errors
"""The real vantage6 node as one process, its Docker client replaced by subprocesses.

``python node_process.py PLAN``: the plan is a JSON file that :mod:`stack` writes. Everything but
the container engine is the node's own code: log-in, encryption, proxy, socket, queue, the
environment of an algorithm, what is reported to the server. The proxy keeps its state in a module,
so there is one process a node.
"""

from __future__ import annotations

import json
import os
import signal
import sys
import threading
import time
from pathlib import Path
from types import SimpleNamespace

from vantage6.common.docker import addons

# A machine that is itself a container has a /.dockerenv, and the context would use /mnt then.
addons.running_in_docker = lambda: False

import docker  # noqa: E402 - after the line above
import vantage6.node as node_module  # noqa: E402
from engine import IsolatedNetwork, NoContainer, ProcessEngine, python_environment  # noqa: E402
from gevent.pywsgi import WSGIServer  # noqa: E402
from python_enums import format_as_in_python_310  # noqa: E402
from vantage6.cli.context.node import NodeContext  # noqa: E402
from vantage6.node.docker import docker_manager  # noqa: E402
from vantage6.node.docker.task_manager import DockerTaskManager  # noqa: E402
from vantage6.node.socket import NodeTaskNamespace  # noqa: E402


class TaskOnThisMachine(DockerTaskManager):
    """Gives the algorithm the paths of this machine, not those of volumes in a container."""

    # 4.9 puts each algorithm into the network of a helper, also without a VPN.
    helper_container = NoContainer()

    def __init__(self, *args: object, tasks_dir: Path, **kwargs: object) -> None:
        super().__init__(*args, tasks_dir=tasks_dir, **kwargs)
        self.data_folder = str(tasks_dir)
        self.tmp_folder = str(tasks_dir / "tmp")
        Path(self.tmp_folder).mkdir(exist_ok=True)


def on_loopback(address: tuple[str, int], *args: object, **kwargs: object) -> WSGIServer:
    """Serve on 127.0.0.1 what the node would serve on every interface."""
    return WSGIServer(("127.0.0.1", address[1]), *args, **kwargs)


def exit_when_the_parent_does() -> None:
    """Leave with all algorithms when standard input closes, which it does however that ends."""
    while os.read(0, 1024):
        pass
    # The parent started this process as the leader of its group: the algorithms are in it.
    os.killpg(0, signal.SIGKILL)


def replace_docker(engine: ProcessEngine) -> None:
    """Put the engine where the node looks for Docker."""
    node_module.check_docker_running = lambda: None
    node_module.DockerClient = SimpleNamespace(from_env=lambda: engine)
    # 4.9 makes some of its parts with clients of their own.
    docker.from_env = lambda: engine
    node_module.NetworkManager = IsolatedNetwork
    node_module.WSGIServer = on_loopback
    # 4.9 fetches the images of a VPN even where none is configured.
    node_module.Node.setup_vpn_connection = lambda *_, **__: None
    docker_manager.DockerTaskManager = TaskOnThisMachine
    # The node looks once a second whether something has finished. A suite of some hundred runs
    # does not have that time.
    docker_manager.time = SimpleNamespace(sleep=lambda seconds: time.sleep(seconds / 20))


def announce(ready: Path) -> None:
    """Create a file when the server has the node in its rooms and the node has its open runs.

    The node's status does not tell: after an abrupt end the server calls it online for a minute.
    """

    class AnnouncingNamespace(NodeTaskNamespace):
        def on_sync(self) -> None:
            super().on_sync()
            ready.touch()

    node_module.NodeTaskNamespace = AnnouncingNamespace


def main() -> None:
    """Run until standard input closes."""
    plan = json.loads(Path(sys.argv[1]).read_text())
    format_as_in_python_310()
    threading.Thread(target=exit_when_the_parent_does, daemon=True).start()
    os.environ["PROXY_SERVER_HOST"] = "127.0.0.1"
    os.environ["PROXY_SERVER_PORT"] = str(plan["proxy_port"])
    replace_docker(
        ProcessEngine(
            algorithms=plan["algorithms"],
            entrypoint=plan["entrypoint"],
            image_environment=python_environment(plan["python_path"]),
            hold_image=plan["hold_image"],
        )
    )
    announce(Path(plan["ready"]))
    context = NodeContext.from_external_config_file(plan["config"], system_folders=False)
    context.running_in_docker = False  # what only the context of a node in Docker has
    node_module.run(context)


if __name__ == "__main__":
    main()
