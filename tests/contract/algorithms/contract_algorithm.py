# ruff: noqa: INP001 - a module that a container finds on its path
"""A small algorithm that calls the client in all the ways that public algorithms do."""

from __future__ import annotations

import os
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from v6client import AlgorithmClient, algorithm_client


def echo(value: Any = None) -> Any:
    """Give back what came."""
    return value


def crash() -> None:
    """Fail."""
    raise ValueError("as asked")


def sleep(seconds: float) -> float:
    """Take some time."""
    time.sleep(seconds)
    return seconds


def leave() -> None:
    """End without a result, and without a failure of one's own."""
    os._exit(3)


def speak(words: str) -> None:
    """Print."""
    sys.stdout.write(f"{words}\n")


def environment() -> dict[str, str]:
    """Give what this process was started with, before anything decoded it."""
    entries = Path("/proc/self/environ").read_bytes().decode().split("\0")
    return dict(entry.split("=", 1) for entry in entries if entry)


@algorithm_client
def crash_once_active(client: AlgorithmClient, organization: int) -> None:
    """Fail when the run of another organization has begun."""
    for _ in range(600):
        runs = client.run.from_task(client.task_id)
        if any(run["organization"]["id"] == organization and run["started_at"] for run in runs):
            break
        time.sleep(0.05)
    raise ValueError("as asked")


@algorithm_client
def crash_after(client: AlgorithmClient, organization: int) -> int:
    """Give the own organization, or fail when the run of a first one has completed."""
    if client.organization_id == organization:
        return organization
    for _ in range(600):
        runs = client.run.from_task(client.task_id)
        if any(run["status"] == "completed" for run in runs):
            break
        time.sleep(0.05)
    raise ValueError("as asked")


@algorithm_client
def behave(client: AlgorithmClient, plan: dict[str, list[Any]]) -> int:
    """Give the own organization after some seconds, or crash then, as the plan has it for it.

    Not before the others have begun: the server fails those that have not together with it.
    """
    how, seconds = plan.get(str(client.organization_id), ["work", 0])
    time.sleep(seconds)
    if how == "crash":
        for _ in range(600):
            runs = client.run.from_task(client.task_id)
            if all(run["started_at"] or run["node"]["status"] != "online" for run in runs):
                break
            time.sleep(0.05)
        raise ValueError("as asked")
    return client.organization_id


def _ids(client: AlgorithmClient) -> list[int]:
    return [one["id"] for one in client.organization.list()]


@algorithm_client
def positional(client: AlgorithmClient, organizations: list[int]) -> list[Any]:
    """All arguments by position, as three public algorithms do."""
    task = client.task.create(
        {"method": "echo", "args": [1]}, organizations, "by position", "a description"
    )
    return client.wait_for_results(task["id"])


@algorithm_client
def named(client: AlgorithmClient, organizations: list[int]) -> list[Any]:
    """All arguments by name, as most do; with an interval; and the token is read."""
    assert client._access_token
    task = client.task.create(
        input_={"method": "echo", "kwargs": {"value": client.organization_id}},
        organizations=organizations,
        name="by name",
        description="a description",
    )
    return client.wait_for_results(task_id=task["id"], interval=0.5)


@algorithm_client
def waits_twice(client: AlgorithmClient, organizations: list[int]) -> list[Any]:
    """Wait for one task two times."""
    task = client.task.create({"method": "echo", "args": ["x"]}, organizations)
    return [client.wait_for_results(task["id"]), client.wait_for_results(task_id=task["id"])]


@algorithm_client
def never_waits(client: AlgorithmClient, organizations: list[int]) -> int:
    """Leave a subtask to itself."""
    return int(client.task.create({"method": "echo"}, organizations)["id"])


@algorithm_client
def threads(client: AlgorithmClient, organizations: list[int], count: int) -> list[Any]:
    """Create and wait from several threads at once."""

    def one(number: int) -> list[Any]:
        task = client.task.create({"method": "echo", "args": [number]}, organizations)
        return client.wait_for_results(task["id"])

    with ThreadPoolExecutor(count) as pool:
        return list(pool.map(one, range(count)))


@algorithm_client
def tree(client: AlgorithmClient, organizations: list[int], levels: int) -> Any:
    """Go down one level at each organization."""
    if levels == 0:
        return client.organization_id
    task = client.task.create(
        {"method": "tree", "args": [organizations, levels - 1]}, organizations, f"level {levels}"
    )
    return [client.organization_id, client.wait_for_results(task["id"])]
