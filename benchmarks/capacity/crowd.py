"""A crowd of waiting containers, as one process: ``python crowd.py CLIENT``.

A JSON object on its input says where the proxy is and what to wait for; one with the figures comes
back. Each container is a thread with a client of its own, vantage6's (in its own environment) or
ours. Their tasks are in the server's database already, and end when this process says so there: so
nothing but waiting goes through the proxy.
"""

from __future__ import annotations

import base64
import heapq
import json
import os
import random
import re
import sqlite3
import sys
import threading
import time
from collections.abc import Callable
from datetime import datetime, timezone
from typing import Any

RESULT = base64.b64encode(b'{"sum": 1}').decode()

Sample = tuple[float, float, str, bool]
"""When an attempt ended (monotonic), its seconds, its endpoint, whether it was answered."""


class Ender:
    """Ends tasks at their time, in the server's database."""

    def __init__(self, database: str) -> None:
        self._database = database
        self._due: list[tuple[float, int]] = []
        self._lock = threading.Lock()

    def add(self, moment: float, task: int) -> None:
        """Let a task end at a moment."""
        with self._lock:
            heapq.heappush(self._due, (moment, task))

    def work(self) -> None:
        """End what is due, for ever."""
        base = sqlite3.connect(self._database, timeout=30, isolation_level=None)
        while True:
            with self._lock:
                ended = []
                while self._due and self._due[0][0] <= time.monotonic():
                    ended.append(heapq.heappop(self._due)[1])
            if ended:
                now = datetime.now(timezone.utc).replace(tzinfo=None).isoformat(" ")
                base.executemany(
                    "UPDATE run SET status = 'completed', finished_at = ?, result = ?"
                    " WHERE task_id = ?",
                    [(now, RESULT, task) for task in ended],
                )
            time.sleep(0.01)


def upstream(samples: list[Sample]) -> Callable[[dict[str, Any]], Any]:
    """Give what makes vantage6's client, whose requests are timed."""
    import requests  # noqa: PLC0415 - two environments
    from vantage6.algorithm.client import (  # type: ignore[import-not-found]  # noqa: PLC0415
        AlgorithmClient,
    )

    inner = requests.Session.request

    def timed(self: Any, method: str, url: str, **more: Any) -> Any:  # noqa: ANN401 - as requests
        began = time.monotonic()
        answer = inner(self, method, url, **more)
        now = time.monotonic()
        path = re.sub(r"/\d+", "/{id}", "/" + url.split("/", 3)[3].partition("?")[0])
        samples.append((now, now - began, f"{method.upper()} {path}", answer.ok))
        return answer

    requests.Session.request = timed  # type: ignore[method-assign,assignment]
    return lambda at: AlgorithmClient(at["token"], at["host"], at["port"], "")


def ours(samples: list[Sample]) -> Callable[[dict[str, Any]], Any]:
    """Give what makes our client, which times its requests itself."""
    from v6client import AlgorithmClient  # noqa: PLC0415 - two environments
    from v6client.cli.loadtest.overheard import overhear  # noqa: PLC0415
    from v6client.cli.loadtest.tally import Tally  # noqa: PLC0415

    def told(method: str, template: str, seconds: float, error: str) -> None:
        samples.append((time.monotonic(), seconds, f"{method} {template}", not error))

    overhear(Tally(), told)
    return lambda at: AlgorithmClient(at["token"], at["host"], at["port"], "")


def container(  # noqa: PLR0913 - what a container of the crowd is
    client: Any,  # noqa: ANN401 - one of two classes
    tasks: list[int],
    at: dict[str, Any],
    delay: float,
    dice: random.Random,
    ender: Ender,
    lates: list[tuple[float, float]],
) -> None:
    """Wait for one task after the other."""
    time.sleep(delay)
    while at["flat_out"]:
        client.request(f"task/{tasks[0]}/status")
        time.sleep(at["pause"] * dice.uniform(0.5, 1.5))
    for task in tasks:
        end = time.monotonic() + dice.uniform(0.5, 1.5) * at["mean"]
        ender.add(end, task)
        client.wait_for_results(task)
        now = time.monotonic()
        lates.append((now, now - end))


def main() -> None:
    """Let the crowd wait, and say how it went."""
    at = json.loads(sys.stdin.read())
    samples: list[Sample] = []
    lates: list[tuple[float, float]] = []
    make = {"upstream": upstream, "ours": ours}[sys.argv[1]](samples)
    ender = Ender(at["database"])
    threading.Thread(target=ender.work, daemon=True).start()
    dice = random.Random(at["seed"])  # noqa: S311 - a benchmark
    clients = [make(at) for _ in range(at["containers"])]
    threading.stack_size(256 * 1024)
    began = time.monotonic()
    for number, client in enumerate(clients):
        own = random.Random(dice.random())  # noqa: S311
        delay = 0.0 if at["flat_out"] else dice.uniform(0, at["mean"])
        tasks = at["tasks"][number]
        threading.Thread(
            target=container, args=(client, tasks, at, delay, own, ender, lates), daemon=True
        ).start()
    time.sleep(max(0.0, began + at["seconds"] - time.monotonic()))
    since = began + at["from"]
    figures = {
        "seconds": time.monotonic() - since,
        "samples": [one[1:] for one in list(samples) if one[0] >= since],
        "lates": [late for moment, late in list(lates) if moment >= since],
        "cpu": time.process_time(),
    }
    sys.stdout.write(f"\n{json.dumps(figures)}\n")
    sys.stdout.flush()
    os._exit(0)


if __name__ == "__main__":
    main()
