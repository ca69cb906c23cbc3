"""What is run while the stack looks on: health, then a study, then troubles.

Once for all modules of this package, in this order.
"""

from __future__ import annotations

import dataclasses
import time
from collections import Counter
from collections.abc import Iterator

import pytest

from tests.observability import jobs
from tests.observability.observed import (
    ATTEMPTS,
    WINDOW,
    Fired,
    Observed,
    Studied,
    by_outcome,
    of_study,
    runs_of_subtasks,
    said,
)
from tests.observability.payloads import cumulative
from tests.observability.processes import eventually
from tests.observability.stack import scraped, stack, stop_collector
from v6client.sandbox import Sandbox
from v6client.sandbox.faults import Faults

QUEUE_SECONDS = 35.0
ROUNDS = 6


@pytest.fixture(scope="package")
def observed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Observed]:
    """Run healthy work."""
    folder = tmp_path_factory.mktemp("observability")
    with stack(folder) as this:
        begin = time.time()
        with jobs.hospitals(folder / "hospitals", this.collector.endpoint) as sandbox:
            demo = jobs.run_demo(sandbox)
            busy = jobs.run_containers(sandbox)
            healthy = said(sandbox, demo, busy)
        eventually(lambda: this.number(f"sum({ATTEMPTS})"), lambda now: now >= healthy.requests)
        # Until each rule has been looked at with all of it.
        time.sleep(5)
        alerts = this.query(f"count_over_time(ALERTS[{WINDOW}])")
        yield Observed(this, begin, healthy, alerts)


@pytest.fixture(scope="package")
def studied(observed: Observed) -> Studied:
    """Run a study with one slow and one failing hospital."""
    this = observed.stack
    begin = time.time()
    with jobs.survival(this.collector.endpoint) as sandbox:
        study = jobs.run_study(sandbox, ROUNDS)
        found = of_study(sandbox, study, begin)
    requests = f'sum({ATTEMPTS}{{job="{jobs.STUDY}"}})'
    eventually(lambda: this.number(requests), lambda now: now >= found.requests)
    return dataclasses.replace(found, end=scraped(this))


@pytest.fixture(scope="package")
def fired(observed: Observed, studied: Studied) -> Fired:
    """Bring all troubles about; give the alerts that were fired until then."""
    assert studied.end, "the study comes first: its figures are of one time range"
    this = observed.stack
    endpoint = this.collector.endpoint
    plain = jobs.variables(endpoint)
    # The node's variables win: a proxy where nobody listens.
    lonely = {**plain, "PORT": "1", "V6CLIENT_FIRST_CONTACT_BUDGET": "10"}
    quick = {
        **plain,
        "V6CLIENT_BACKOFF_BASE": "0.01",
        "V6CLIENT_BACKOFF_CAP": "0.05",
        "V6CLIENT_RETRY_BUDGET": "100000",
    }
    faults = Faults(0.4, seed=3, server_share=0.4)
    seen: set[tuple[str, str]] = set()

    def look() -> set[tuple[str, str]]:
        seen.update(this.firing())
        return seen

    def wait_for(*names: str) -> None:
        eventually(look, lambda now: set(names) <= {name for name, _ in now}, seconds=150)

    # More than Linux takes for one variable: no process starts.
    unstartable = {**plain, "TOO_LONG": "x" * 200_000}
    of_nodes = [plain] * 4 + [lonely, unstartable]
    with (
        Sandbox(6, algorithm_env=of_nodes, python_path=[jobs.ALGORITHMS]) as troubled,
        Sandbox(1, algorithm_env=quick, faults=faults, python_path=[jobs.ALGORITHMS]) as faulty,
    ):

        def give(sandbox: Sandbox, organization: int, method: str, *args: object) -> int:
            task = sandbox.researcher.create_task(
                jobs.IMAGE, method, list(args), organizations=[organization]
            )
            return int(task["id"])

        troubled.stop_node(4)
        waits = give(troubled, 1, "rounds", "nothing", [4], 3)
        begun = time.monotonic()
        for _ in range(2):
            give(troubled, 5, "lonely")
        give(troubled, 3, "insistent", 999_999, 6)
        give(troubled, 1, "rounds", "crash", [2], 4)
        # Two failures, and no alert.
        give(troubled, 1, "rounds", "nothing", [6], 2)
        for _ in range(4):
            give(faulty, 1, "insistent", 1, 60)
        wait_for(
            *("V6clientProxyUnreachable", "V6clientMaskedErrors", "V6clientRetryStorm"),
            "V6clientOrganizationKeepsFailing",
        )
        # Which requests meet a fault depends on their order, so whether there is a twin does, too.
        for _ in range(12):
            created = give(faulty, 1, "rounds", "nothing", [1], 4)
            faulty.researcher.wait(created, timeout=120)
            if this.query("v6client_task_twins_total > 0"):
                break
        wait_for("V6clientTwinsCreated")
        time.sleep(max(0.0, begun + QUEUE_SECONDS - time.monotonic()))
        troubled.start_node(4)
        troubled.researcher.wait(waits)
        wait_for("V6clientQueueTimeAboveNormal")
        runs = by_outcome(runs_of_subtasks(troubled) + runs_of_subtasks(faulty))
    this.collector.send("metrics", cumulative())
    wait_for("V6clientTelemetryLost")
    end = scraped(this)
    stop_collector(this)
    wait_for("V6clientCollectorDown")
    failed = {one: number for one, number in runs.items() if one[1] != "completed"}
    return Fired(seen, end, Counter(failed))
