"""What is measured: in each round every client does the same, one after the other."""

from __future__ import annotations

import random
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Final

from tests.contract.networks import start_real, start_sandbox

from benchmarks.speed import sides
from benchmarks.speed.report import Count, Figures, Measured, Ratio
from benchmarks.speed.sides import Counting, Place
from benchmarks.speed.stub import ORGANIZATIONS

_REQUESTS: Final = 1500
_WARM_UP: Final = 200
_THREADS: Final = 16
_MANY: Final = 1000

_OURS: Final = "from v6client import AlgorithmClient"
_UPSTREAM: Final = "from vantage6.algorithm.client import AlgorithmClient"
# As in a container, which has neither rich nor what other extras bring along.
_BARE: Final = "import sys; sys.modules.update(dict.fromkeys(['rich', 'brotli', 'pybase64']))"
_USE: Final = "; AlgorithmClient({token!r}, {host!r}, {port}, '').organization.get(1)"


def _rounds(count: int, clients: Sequence[str]) -> Iterator[list[str]]:
    """Give the clients of each round, every time in another order."""
    dice = random.Random(1)  # noqa: S311 - not secret
    for number in range(count):
        sys.stderr.write(f"  round {number + 1} of {count}\n")
        yield dice.sample(clients, len(clients))


def request_cpu(place: Counting, rounds: int) -> Measured:
    """Measure the CPU of a request on the stub."""
    clients = [sides.KEPT, sides.URLLIB3, sides.SESSION, sides.UPSTREAM]
    clients += [sides.OFF, sides.ON, sides.OTLP]
    found = Figures("CPU of a request, µs", clients)
    for some in _rounds(rounds, clients):
        for one in some:
            took = place.run(
                one, "sequential", requests=_REQUESTS, warm_up=_WARM_UP, collector=place.url
            )
            found.add(one, took["cpu"])
    return Measured(
        [found],
        [
            Ratio("CPU of a request, telemetry off", found, sides.OFF, sides.SESSION, 0.60),
            Ratio("CPU of a request, everything on", found, sides.ON, sides.SESSION, 0.70),
            Ratio("CPU of a request, everything on", found, sides.ON, sides.UPSTREAM, 0.50),
        ],
    )


