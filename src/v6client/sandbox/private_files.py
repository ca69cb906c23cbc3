"""Directories and files that only their owner may read."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any


def make_directory(path: Path) -> Path:
    """Create a directory of mode 0700, with its parents; one that is there becomes private."""
    path.mkdir(mode=0o700, parents=True, exist_ok=True)
    path.chmod(0o700)
    return path


def write_json(path: Path, document: object) -> None:
    """Write a file of mode 0600, whole or not at all."""
    write_bytes(path, json.dumps(document, indent=2).encode())


def write_bytes(path: Path, content: bytes) -> None:
    """Write a file of mode 0600, whole or not at all."""
    draft = path.with_suffix(".new")
    draft.unlink(missing_ok=True)
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(content)
    draft.replace(path)


def read_json(path: Path) -> Any:  # noqa: ANN401 - what the file holds
    """Read what :func:`write_json` wrote."""
    return json.loads(path.read_text())
