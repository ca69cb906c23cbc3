"""Which Python module stands for an image."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from importlib.machinery import PathFinder


def module_of(image: str, algorithms: Mapping[str, str], search_path: Sequence[str]) -> str | None:
    """Give the module of an image: the one registered for it, or the one of that very name.

    Nothing is imported: an algorithm's code runs in its own process alone.
    """
    if image in algorithms:
        return algorithms[image]
    return image if _can_be_imported(image, search_path) else None


def _can_be_imported(name: str, search_path: Sequence[str]) -> bool:
    parts = name.split(".")
    if not all(part.isidentifier() for part in parts):
        return False
    path: list[str] | None = list(search_path)
    for position in range(len(parts)):
        if path is None:
            return False
        spec = PathFinder.find_spec(".".join(parts[: position + 1]), path)
        if spec is None:
            return False
        locations = spec.submodule_search_locations
        path = None if locations is None else list(locations)
    return True
