"""How much a process grows by the telemetry of many requests that no collector takes.

``python -m tests.telemetry.memory 100000``: run in a process of its own, it prints the bytes.
"""

from __future__ import annotations

import gc
import resource
import sys
from typing import Final

from v6client import telemetry
from v6client.telemetry import logs, metrics, schema, spans

_WARM: Final = 100


def request() -> None:
    """Emit what one request does."""
    attributes: dict[str, str | int] = {
        schema.HTTP_METHOD: "GET",
        schema.URL_TEMPLATE: "/task/{id}",
        schema.SERVER_ADDRESS: "127.0.0.1",
        schema.SERVER_PORT: 80,
    }
    with spans.operation("task.get", {}):
        with spans.attempt("GET", "/task/{id}", attributes) as ended:
            ended(status=200, size=23, error_type="")
        metrics.record_attempt(0.01, attributes, status=200, error_type="", resend=False)
        logs.emit(schema.TASK_STATUS, task_id=1, status="active", elapsed_s=0.1)


def peak() -> int:
    """Give the most bytes that this process has had in memory."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


def growth(requests: int) -> int:
    """Give the bytes by which the process grows by the telemetry of so many requests."""
    for _ in range(_WARM):
        request()
    gc.collect()
    before = peak()
    for _ in range(requests):
        request()
    return peak() - before


if __name__ == "__main__":
    telemetry.configure()
    sys.stderr.write(f"{growth(int(sys.argv[1]))}\n")
