"""What a network may consist of: checks before any process starts."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path

from v6client.errors import ConfigurationError


def organization_names(organizations: int | Sequence[str]) -> list[str]:
    """Give the names of organizations, of which there may be no two alike."""
    if isinstance(organizations, int):
        names = [f"organization-{number}" for number in range(1, organizations + 1)]
    else:
        names = list(organizations)
    if not names:
        raise ConfigurationError("organizations: a sandbox needs at least one")
    if len(set(names)) < len(names):
        raise ConfigurationError("organizations: each name may be given once")
    if not all(names):
        raise ConfigurationError("organizations: a name may not be empty")
    return names


def search_path(directories: Sequence[str | os.PathLike[str]]) -> list[str]:
    """Give where algorithms find modules: these directories, and this process's PYTHONPATH."""
    inherited = filter(None, os.environ.get("PYTHONPATH", "").split(os.pathsep))
    return [str(Path(directory).absolute()) for directory in (*directories, *inherited)]


def node_count(nodes: int | None, organizations: int) -> int:
    """Give how many nodes run."""
    if nodes is None:
        return organizations
    if not 0 <= nodes <= organizations:
        raise ConfigurationError(
            f"nodes: {nodes} cannot run; there are {organizations} organizations"
        )
    return nodes


def node_variables(
    variables: Mapping[str, str] | Sequence[Mapping[str, str]], nodes: int
) -> list[dict[str, str]]:
    """Give each node's variables for algorithms."""
    if isinstance(variables, Mapping):
        return [dict(variables) for _ in range(nodes)]
    if len(variables) > nodes:
        raise ConfigurationError(
            f"algorithm_env: {len(variables)} mappings for {nodes} organizations;"
            " give at most one for each"
        )
    return [dict(one) for one in variables] + [{} for _ in range(nodes - len(variables))]


def checked_studies(
    studies: Mapping[str, Sequence[int]], organizations: int
) -> dict[str, list[int]]:
    """Give the studies, of organizations that there are."""
    for name, members in studies.items():
        for member in members:
            if not 1 <= member <= organizations:
                raise ConfigurationError(
                    f"studies: {name!r} names organization {member}; ids are 1 to {organizations}"
                )
    return {name: list(members) for name, members in studies.items()}
