"""One network for the tests that do not stop anything, and a wider one for lists."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from v6client.sandbox import Container, Sandbox

ALGORITHMS = Path(__file__).parent / "algorithms"


def write_tables(directory: Path, *tables: list[float]) -> list[dict[str, Path]]:
    """Write one file for each organization, with a column ``age``."""
    databases = []
    for number, values in enumerate(tables, 1):
        path = directory / f"organization-{number}.csv"
        path.write_text("\n".join(["age", *map(str, values)]) + "\n")
        databases.append({"default": path})
    return databases


@pytest.fixture(scope="session")
def sandbox(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sandbox]:
    """Four organizations, of which the last has no running node."""
    tables = write_tables(tmp_path_factory.mktemp("data"), [1, 2], [3], [4, 5, 6], [7])
    with Sandbox(
        4,
        nodes=3,
        databases=tables,
        algorithms={"harbor.example/average:1": "sandbox_average"},
        python_path=[ALGORITHMS],
        algorithm_env={"DIFFICULT": "a=b; 'c' $D\n"},
        studies={"first two": [1, 2], "last two": [3, 4]},
    ) as network:
        yield network


@pytest.fixture
def container(sandbox: Sandbox) -> Iterator[Container]:
    with sandbox.open_container(databases=["default"]) as held:
        yield held


@pytest.fixture(scope="session")
def wide() -> Iterator[Sandbox]:
    """Twenty-five organizations, and a server alone."""
    with Sandbox(25, nodes=0) as network:
        yield network
