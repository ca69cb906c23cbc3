"""The environment of an algorithm's process, as the real node builds a container's."""

from __future__ import annotations

import base64
import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

_OPTIONAL_KEYS = ("query", "sheet_name", "preprocessing")


@dataclass(frozen=True)
class Files:
    """The files of one run, all in its own directory."""

    directory: Path
    temporary: Path

    @property
    def input(self) -> Path:
        """What the algorithm reads."""
        return self.directory / "input"

    @property
    def output(self) -> Path:
        """What the algorithm writes."""
        return self.directory / "output"

    @property
    def token(self) -> Path:
        """The container's token."""
        return self.directory / "token"

    @property
    def log(self) -> Path:
        """What the algorithm prints."""
        return self.directory / "log"

    @property
    def pid(self) -> Path:
        """Who runs, for the case that the node is killed."""
        return self.directory / "pid"


@dataclass(frozen=True)
class Database:
    """A database of a node: its kind, and where it is."""

    type: str
    uri: str


def encode(value: str) -> str:
    """Encode a value as the node does: base32, with ``!`` for ``=``.

    >>> encode("abc")
    'MFRGG!!!'
    """
    return base64.b32encode(value.encode()).decode().replace("=", "!")


def container_variables(
    *,
    files: Files,
    proxy_port: int,
    databases: Mapping[str, Database],
    requested: Sequence[Mapping[str, Any]],
    algorithm_env: Mapping[str, str],
) -> dict[str, str]:
    """Give the variables that the node sets in a container, not yet encoded."""
    variables = {
        "INPUT_FILE": str(files.input),
        "OUTPUT_FILE": str(files.output),
        "TOKEN_FILE": str(files.token),
        "TEMPORARY_FOLDER": str(files.temporary),
        "HOST": "http://127.0.0.1",
        "PORT": str(proxy_port),
        "API_PATH": "",
    }
    for database in requested:
        parameters = json.loads(database.get("parameters") or "{}")
        for key in _OPTIONAL_KEYS:
            if key in parameters:
                value = parameters[key]
                text = json.dumps(value) if key == "preprocessing" else str(value)
                variables[f"{database['label'].upper()}_{key.upper()}"] = text
    variables["USER_REQUESTED_DATABASE_LABELS"] = ",".join(
        database["label"] for database in requested
    )
    for label, database_of_node in databases.items():
        variables[f"{label.upper()}_DATABASE_URI"] = database_of_node.uri
        variables[f"{label.upper()}_DATABASE_TYPE"] = database_of_node.type
    variables["DB_LABELS"] = ",".join(databases)
    return variables | dict(algorithm_env)


def process_environment(
    variables: Mapping[str, str], *, module: str, home: Path, python_path: Sequence[str]
) -> dict[str, str]:
    """Give the whole environment of an algorithm's process; nothing of the node's own leaks in."""
    plain = {
        "PKG_NAME": module,
        "PATH": os.environ.get("PATH", os.defpath),
        "HOME": str(home),
        "LANG": os.environ.get("LANG", "C.UTF-8"),
        "PYTHONPATH": os.pathsep.join(python_path),
    }
    return {name: encode(value) for name, value in variables.items()} | plain
