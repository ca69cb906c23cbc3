"""What the node sets in an algorithm's container, byte by byte."""

from __future__ import annotations

import base64
from pathlib import Path

import pytest

from tests.contract.networks import IMAGE, Container, Network

ENCODED = {
    "HOST",
    "PORT",
    "API_PATH",
    "TOKEN_FILE",
    "INPUT_FILE",
    "OUTPUT_FILE",
    "TEMPORARY_FOLDER",
    "USER_REQUESTED_DATABASE_LABELS",
    "DB_LABELS",
    "DEFAULT_DATABASE_URI",
    "DEFAULT_DATABASE_TYPE",
    # The node's own algorithm_env.
    "DIFFICULT",
    "EIGHT",
    "V6CLIENT_POLL_CAP",
}
PLAIN = {"PKG_NAME", "PATH", "LANG", "PYTHONPATH"}
# What Python images set besides; an algorithm cannot rely on it.
MORE = {"HOME", "PYTHONUNBUFFERED"}


@pytest.fixture(scope="module")
def environment(network: Network, running: list[int]) -> dict[str, str]:
    """Give what an algorithm's process was started with."""
    task = network.researcher.create_task(
        IMAGE, "environment", organizations=running[:1], databases=[{"label": "default"}]
    )
    network.researcher.wait(task["id"])
    [found] = network.researcher.results(task["id"])
    return dict(found)


def test_these_names_and_no_others(environment: dict[str, str]) -> None:
    assert set(environment) - MORE == ENCODED | PLAIN


def test_the_values_of_the_node_are_base32_with_exclamation_marks(
    environment: dict[str, str], network: Network, container: Container
) -> None:
    values = {
        name: base64.b32decode(environment[name].replace("!", "=")).decode() for name in ENCODED
    }
    assert all("=" not in environment[name] for name in ENCODED)
    assert values["HOST"] == network.organizations[0].proxy_host
    assert int(values["PORT"]) == container.port
    assert values["API_PATH"] == environment["API_PATH"] == ""
    assert values["USER_REQUESTED_DATABASE_LABELS"] == values["DB_LABELS"] == "default"
    assert values["DEFAULT_DATABASE_TYPE"] == "csv"
    assert Path(values["DEFAULT_DATABASE_URI"]).read_text() == "age\n41\n"
    assert values["DIFFICULT"] == "a=b; 'c' $D\n"
    assert values["EIGHT"] == "ABCDEFGH"
    folder = Path(values["TOKEN_FILE"]).parent
    assert {Path(values[f"{name}_FILE"]).parent for name in ("INPUT", "OUTPUT")} == {folder}
    assert Path(values["TEMPORARY_FOLDER"]).is_dir()


def test_the_module_is_plain(environment: dict[str, str]) -> None:
    assert environment["PKG_NAME"] == "contract_algorithm"
