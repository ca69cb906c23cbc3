"""The house: arrows point one way, modules are small, nothing reads the environment."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

import v6client

ROOT = Path(v6client.__file__).parent
MODULES = sorted(ROOT.rglob("*.py"))

# From the top of the house down: a room may import from those behind it, never from before.
ROOMS = [
    "cli",
    "sandbox",
    "__init__",
    "container",
    "client",
    "encrypted",
    "blob_requests",
    "base",
    "subclients",
    "identity",
    "tasks",
    "payload",
    "http",
    "telemetry",
    "settings",
    "setting",
    "server_time",
    "single_flight",
    "forks",
    "errors",
    "_version",
]

# A table, one statement an entry, is as long as it is: every name that telemetry has, in one place.
TABLES = {ROOT / "telemetry" / "schema.py"}


def room_of(path: Path) -> str:
    part = path.relative_to(ROOT).parts[0]
    return part.removesuffix(".py")


def imported_rooms(path: Path) -> set[str]:
    rooms = set()
    tree = ast.parse(path.read_text("utf-8"))
    guarded = {
        id(node)
        for guard in ast.walk(tree)
        if isinstance(guard, ast.If) and ast.unparse(guard.test) == "TYPE_CHECKING"
        for node in ast.walk(guard)
    }
    for node in ast.walk(tree):
        if id(node) in guarded or not isinstance(node, (ast.Import, ast.ImportFrom)):
            continue
        names = [node.module or ""] if isinstance(node, ast.ImportFrom) else []
        names += [one.name for one in node.names] if isinstance(node, ast.Import) else []
        if isinstance(node, ast.ImportFrom) and node.module == "v6client":
            names = [f"v6client.{one.name}" for one in node.names]
        for name in names:
            parts = name.split(".")
            if parts[0] == "v6client" and len(parts) > 1:
                rooms.add(parts[1] if parts[1] in ROOMS else "__init__")
    return rooms


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(ROOT)))
def test_arrows_point_one_way(path: Path) -> None:
    here = room_of(path)
    if here == "__main__":
        return
    for other in imported_rooms(path) - {here}:
        assert ROOMS.index(here) < ROOMS.index(other), f"{here} imports {other}"


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(ROOT)))
def test_a_module_fits_in_a_head(path: Path) -> None:
    assert len(path.read_text("utf-8").splitlines()) <= 350 or path in TABLES
    assert not {"utils", "helpers", "common", "manager"} & set(path.stem.split("_"))


def test_only_settings_and_the_container_read_the_environment() -> None:
    readers = {
        room_of(path)
        for path in MODULES
        if "os.environ" in path.read_text("utf-8") or "getenv" in path.read_text("utf-8")
    }
    assert readers <= {"settings", "container", "cli", "sandbox"}