def threads(place: Counting, rounds: int) -> Measured:
    """Measure how many requests a second 16 threads get through one client."""
    clients = [sides.UPSTREAM, sides.SESSION, sides.OFF, sides.ON]
    found = Figures("requests a second, 16 threads", clients)
    for some in _rounds(rounds, clients):
        for one in some:
            took = place.run(one, "threads", threads=_THREADS, requests=_REQUESTS // _THREADS)
            found.add(one, took["rate"])
    name = "requests a second of 16 threads"
    return Measured(
        [found],
        [
            Ratio(f"{name}, telemetry off", found, sides.OFF, sides.UPSTREAM, 2.0, is_least=True),
            Ratio(f"{name}, everything on", found, sides.ON, sides.UPSTREAM, 2.0, is_least=True),
        ],
    )


def latency(place: Place, rounds: int, where: str) -> Measured:
    """Measure how long a request takes through a proxy."""
    clients = [sides.NEW, sides.KEPT, sides.SESSION, sides.UPSTREAM, sides.OFF, sides.ON]
    found = Figures(f"median of a request through {where}, µs", clients)
    for some in _rounds(rounds, clients):
        for one in some:
            found.add(one, place.run(one, "sequential", requests=100, warm_up=10)["p50"])
    goal = 1.05 if where == "the real proxy" else None
    name = f"time of a request through {where}"
    return Measured(
        [found],
        [
            Ratio(f"{name}, everything on", found, sides.ON, sides.NEW, goal),
            Ratio(f"{name}, kept naively", found, sides.KEPT, sides.NEW, None),
        ],
    )


def creation(place: Place, rounds: int, organizations: Sequence[int]) -> Measured:
    """Measure how long the first ``task.create`` of a container takes through the real proxy."""
    clients = [sides.NEW, sides.UPSTREAM, sides.OFF, sides.ON]
    measured = Measured([], [])
    for count, goal in ((4, 0.5), (len(organizations), 0.1)):
        found = Figures(f"task.create for {count} organizations, ms", clients)
        for some in _rounds(rounds, clients):
            for one in some:
                took = place.run(one, "create", organizations=organizations[:count], times=1)
                found.add(one, took["first"])
        name = f"time of task.create for {count} organizations"
        measured.figures.append(found)
        measured.ratios.append(Ratio(name, found, sides.ON, sides.UPSTREAM, goal))
        # What the server takes for the one POST, without which there is no task.
        measured.ratios.append(Ratio(name, found, sides.ON, sides.NEW, None))
    return measured


def counts(place: Counting) -> Measured:
    """Count the requests of a creation, a list and a wait at the stub."""
    measured = Measured([], [])

    def asked_by(which: str, task: str, **more: object) -> tuple[dict[str, int], int]:
        place.counts()
        place.run(which, task, **more)
        asked = place.counts()
        return asked, asked.pop("connections")

    def add(
        what: str, which: str, asked: dict[str, int], connections: int, most: int | None
    ) -> None:
        measured.counts.append(Count(what, which, sum(asked.values()), connections, asked, most))

    for some in (4, 50):
        # Two requests each, and whether there is a blob store, once.
        for which, most in ((sides.OFF, 5), (sides.UPSTREAM, None)):
            organizations = list(range(1, some + 1))
            asked = asked_by(which, "create", organizations=organizations, times=2)
            add(f"task.create for {some} organizations, twice", which, *asked, most)
    for which, most in ((sides.OFF, 5), (sides.UPSTREAM, None)):
        add(f"list of {ORGANIZATIONS} organizations", which, *asked_by(which, "page"), most)
    for many in (_MANY // 10, _MANY):
        found, connections = asked_by(sides.OFF, "wait", organizations=list(range(1, many + 1)))
        # What grows with the pages of a list of tasks may be some pages for each second.
        pages = 30 * -(-many // 100)
        # Each creation has looked for twins.
        polls = {"GET /task": found["GET /task"] - many}
        reads = {name: found[name] for name in ("GET /run", "GET /result")}
        add(f"polls of {many} subtasks, waited for at once", sides.OFF, polls, connections, pages)
        add(f"reads of the results of {many} subtasks", sides.OFF, reads, connections, pages)
    return measured


def imports(place: Counting, rounds: int) -> Measured:
    """Measure what it takes to import a client, and to get a first answer."""
    use = _USE.format(token=place.token, host=place.host, port=place.port)
    on = f"{_BARE}; {_OURS}; from v6client import telemetry; telemetry.configure()"
    codes = {
        sides.UPSTREAM: _UPSTREAM,
        sides.OFF: f"{_BARE}; {_OURS}",
        sides.OTLP: on,
    }
    sides.compile_all()
    variables = {"OTEL_EXPORTER_OTLP_ENDPOINT": place.url}
    measured = Measured([], [])
    for what, more in (("import", ""), ("import and a first answer", use)):
        spent = Figures(f"CPU of {what}, ms", list(codes))
        memory = Figures(f"peak of memory with {what}, MB", list(codes))
        for some in _rounds(rounds, list(codes)):
            for one in some:
                python = sides.upstream_python() if one == sides.UPSTREAM else sys.executable
                cpu, megabytes = sides.start(python, codes[one] + more, variables)
                spent.add(one, cpu)
                memory.add(one, megabytes)
        measured.figures.extend([spent, memory])
        # The goals are for the import alone.
        for side, cpu_goal in ((sides.OFF, 1.0), (sides.OTLP, 1.5)):
            name = f"{what}, telemetry {'off' if side == sides.OFF else 'on'}"
            measured.ratios.append(
                Ratio(f"CPU of {name}", spent, side, sides.UPSTREAM, None if more else cpu_goal)
            )
            measured.ratios.append(
                Ratio(
                    f"peak of memory with {name}",
                    memory,
                    side,
                    sides.UPSTREAM,
                    None if more else 1.1,
                )
            )
    return measured


@contextmanager
def real_proxy(organizations: int) -> Iterator[tuple[Place, list[int]]]:
    """Start the real server and one node.

    With the place of a container comes who can be asked: organizations whose nodes do not run, so
    that nobody works on what is created.
    """
    with start_real(organizations + 1, nodes=1) as network, network.open_container() as held:
        others = [one.id for one in network.organizations[1:]]
        yield Place(held.token, held.host, held.port, held.organization_id), others


@contextmanager
def sandbox_proxy() -> Iterator[Place]:
    """Start the sandbox with one organization."""
    with start_sandbox(1) as network, network.open_container() as held:
        yield Place(held.token, held.host, held.port, held.organization_id)
