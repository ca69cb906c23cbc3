"""The sandbox as what is loaded, and the restart of its proxy in the middle."""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from v6client.cli.loadtest.target import Target
from v6client.errors import V6ClientError
from v6client.sandbox import Sandbox
from v6client.sandbox.node.runner import PRETEND_METHOD

METHOD: Final = PRETEND_METHOD
"""The method whose runs need no process of their own."""


@dataclass(frozen=True)
class Restart:
    """When the proxy goes away, in seconds from the start of the load, and for how long."""

    after: float
    duration: float


@dataclass
class Outage:
    """When the proxy was away, in seconds since the epoch; 0 for not yet."""

    began: float = 0.0
    ended: float = 0.0


@contextlib.contextmanager
def loaded_sandbox() -> Iterator[tuple[Sandbox, Target]]:
    """Start a network of one organization, and give the address of its proxy."""
    with Sandbox(1) as sandbox, sandbox.open_container() as container:
        yield sandbox, Target(container.host, container.port, container.path, container.token)


@contextlib.contextmanager
def restarting(sandbox: Sandbox, restart: Restart | None) -> Iterator[Outage]:
    """Restart the proxy in the background, as often as it is wanted: once, or not."""
    outage, stop = Outage(), threading.Event()

    def work(wanted: Restart) -> None:
        if stop.wait(wanted.after):
            return
        # The clock that the attempts are counted by.
        outage.began = time.time()
        sandbox.stop_node(1)
        stop.wait(wanted.duration)
        with contextlib.suppress(V6ClientError):
            sandbox.start_node(1)
        outage.ended = time.time()

    worker = threading.Thread(target=work, args=(restart,)) if restart else None
    if worker:
        worker.start()
    try:
        yield outage
    finally:
        stop.set()
        if worker:
            worker.join()
