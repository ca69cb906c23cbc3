"""The process that makes the load: alone, as a master, or as a worker.

It is a process of its own because Locust's users are greenlets: gevent has to patch sockets,
locks, threads and thread-locals before anything else is imported, so that a client that blocks
lets the other users go on. ``processes`` does that; the command itself stays unpatched.

Its configuration comes as one line on standard input; when that ends, the run ends, whether by
Ctrl-C or because the command that started it has died. What was counted goes to standard output.
"""

from __future__ import annotations

import contextlib
import functools
import json
import os
import sys
import time
from collections.abc import Iterator, Mapping
from typing import Any, Final

import gevent
import gevent.os
from gevent.event import Event
from locust import User
from locust.env import Environment

from v6client import telemetry
from v6client.cli.loadtest import overheard
from v6client.cli.loadtest.histogram import quantile
from v6client.cli.loadtest.plan import FLOOD, Plan
from v6client.cli.loadtest.tally import Counts, Tally, add
from v6client.cli.loadtest.users import KINDS, Container

_TELL_SECONDS: Final = 5
_WORKER_SECONDS: Final = 30.0
# Workers report every 3 s; what they counted last comes with their farewell.
_LAST_REPORT_SECONDS: Final = 5.0
_KEY: Final = "v6client"


class Load:
    """One process of a load test.

    Parameters
    ----------
    configuration
        ``role`` (``alone``, ``master`` or ``worker``), ``plan``, ``target``, and by role
        ``listen``, ``master`` and ``workers``; ``web`` with the port of the web page, or 0.
    """

    def __init__(self, configuration: Mapping[str, Any]) -> None:
        self._role = configuration["role"]
        self._about = configuration
        self._plan = Plan(**configuration["plan"])
        self._tally = Tally()
        self._counts: Counts = {}
        self._stop = Event()
        self._runner: Any = None
        # Most of Locust is without types.
        self._environment: Any = Environment(user_classes=self._kinds(configuration["target"]))
        events: Any = self._environment.events
        events.report_to_master.add_listener(self._report)
        events.worker_report.add_listener(self._reported)
        overheard.overhear(self._tally, self._tell_locust)

    def run(self) -> Counts:
        """Make the load until the time is over or standard input ends; give the counts."""
        gevent.spawn(self._watch_input)
        self._runner = self._new_runner()
        if self._role == "worker":
            start = self._runner.start_worker
            self._runner.start_worker = functools.partial(
                _bounded_worker, start, self._plan.users, self._stop
            )
            self._follow()
            return self._counts
        if self._role == "master":
            self._wait_for_workers(self._about["workers"])
        # The web page can start users, too: not more than the plan allows.
        start = self._runner.start
        self._runner.start = functools.partial(_bounded_start, start, self._plan.users)
        with self._web():
            self._lead()
        return self._counts

    def _kinds(self, target: Mapping[str, Any]) -> list[type[User]]:
        Container.plan, Container.target, Container.tally = self._plan, target, self._tally
        kinds: list[type[User]] = []
        for name, weight in self._plan.mix.items():
            KINDS[name].weight = weight
            kinds.append(KINDS[name])
        if self._plan.flood:
            KINDS[FLOOD].fixed_count = self._plan.flood
            kinds.append(KINDS[FLOOD])
        return kinds

    def _new_runner(self) -> object:
        about, environment = self._about, self._environment
        if self._role == "worker":
            return environment.create_worker_runner(*about["master"])
        if self._role == "master":
            return environment.create_master_runner(*about["listen"])
        return environment.create_local_runner()

    def _wait_for_workers(self, wanted: int) -> None:
        deadline = time.monotonic() + _WORKER_SECONDS
        while len(self._runner.clients.ready) < wanted and not self._stop.is_set():
            if time.monotonic() > deadline:
                missing = wanted - len(self._runner.clients.ready)
                raise SystemExit(f"{missing} of {wanted} workers did not come")
            gevent.sleep(0.05)

    @contextlib.contextmanager
    def _web(self) -> Iterator[None]:
        port = self._about.get("web", 0)
        if not port:
            yield
            return
        page = self._environment.create_web_ui("127.0.0.1", port)
        _say(f"http://127.0.0.1:{port} shows it while it runs")
        try:
            yield
        finally:
            page.stop()

    def _lead(self) -> None:
        self._runner.start(self._plan.users, self._plan.rate)
        began = time.monotonic()
        for second in range(1, int(self._plan.seconds) + 1):
            if self._stop.wait(max(0.0, began + second - time.monotonic())):
                break
            if self._role == "alone":
                self._tally.users(self._runner.user_count, time.time())
                add(self._counts, self._tally.take())
            if not second % _TELL_SECONDS:
                _say(_line(self._counts, second, self._runner.user_count))
        if self._role == "master":
            self._farewell()
        else:
            self._runner.quit()
            add(self._counts, self._tally.take())

    def _farewell(self) -> None:
        """Stop the workers, and wait until each has sent what it counted last."""
        self._runner.stop()
        deadline = time.monotonic() + _LAST_REPORT_SECONDS
        while self._runner.clients.running and time.monotonic() < deadline:
            gevent.sleep(0.05)
        self._runner.quit()

    def _follow(self) -> None:
        # Bounded by itself, too, where the master is gone.
        deadline = time.monotonic() + self._plan.seconds + 2 * _WORKER_SECONDS
        # A master that says good-bye ends the greenlets of the runner.
        while len(self._runner.greenlet) and time.monotonic() < deadline:
            if self._stop.wait(1.0):
                break
            self._tally.users(self._runner.user_count, time.time())
        self._runner.quit()

    def _report(self, client_id: str, data: dict[str, Any]) -> None:  # noqa: ARG002 - Locust's
        data[_KEY] = self._tally.take()

    def _reported(self, client_id: str, data: dict[str, Any]) -> None:  # noqa: ARG002 - Locust's
        add(self._counts, data.get(_KEY, {}))

    def _tell_locust(self, method: str, template: str, seconds: float, error: str) -> None:
        self._environment.events.request.fire(
            request_type=method,
            name=template,
            response_time=1e3 * seconds,
            response_length=0,
            exception=error or None,
        )

    def _watch_input(self) -> None:
        with contextlib.suppress(OSError):
            while gevent.os.tp_read(0, 4096):
                pass
        self._stop.set()


