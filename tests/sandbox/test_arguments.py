"""What a network may consist of."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from v6client.errors import ConfigurationError
from v6client.sandbox import Sandbox
from v6client.sandbox.databases import node_databases


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Sandbox(0), "at least one"),
        (lambda: Sandbox([]), "at least one"),
        (lambda: Sandbox(["a", "a"]), "once"),
        (lambda: Sandbox(["a", ""]), "empty"),
        (lambda: Sandbox(2, nodes=3), "3 cannot run"),
        (lambda: Sandbox(2, databases={"default": "/no/such/file.csv"}), "/no/such/file.csv"),
        (lambda: Sandbox(1, databases=[{}, {}]), "2 mappings for 1"),
        (lambda: Sandbox(1, algorithm_env=[{}, {}]), "2 mappings for 1"),
        (lambda: Sandbox(1, databases={"no good": "/etc/hosts"}), "'no good'"),
        (lambda: Sandbox(2, studies={"s": [3]}), "names organization 3"),
        (lambda: Sandbox(1).researcher, "not started"),
        (lambda: Sandbox(1).server_url, "not started"),
    ],
)
def test_a_wrong_argument_is_named(make: Callable[[], object], message: str) -> None:
    with pytest.raises(ConfigurationError, match=message):
        make()


def test_an_unknown_organization(sandbox: Sandbox) -> None:
    with pytest.raises(ConfigurationError, match="ids are 1 to 4"):
        sandbox.stop_node(5)
    with pytest.raises(ConfigurationError, match="no organization 0"):
        sandbox.open_container(0)
    with pytest.raises(ConfigurationError, match="started already"):
        sandbox.start()


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("a.csv", "csv"),
        ("a.CSV", "csv"),
        ("a.sqlite", "sql"),
        ("a.db", "sql"),
        ("a.parquet", "parquet"),
        ("a.xlsx", "excel"),
        ("a.nii", "other"),
    ],
)
def test_the_kind_of_a_database_is_its_suffix(tmp_path: Path, name: str, kind: str) -> None:
    path = tmp_path / name
    path.touch()
    assert node_databases([{"default": path}], 2) == [
        {"default": {"type": kind, "uri": str(path)}},
        {},
    ]
