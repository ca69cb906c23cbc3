"""One client in a process of its own: ``python side.py SIDE PORT TASK_ID TOKEN``.

The side is ``ours``, ``plain`` (ours without the extra ``fast``) or ``upstream``; or one of the
floors, ``floor`` (pybase64) and ``floor-plain`` (Python's own base64): what it takes to decode the
results that are there already, without a client. It needs nothing of this package: upstream's
client lives in another environment. It says when it is ready, fetches
the results when told so, says what that took, waits while its memory is looked at from outside, and
at last says what it got, as a digest.
"""

from __future__ import annotations

import base64
import gc
import hashlib
import json
import re
import resource
import sys
import time
import urllib.request
from collections.abc import Callable
from typing import Any


def client_of(which: str, token: str, port: int) -> Any:  # noqa: ANN401 - one of two classes
    """Make the client that is measured."""
    if which == "plain":
        # As if it were not installed.
        sys.modules["pybase64"] = None  # type: ignore[assignment]
    if which in {"ours", "plain"}:
        from v6client import AlgorithmClient  # noqa: PLC0415 - only one of them is installed
    else:
        from vantage6.algorithm.client import (  # type: ignore[import-not-found,no-redef]  # noqa: PLC0415
            AlgorithmClient,
        )
    return AlgorithmClient(token, "http://127.0.0.1", port, "")


def from_task_of(which: str, token: str, port: int, task_id: int) -> Callable[[], Any]:
    """Make what gives the results of a task."""
    if which.startswith("floor"):
        return floor(which, port, task_id)
    client = client_of(which, token, port)
    # A small one first: what is imported at the first request is not the result's affair.
    client.result.from_task(1)
    return lambda: client.result.from_task(task_id)


def floor(which: str, port: int, task_id: int) -> Callable[[], Any]:
    """Fetch the texts, and make what only decodes them: no client can do with less."""
    decode = base64.b64decode
    if which == "floor":
        import pybase64  # noqa: PLC0415 - the one side that needs it

        decode = pybase64.b64decode
    address = f"http://127.0.0.1:{port}/result?task_id={task_id}&per_page=1000"
    with urllib.request.urlopen(address) as answer:
        page = answer.read()
    # Views: a copy that was given up would leave memory that is free, and not be seen to be used.
    starts = [found.end() for found in re.finditer(b'"result": "', page)]
    texts = [memoryview(page)[start : page.index(b'"', start)] for start in starts]
    json.loads(decode(b"e30="))

    def from_task() -> Any:  # noqa: ANN401 - JSON
        return [json.loads(decode(text)) for text in texts]

    return from_task


def cpu() -> float:
    """Tell the CPU seconds of this process."""
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


def say(line: object) -> None:
    """Tell the process that measures, and wait for its word."""
    sys.stdout.write(json.dumps(line) + "\n")
    sys.stdout.flush()
    sys.stdin.readline()


def main() -> None:
    """Fetch once."""
    which, port, task_id, token = sys.argv[1:]
    from_task = from_task_of(which, token, int(port), int(task_id))
    gc.collect()
    say("ready")
    started, used = time.perf_counter(), cpu()
    results = from_task()
    figures = {"seconds": time.perf_counter() - started, "cpu": cpu() - used}
    say(figures)
    say(hashlib.sha256(json.dumps(results).encode()).hexdigest())


if __name__ == "__main__":
    main()
