"""A forked child has its own connections and keys, and waits for no lock of its parent's."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import threading
from collections import defaultdict
from pathlib import Path

import pytest

from tests.conftest import container_token
from tests.faults.network import Network
from tests.peer import Answer, Received, answer, masked, peer

ROOT = Path(__file__).parents[2]
KEY = re.compile(rb"\[v6c:([0-9a-f]{32})")


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork on this system")
def test_children_of_a_process_with_threads() -> None:
    network, lock = Network(), threading.Lock()

    def by_request(request: Received) -> Answer:
        with lock:
            if request.path == "/task/5":
                return masked()
            status, body = network.answer(request)
        return answer(body, status)

    with peer() as server:
        server.by_request = by_request
        process = subprocess.run(  # noqa: S603 - our own module
            [sys.executable, "-m", "tests.faults.forking", str(server.port)],
            input=container_token(),
            capture_output=True,
            text=True,
            cwd=ROOT,
            timeout=120,
            check=True,
        )
    told = [json.loads(line) for line in process.stdout.splitlines()]
    assert [one for one in told if one["id"] != 2 or "failed" in one] == []
    assert [one["who"] for one in told].count("beside threads") == 8
    children = [one for one in told if one["who"] != "parent"]
    assert all(one["masked"] is True for one in children)
    # Each key is one task's: a child does not repeat its parent's random numbers, or a sibling's.
    bodies = [one.body for one in server.received if one.method == "POST"]
    keys = [match[1] for body in bodies if (match := KEY.search(body))]
    assert len(keys) == len(set(keys)) == len(children) + 1
    assert no_connection_is_shared(server.received)


def no_connection_is_shared(received: list[Received]) -> bool:
    """Tell whether each kept connection saw one process: a child asks for task 5, its parent not.

    The parent's kept connections were open at each fork, so a child that used one would be seen
    between the parent's requests.
    """
    by_connection = defaultdict(set)
    for request in received:
        by_connection[request.connection].add(request.path)
    of_children = [paths for paths in by_connection.values() if "/task/5" in paths]
    return bool(of_children) and not any("/run" in paths for paths in of_children)
