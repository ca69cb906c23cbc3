"""Algorithms that know only vantage6, started by ``python -m v6client``, on both networks."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from types import MappingProxyType
from typing import Any

import pytest

from tests.contract import networks, tools
from tests.contract.networks import ALGORITHMS, Network
from tests.contract.real.stack import RealStack
from v6client.sandbox import Sandbox

IMAGE = "harbor.example/unmodified"
NODE = ["default", "other"]
# Eight capitals are base32. Decoded a second time, the first is no text and the second another
# word: upstream's tools crash on one and give the other out as "hello".
ENVIRONMENT = {
    "SITE_CODE": "ABCDEFGH",
    "SITE_WORD": "NBSWY3DP",
    "SITE_FLAG": "yes",
    "SITE_LIMIT": "25",
}
AGES = [[20, 30, 40], [50, 60]]


def start_sandbox(
    databases: list[dict[str, Path]],
    environments: Mapping[str, str] | Sequence[Mapping[str, str]] = MappingProxyType(ENVIRONMENT),
) -> AbstractContextManager[Network]:
    """Start the sandbox; its processes are the sandbox's own Python, which becomes the other."""
    become = f"import os; os.execv({tools.python()!r}, [{tools.python()!r}, '-m', 'v6client'])"
    return Sandbox(
        len(databases),
        databases=databases,
        algorithms={IMAGE: "unmodified"},
        python_path=[ALGORITHMS, tools.SOURCE],
        algorithm_env=environments,
        entrypoint=["-c", become],
    )


def start_real(databases: list[dict[str, Path]]) -> AbstractContextManager[Network]:
    """Start the real server and nodes."""
    return RealStack(
        len(databases),
        databases=databases,
        algorithms={IMAGE: "unmodified"},
        python_path=[ALGORITHMS, tools.SOURCE],
        algorithm_env=ENVIRONMENT,
        entrypoint=[tools.python(), "-m", "v6client"],
    )


@pytest.fixture(scope="module", params=["sandbox", "real"])
def network(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Network]:
    """Two organizations with two databases each."""
    reason = tools.why_not() or networks.why_not(request.param)
    if reason:
        pytest.skip(reason)
    folder = tmp_path_factory.mktemp("databases")
    databases = []
    for place, ages in enumerate(AGES):
        persons, visits = folder / f"persons{place}.csv", folder / f"visits{place}.csv"
        persons.write_text("\n".join(["age", *map(str, ages)]))
        visits.write_text("day\n1\n")
        databases.append({"default": persons, "other": visits})
    with (start_sandbox if request.param == "sandbox" else start_real)(databases) as this:
        yield this


Run = Callable[..., Any]


@pytest.fixture
def run(network: Network) -> Run:
    """Run a method at the first organization and give its result, as the researcher reads it."""

    def start(
        method: str, *args: object, databases: list[str] = NODE[:1], requests: int = 1
    ) -> Any:
        task = network.researcher.create_task(
            IMAGE,
            method,
            args,
            organizations=[network.organizations[0].id],
            databases=[{"label": label} for label in databases],
        )
        network.researcher.wait(task["id"])
        [row] = network.researcher.runs(task["id"])
        assert row["status"] == "completed", row["log"]
        finished = last_event(row["log"])
        assert finished["event"] == "run.finished"
        # At least so many of its requests were our client's.
        assert finished["requests"] >= requests
        [result] = network.researcher.results(task["id"])
        return result

    return start


def last_event(log: str) -> dict[str, Any]:
    """Give the last JSON line of a run's log."""
    events: list[dict[str, Any]] = [
        json.loads(line) for line in log.splitlines() if line.startswith('{"')
    ]
    return events[-1]


def ids_of(network: Network) -> list[int]:
    return [one.id for one in network.organizations]


def test_arguments_by_name_and_data_in_the_partials(run: Run) -> None:
    assert run("average", "age", requests=4) == {"average": 40.0}


def test_two_databases(run: Run) -> None:
    # Upstream's decorator puts each next database before the others.
    assert run("compare", databases=NODE) == [[["day"], ["age"]]] * 2


def test_arguments_by_position(run: Run, network: Network) -> None:
    assert run("positional") == ids_of(network)


def test_waiting_twice(run: Run, network: Network) -> None:
    first = network.organizations[0].id
    assert run("waits_twice") == [[first], [first]]


def test_never_waiting(run: Run, network: Network) -> None:
    subtask = run("never_waits")
    network.researcher.wait(subtask)
    assert network.researcher.results(subtask) == [network.organizations[0].id]


def test_threads(run: Run, network: Network) -> None:
    assert run("children_in_threads", requests=5) == ids_of(network)


def test_what_algorithms_read_from_the_client(run: Run, network: Network) -> None:
    first = network.organizations[0]
    assert run("describe") == {
        "partial": [3, True, first.id],
        "is_a_client": True,
        "one_class": True,
        "token": 2,
        "name": first.name,
        "task": "subtask",
        "children": [],
        "own": [],
    }


def test_the_class_from_the_decorators_module(run: Run, network: Network) -> None:
    assert run("through_the_decorators_module") == ids_of(network)


def test_both_decorators(run: Run) -> None:
    assert run("with_data_and_client", "age") == [3, [3, 2]]


def test_the_metadata_decorator(run: Run, network: Network) -> None:
    task, organization, has_token = run("partial_metadata", requests=0)
    assert task > 0
    assert (organization, has_token) == (network.organizations[0].id, True)


def test_variables_are_decoded_once(run: Run) -> None:
    assert run("partial_environment", requests=0) == {
        "code": ["ABCDEFGH", "ABCDEFGH"],
        "word": ["NBSWY3DP", "NBSWY3DP"],
        "bool": True,
        "int": 25,
        "default": "a default",
        "default_int": 5,
    }


def test_one_that_crashes_is_no_wrong_average(tmp_path: Path) -> None:
    """Upstream's client would compute with the others' results, and call that completed."""
    if reason := tools.why_not():
        pytest.skip(reason)
    databases = []
    for place, text in enumerate(["age\n20\n30", "age\n70", "years\n9"]):
        file = tmp_path / f"persons{place}.csv"
        file.write_text(text)
        databases.append({"default": file})
    # The first node leaves it at the default, the second has switched to what there is.
    environments = [ENVIRONMENT, {**ENVIRONMENT, "V6CLIENT_ON_FAILURE": "partial"}]
    with start_sandbox(databases, environments) as network:
        for organization, status in ((1, "crashed"), (2, "completed")):
            task = network.researcher.create_task(
                IMAGE, "average", ["age"], organizations=[organization], databases=["default"]
            )
            network.researcher.wait(task["id"])
            [row] = network.researcher.runs(task["id"])
            assert row["status"] == status, row["log"]
            assert ("Failed: organization 3" in row["log"]) == (status == "crashed")
            partial = [line for line in row["log"].splitlines() if "task.partial_results" in line]
            assert len(partial) == (status == "completed")
            assert all(json.loads(line)["organization_ids"] == [3] for line in partial)
        assert network.researcher.results(task["id"]) == [{"average": 40.0}]
