"""The databases of the nodes: who gets which file, and of what kind it is."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path

from v6client.errors import ConfigurationError

PathLike = str | os.PathLike[str]
# What a node is told: label -> {"type": ..., "uri": ...}.
NodeDatabases = dict[str, dict[str, str]]

_TYPES = {
    ".csv": "csv",
    ".sqlite": "sql",
    ".db": "sql",
    ".parquet": "parquet",
    ".xlsx": "excel",
}


def node_databases(
    databases: Mapping[str, PathLike] | Sequence[Mapping[str, PathLike]], organizations: int
) -> list[NodeDatabases]:
    """Give each organization's databases.

    Raises
    ------
    ConfigurationError
        If a file is missing, a label is no identifier, or there are more mappings than
        organizations.
    """
    if isinstance(databases, Mapping):
        return [_checked(databases) for _ in range(organizations)]
    if len(databases) > organizations:
        raise ConfigurationError(
            f"databases: {len(databases)} mappings for {organizations} organizations;"
            " give at most one for each"
        )
    missing = organizations - len(databases)
    return [_checked(entry) for entry in databases] + [{} for _ in range(missing)]


def _checked(databases: Mapping[str, PathLike]) -> NodeDatabases:
    checked: NodeDatabases = {}
    for label, path in databases.items():
        if not label.isidentifier():
            raise ConfigurationError(
                f"databases: the label {label!r} must be letters, digits and underscores,"
                " because it becomes part of a variable's name"
            )
        file = Path(path).absolute()
        if not file.exists():
            raise ConfigurationError(f"databases: there is no file {file} for the label {label!r}")
        checked[label] = {"type": _TYPES.get(file.suffix.lower(), "other"), "uri": str(file)}
    return checked
