"""A process of its own that forks while its threads use a client; started by test_forks.py.

Each child says in a line of JSON what came of its calls. A child that waits for a lock that nobody
will ever release is ended by its alarm.
"""

from __future__ import annotations

import gc
import json
import os
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from contextlib import ExitStack, contextmanager
from typing import Any

from v6client import AlgorithmClient, MaskedServerError, Settings, forks
from v6client.telemetry.metrics import tally

_CHILD_SECONDS = 20
_FORKS = 8


def main() -> None:
    """Fork in two ways: while threads work, and while a thread holds every lock."""
    port, token = int(sys.argv[1]), sys.stdin.read()
    settings = Settings(first_contact_budget=5, outage_budget=5)
    client = AlgorithmClient(token, "http://127.0.0.1", port, "", settings=settings)
    client.organization.get(2)
    with _working(client):
        for _ in range(_FORKS):
            _fork(client, "beside threads")
    with _locks_held(client):
        _fork(client, "beside held locks")
    _fork_beside_others(client)
    client.task.create({"method": "parent"}, [2])
    _say("parent", {"id": client.organization.get(2)["id"]})


def _fork(client: AlgorithmClient, which: str) -> None:
    child = os.fork()
    if child == 0:
        signal.alarm(_CHILD_SECONDS)
        code = 1
        try:
            _say(which, _calls(client))
            code = 0
        finally:
            os._exit(code)
    _, status = os.waitpid(child, 0)
    if status:
        _say(which, {"failed": os.waitstatus_to_exitcode(status)})


def _fork_beside_others(client: AlgorithmClient) -> None:
    """Fork with several clients, of which one has gone: none of the others may be forgotten."""
    others = [
        AlgorithmClient(client.token or "", client.host, client.port, "", settings=client.settings)
        for _ in range(3)
    ]
    for one in others:
        one.run.from_task(40)
    del others[0]
    gc.collect()
    for one in others:
        _fork(one, "beside others")


def _calls(client: AlgorithmClient) -> dict[str, Any]:
    organization = client.organization.get(2)
    task = client.task.create({"method": "child"}, [2])
    try:
        client.task.get(5)  # masked, so that it is diagnosed
    except MaskedServerError as error:
        return {"id": organization["id"], "task": task["id"], "masked": error.server_answers}
    return {}


@contextmanager
def _working(client: AlgorithmClient) -> Iterator[None]:
    ends = threading.Event()

    def work(call: Callable[[], object]) -> None:
        while not ends.is_set():
            call()

    calls: list[Callable[[], object]] = [
        lambda: client.organization.get(2),
        lambda: client.run.from_task(40),
        lambda: AlgorithmClient(client.token or "", client.host, client.port, ""),
    ]
    threads = [threading.Thread(target=work, args=(call,)) for call in calls]
    for thread in threads:
        thread.start()
    try:
        yield
    finally:
        ends.set()
        for thread in threads:
            thread.join()


@contextmanager
def _locks_held(client: AlgorithmClient) -> Iterator[None]:
    """Let another thread hold every lock that a call takes, and be about every shared call."""
    exchange = client._exchange
    for flight in (exchange._diagnosis._flight, client._creator.blobs._flight):
        flight._under_way = Future()
    locks = [
        exchange._retry.budget._lock,
        exchange._diagnosis._flight._lock,
        client._creator.blobs._flight._lock,
        tally._lock,
        forks._lock,
    ]
    held, ends = threading.Event(), threading.Event()

    def hold() -> None:
        with ExitStack() as stack:
            for lock in locks:
                stack.enter_context(lock)
            held.set()
            ends.wait()

    thread = threading.Thread(target=hold)
    thread.start()
    held.wait()
    try:
        yield
    finally:
        ends.set()
        thread.join()
        for flight in (exchange._diagnosis._flight, client._creator.blobs._flight):
            flight._under_way = None


def _say(who: str, what: dict[str, Any]) -> None:
    os.write(1, (json.dumps({"who": who, **what}) + "\n").encode())


if __name__ == "__main__":
    main()
