# mypy: ignore-errors
"""The central methods: all the ways in which public algorithms call the client."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pandas as pd
from vantage6.algorithm.client import AlgorithmClient
from vantage6.algorithm.tools import decorators
from vantage6.algorithm.tools.decorators import algorithm_client, data
from vantage6.algorithm.tools.util import info


@algorithm_client
def average(client: AlgorithmClient, column: str) -> dict[str, float]:
    """Everything by name, with a name and a description, as most do."""
    organizations = [one.get("id") for one in client.organization.list()]
    info("Creating a subtask for all organizations")
    task = client.task.create(
        input_={"method": "partial_sum", "kwargs": {"column": column}},
        organizations=organizations,
        name="Partial sums",
        description="The sum and the count of one column",
    )
    results = client.wait_for_results(task_id=task.get("id"))
    total = sum(one["sum"] for one in results)
    return {"average": total / sum(one["count"] for one in results)}


@algorithm_client
def compare(client: AlgorithmClient) -> list[Any]:
    """With two databases at each organization, and an interval."""
    ids = [one["id"] for one in client.organization.list()]
    task = client.task.create(input_={"method": "partial_compare"}, organizations=ids)
    return client.wait_for_results(task_id=task["id"], interval=0.5)


@algorithm_client
def positional(client: AlgorithmClient) -> list[Any]:
    """Everything by position."""
    ids = [one["id"] for one in client.organization.list()]
    task = client.task.create({"method": "partial_who"}, ids, "who", "by position")
    return client.wait_for_results(task["id"])


@algorithm_client
def waits_twice(client: AlgorithmClient) -> list[Any]:
    """Wait for one task two times."""
    task = client.task.create({"method": "partial_who"}, [client.organization_id])
    return [client.wait_for_results(task["id"]), client.wait_for_results(task_id=task["id"])]


@algorithm_client
def never_waits(client: AlgorithmClient) -> int:
    """Leave a subtask to itself."""
    return client.task.create({"method": "partial_who"}, [client.organization_id])["id"]


@algorithm_client
def children_in_threads(client: AlgorithmClient) -> list[Any]:
    """One subtask an organization, created and waited for by threads."""

    def ask(organization_id: int) -> Any:
        task = client.task.create(input_={"method": "partial_who"}, organizations=[organization_id])
        return client.wait_for_results(task_id=task["id"])[0]

    ids = [one["id"] for one in client.organization.list()]
    with ThreadPoolExecutor(max_workers=len(ids)) as pool:
        return list(pool.map(ask, ids))


@algorithm_client
def describe(client: AlgorithmClient) -> dict[str, Any]:
    """What else public algorithms read from the client."""
    task = client.task.create({"method": "partial_describe"}, [client.organization_id])
    [partial] = client.wait_for_results(task["id"])
    return {
        "partial": partial,
        "is_a_client": isinstance(client, AlgorithmClient),
        "one_class": decorators.AlgorithmClient is AlgorithmClient,
        "token": client._access_token.count("."),
        "name": client.organization.get(client.organization_id)["name"],
        "task": client.task.get(task["id"])["name"],
        "children": client.vpn.get_child_addresses(),
        "own": client.vpn.get_own_address(),
    }


@decorators.algorithm_client
def through_the_decorators_module(client: decorators.AlgorithmClient) -> list[Any]:
    """Take the class from where one public algorithm takes it, and make a client by hand."""
    assert isinstance(client, decorators.AlgorithmClient)
    again = decorators.AlgorithmClient(
        token=client._access_token, host=client.host, port=client.port, path=client.path
    )
    return [one["id"] for one in again.organization.list()]


@data(1)
@algorithm_client
def with_data_and_client(client: AlgorithmClient, df: pd.DataFrame, column: str) -> list[Any]:
    """Both decorators: rows of this organization beside the sums of all."""
    ids = [one["id"] for one in client.organization.list()]
    task = client.task.create({"method": "partial_sum", "args": [column]}, ids)
    return [len(df), [one["count"] for one in client.wait_for_results(task["id"])]]
