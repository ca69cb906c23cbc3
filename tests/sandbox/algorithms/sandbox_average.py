# noqa: INP001 - a directory that algorithms are found in, not a package
"""A federated average, and functions that behave as the tests need."""

from __future__ import annotations

import csv
import os
import sys
import time
from pathlib import Path

from v6client import AlgorithmClient, algorithm_client


@algorithm_client
def central(client: AlgorithmClient, column: str, organizations: list[int]) -> float:
    task = client.task.create(
        input_={"method": "partial", "kwargs": {"column": column}},
        organizations=organizations,
        name="partial sums",
    )
    partials: list[dict[str, float]] = client.wait_for_results(task["id"])
    return sum(one["sum"] for one in partials) / sum(one["count"] for one in partials)


def partial(column: str) -> dict[str, float]:
    with Path(os.environ["DEFAULT_DATABASE_URI"]).open(newline="") as file:
        values = [float(row[column]) for row in csv.DictReader(file)]
    return {"sum": sum(values), "count": len(values)}


def wait_for(path: str) -> str:
    while not Path(path).exists():
        time.sleep(0.01)
    return "seen"


def crash_after(path: str) -> None:
    wait_for(path)
    sys.stdout.write("said on standard output\n")
    raise ValueError("said by the exception")


def variables(*names: str) -> list[str | None]:
    return [os.environ.get(name) for name in names]
