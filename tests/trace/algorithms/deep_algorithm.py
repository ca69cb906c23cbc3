# noqa: INP001 - a directory that algorithms are found in, not a package
"""A job of three levels and some hundred runs, one of which crashes."""

from __future__ import annotations

import os
import time
from typing import Any

from v6client import AlgorithmClient, TaskFailed, algorithm_client


@algorithm_client
def central(client: AlgorithmClient, middle: list[int], leaves: list[int], tasks: int) -> None:
    arguments = {"method": "middle", "args": [leaves, tasks]}
    client.wait_for_results(client.task.create(arguments, middle)["id"])


@algorithm_client
def middle(client: AlgorithmClient, leaves: list[int], tasks: int) -> int:
    """Some tasks one after the other, one that fails at one organization, one nobody waits for."""
    for _ in range(tasks):
        client.wait_for_results(client.task.create({"method": "leaf"}, leaves)["id"])
    try:
        failing = client.task.create({"method": "crash_at", "args": [leaves[-1]]}, leaves)
        client.wait_for_results(failing["id"], wait_for="all")
    except TaskFailed:
        pass
    client.task.create({"method": "sleep", "args": [3]}, leaves[:1])
    return tasks


@algorithm_client
def dies(client: AlgorithmClient, leaves: list[int]) -> Any:
    """As a container does that is killed while its subtask is done."""
    client.wait_for_results(client.task.create({"method": "leaf"}, leaves)["id"])
    client.task.create({"method": "leaf"}, leaves)
    time.sleep(3)  # longer than spans are held back
    os._exit(9)
