"""What a node gives a container: its files, and the variables that say where they are."""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping
from pathlib import Path

from tests.conftest import container_token


def encoded(text: str) -> str:
    """Encode a variable as the node does."""
    return base64.b32encode(text.encode()).decode().replace("=", "!")


def all_encoded(variables: Mapping[str, str]) -> dict[str, str]:
    """Encode variables as the node does."""
    return {name: encoded(value) for name, value in variables.items()}


def call_of(method: object, *args: object) -> str:
    """Write the input that calls a method of the algorithm."""
    return json.dumps({"method": method, "args": args, "kwargs": {}})


def variables_of(  # noqa: PLR0913 - what a node tells
    folder: Path,
    *,
    input_: str = "{}",
    token: str = "",
    host: str = "http://127.0.0.1",
    port: int | None = 1,
    path: str = "",
) -> dict[str, str]:
    """Write a container's files into a folder, and give its variables, not yet encoded."""
    for name, text in {"input": input_, "token": token or container_token(), "output": ""}.items():
        (folder / name).write_text(text)
    return {
        "HOST": host,
        "PORT": str(port),
        "API_PATH": path,
        "TOKEN_FILE": str(folder / "token"),
        "INPUT_FILE": str(folder / "input"),
        "OUTPUT_FILE": str(folder / "output"),
        "TEMPORARY_FOLDER": str(folder),
    }
