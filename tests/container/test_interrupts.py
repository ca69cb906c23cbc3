"""Ctrl-C and SIGTERM while a container waits: it ends at once, and says which tasks go on."""

from __future__ import annotations

import signal
import time
from pathlib import Path

import pytest

from tests.peer import Answer, Received, answer, peer
from tests.telemetry.containers import start

ALGORITHM = """
from v6client import algorithm_client

@algorithm_client
def waits(client):
    client.wait_for_results(5)

@algorithm_client
def streams(client):
    return [one.value for one in client.as_completed([5, 6])]
"""


def respond(request: Received) -> Answer:
    if request.path.endswith("/status"):
        return answer({"status": "active"})
    rows = [{"id": 51, "status": "active", "organization": {"id": 3}}]
    return answer({"data": rows, "links": {}}, headers={"total-count": "1"})


@pytest.mark.parametrize("method", ["waits", "streams"])
@pytest.mark.parametrize(
    ("sent", "status", "name"),
    [(signal.SIGTERM, 143, "Terminated"), (signal.SIGINT, 130, "KeyboardInterrupt")],
)
def test_an_interrupt_says_which_tasks_go_on(
    tmp_path: Path, method: str, sent: signal.Signals, status: int, name: str
) -> None:
    with peer() as this:
        this.by_request = respond
        container = start(tmp_path, method, port=this.port, algorithm=ALGORITHM)
        deadline = time.monotonic() + 30
        while len(this.received) < 4 and time.monotonic() < deadline:
            time.sleep(0.02)
        container.process.send_signal(sent)
        ended = container.ended()
    assert ended.status == status
    [waiting] = ended.named("task.wait_interrupted")
    assert waiting["task_ids"] == ([5] if method == "waits" else [5, 6])
    assert (waiting["error_type"], waiting["level"]) == (name, "warning")
    [failed] = ended.named("run.failed")
    assert failed["error_type"] == name
    assert "Traceback" not in ended.errors
