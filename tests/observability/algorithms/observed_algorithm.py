# noqa: INP001 - a directory that algorithms are found in, not a package
"""What the containers do that are observed: work, and each trouble that an alert is for."""

from __future__ import annotations

import contextlib
import time

from v6client import AlgorithmClient, RequestError, TaskFailed, algorithm_client

_NO_TASK = 999_999


@algorithm_client
def busy(client: AlgorithmClient, seconds: float) -> int:
    """Ask something, again and again, as long as it is to live."""
    asked = 0
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        client.organization.get(client.organization_id)
        asked += 1
        time.sleep(0.2)
    return asked


@algorithm_client
def rounds(client: AlgorithmClient, method: str, organizations: list[int], times: int) -> int:
    """Give the same subtask several times, all at once; count those that failed."""
    tasks = [client.task.create({"method": method}, organizations) for _ in range(times)]
    failed = 0
    for task in tasks:
        try:
            client.wait_for_results(task["id"])
        except TaskFailed:
            failed += 1
    return failed


@algorithm_client
def insistent(client: AlgorithmClient, task_id: int, times: int) -> int:
    """Ask for a task, and do not mind an error."""
    failed = 0
    for _ in range(times):
        try:
            client.task.get(task_id)
        except RequestError:
            failed += 1
    return failed


@algorithm_client
def lonely(client: AlgorithmClient) -> None:
    """Ask once, of a proxy that is not there."""
    with contextlib.suppress(RequestError):
        client.organization.list()


@algorithm_client
def study(
    client: AlgorithmClient, rounds: int, seconds: dict[str, float], refused: int, well: int
) -> int:
    """Compute in rounds at several organizations; one fails but for each ``well``-th round."""
    organizations = [int(one) for one in seconds]
    results = 0
    for number in range(rounds):
        task = client.task.create(
            {
                "method": "visit",
                "kwargs": {"seconds": seconds, "refused": refused if number % well else 0},
            },
            organizations,
        )
        results += len(client.wait_for_results(task["id"], on_failure="partial"))
    return results


@algorithm_client
def visit(client: AlgorithmClient, seconds: dict[str, float], refused: int) -> list[float]:
    """Take the time that this organization takes; at one of them ask for what is refused."""
    own = client.organization_id
    client.organization.get(own)
    if own == refused:
        client.task.get(_NO_TASK)
    time.sleep(seconds[str(own)])
    return [float(own)] * 200


def nothing() -> str:
    """Succeed."""
    return "done"


def crash() -> None:
    """Fail."""
    raise ValueError("canary-message")
