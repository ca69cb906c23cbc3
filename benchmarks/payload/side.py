"""One client in a process of its own: ``python side.py SIDE PORT TASK_ID TOKEN``.

The side is ``ours``, ``plain`` (ours without the extra ``fast``) or ``upstream``. It needs nothing
of this package: upstream's client lives in another environment. It says when it is ready, fetches
the results when told so, says what that took, waits while its memory is looked at from outside, and
at last says what it got, as a digest.
"""

from __future__ import annotations

import gc
import hashlib
import json
import resource
import sys
import time
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
    client = client_of(which, token, int(port))
    # A small one first: what is imported at the first request is not the result's affair.
    client.result.from_task(1)
    gc.collect()
    say("ready")
    started, used = time.perf_counter(), cpu()
    results = client.result.from_task(int(task_id))
    figures = {"seconds": time.perf_counter() - started, "cpu": cpu() - used}
    say(figures)
    say(hashlib.sha256(json.dumps(results).encode()).hexdigest())


if __name__ == "__main__":
    main()