def _bounded_start(start: Any, most: int, user_count: int, *args: Any, **kwargs: Any) -> None:  # noqa: ANN401 - Locust's signature
    start(min(user_count, most), *args, **kwargs)


def _bounded_worker(
    start: Any,  # noqa: ANN401 - Locust's
    most: int,
    stop: Event,
    counts: Mapping[str, int],
    **kwargs: Any,  # noqa: ANN401
) -> None:
    """Start users, or stop where a master wants more than this worker was told to allow."""
    if sum(counts.values()) > most:
        _say(f"the master wants more than {most} users of this worker: it stops")
        stop.set()
        return
    start(counts, **kwargs)


def _line(counts: Counts, second: int, users: int) -> str:
    """Say how it goes."""
    rows = sorted(counts.get("seconds", {}).items())[-_TELL_SECONDS - 1 : -1]
    recent: Counts = {}
    for _, row in rows:
        add(recent, row)
    rate = recent.get("attempts", 0) / max(1, len(rows))
    slow = 1e3 * quantile(recent.get("times", {}), 0.95)
    failed = recent.get("failed", 0)
    return f"{second:5d} s  {users:5d} users  {rate:7.1f}/s  p95 {slow:7.1f} ms  {failed} failed"


def _say(text: str) -> None:
    sys.stderr.write(f"{text}\n")
    sys.stderr.flush()


def main() -> None:
    """Read the configuration, make the load, write the counts."""
    # What the client logs goes to standard output, which is the command's here.
    answer = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    configuration = json.loads(sys.stdin.readline() or "null")
    if configuration is None:
        return
    telemetry.configure()
    counts = Load(configuration).run()
    with contextlib.suppress(BrokenPipeError):
        json.dump(counts, answer)
        answer.flush()
    # What users were doing is left as it is: no greenlet is waited for.
    os._exit(0)


if __name__ == "__main__":
    main()
