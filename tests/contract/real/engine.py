# It runs in vantage6's own environment, whose packages carry no types.
# mypy: ignore-errors
"""Subprocesses in place of containers: the part of docker-py's client that the real node uses."""

from __future__ import annotations

import base64
import json
import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import docker.errors

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

HOLD_METHOD = "sandbox_hold"
"""The method of a run that stays active until somebody releases it."""


class Container:
    """One algorithm run as a subprocess, with the attributes of ``docker.models.Container``."""

    def __init__(
        self,
        command: Sequence[str],
        environment: Mapping[str, str],
        name: str,
        labels: Mapping[str, str],
    ) -> None:
        self.name = self.id = name
        self.labels = dict(labels)
        folder = Path(decoded(environment["INPUT_FILE"])).parent
        self._log = folder / "log"
        with self._log.open("wb") as log:
            self._process = subprocess.Popen(  # noqa: S603 - the test's own algorithm
                command,
                env=environment,
                cwd=folder,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
            )
        self.status = "running"
        self.attrs = {"State": {"ExitCode": 0}}

    def reload(self) -> None:
        """Look whether it is still running."""
        code = self._process.poll()
        if code is not None:
            self.status = "exited"
            # A shell's convention for signals, and so Docker's: killed is 137.
            self.attrs["State"]["ExitCode"] = code if code >= 0 else 128 - code

    def logs(self, *, stream: bool = False) -> bytes | Iterator[bytes]:
        """Give what it printed, or each piece as it comes."""
        return self._follow() if stream else self._log.read_bytes()

    def _follow(self) -> Iterator[bytes]:
        with self._log.open("rb") as log:
            while True:
                ended = self._process.poll() is not None
                piece = log.read()
                if piece:
                    yield piece
                elif ended:
                    return
                else:
                    time.sleep(0.05)

    def kill(self) -> None:
        """Stop it at once."""
        if self._process.poll() is None:
            self._process.send_signal(signal.SIGKILL)
        self._process.wait()

    def remove(self, *, force: bool = False) -> None:
        """Forget it, and stop it first if forced."""
        if force:
            self.kill()


class NoContainer:
    """In place of a container that would only exist for Docker's sake."""

    id = name = ""

    def remove(self, *, force: bool = False) -> None:
        """Do nothing."""


class ProcessEngine:
    """What the node takes for a Docker client.

    Parameters
    ----------
    algorithms
        The Python module of each image. Any other image "does not exist".
    entrypoint
        The command that an image runs.
    image_environment
        What the image itself sets (plain, as a Dockerfile's ``ENV`` is), besides ``PKG_NAME``.
    hold_image
        An image that exists, only good for runs that are held.
    """

    def __init__(
        self,
        *,
        algorithms: Mapping[str, str],
        entrypoint: Sequence[str],
        image_environment: Mapping[str, str],
        hold_image: str,
    ) -> None:
        self._algorithms = {**algorithms, hold_image: ""}
        self._entrypoint = list(entrypoint)
        self._image_environment = dict(image_environment)
        self._containers: list[Container] = []
        self._lock = threading.Lock()
        # docker-py's layout: client.images.pull, client.containers.run and so on.
        self.images = _Images(self._algorithms)
        self.containers = _Containers(self)
        self.volumes = _Volumes()

    def run(
        self, image: str, environment: Mapping[str, str], name: str, labels: Mapping[str, str]
    ) -> Container:
        """Start the algorithm of an image."""
        command = self._entrypoint
        if method_of(Path(decoded(environment["INPUT_FILE"]))) == HOLD_METHOD:
            command = [sys.executable, str(Path(__file__).with_name("hold_process.py"))]
        environment = {
            **self._image_environment,
            "PKG_NAME": self._algorithms[image],
            # docker-py takes numbers and so do its callers.
            **{key: str(value) for key, value in environment.items()},
        }
        container = Container(command, environment, name, labels)
        with self._lock:
            self._containers.append(container)
        return container

    def running(self) -> list[Container]:
        """List the containers that have not ended."""
        with self._lock:
            for container in self._containers:
                container.reload()
            self._containers = [each for each in self._containers if each.status == "running"]
            return list(self._containers)


class _Images:
    def __init__(self, algorithms: Mapping[str, str]) -> None:
        self._algorithms = algorithms

    def list(self, name: str) -> list[str]:
        return [name] if name in self._algorithms else []

    def pull(self, name: str) -> None:
        if name not in self._algorithms:
            raise docker.errors.ImageNotFound(f"no algorithm for the image {name}")


class _Containers:
    def __init__(self, engine: ProcessEngine) -> None:
        self._engine = engine

    def run(
        self,
        image: str,
        *,
        environment: Mapping[str, str],
        name: str,
        labels: Mapping[str, str],
        **_: object,
    ) -> Container:
        return self._engine.run(image, environment, name, labels)

    def list(
        self,
        *,
        all: bool = False,  # noqa: A002, ARG002 - docker-py's name; what ended is gone
        filters: Mapping[str, Any] | None = None,
    ) -> list[Container]:
        filters = filters or {}
        labels = {label.partition("=")[::2] for label in filters.get("label", ())}
        return [
            container
            for container in self._engine.running()
            if filters.get("name", container.name) == container.name
            and labels <= set(container.labels.items())
        ]


class _Volumes:
    def get(self, name: str) -> str:
        return name


class IsolatedNetwork:
    """In place of the node's Docker network: on one machine there is nothing to connect."""

    def __init__(self, network_name: str) -> None:
        self.network_name = network_name

    def create_network(self, *, is_internal: bool = True) -> None:
        """Do nothing."""

    def connect(self, *_: object, **__: object) -> None:
        """Do nothing."""

    def disconnect(self, *_: object, **__: object) -> None:
        """Do nothing."""

    def delete(self, *_: object, **__: object) -> None:
        """Do nothing."""


def decoded(value: str) -> str:
    """Undo the node's encoding of an environment variable."""
    return base64.b32decode(value.replace("!", "=")).decode()


def method_of(input_file: Path) -> str | None:
    """Tell which method an input asks for, if it can be read."""
    try:
        return json.loads(input_file.read_bytes())["method"]
    except (ValueError, TypeError, KeyError):
        return None


def python_environment(python_path: Sequence[str]) -> dict[str, str]:
    """Give what a Python image sets, without what the machine happens to have set."""
    return {
        "PATH": os.defpath,
        "LANG": "C.UTF-8",
        "PYTHONUNBUFFERED": "1",
        "PYTHONPATH": os.pathsep.join(python_path),
    }
