"""What is run while the stack looks on, and what came of it by the containers' own words."""

from __future__ import annotations

import json
import random
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from tests.observability.install import ROOT
from v6client.sandbox import Sandbox
from v6client.server_time import seconds_of

ALGORITHMS: Final = Path(__file__).parent / "algorithms"
EXAMPLES: Final = ROOT / "examples"
IMAGE: Final = "observed_algorithm"
DEMO: Final = "logistic_regression"
HOSPITALS: Final = 4

# A study at four hospitals, of which one is slow and one fails.
STUDY: Final = "survival"
SLOW, FAILING = 3, 2
MASKED: Final = 500
STUDY_SECONDS: Final = {
    str(one): 6.0 if one == SLOW else 0.2 + 0.1 * one for one in range(1, HOSPITALS + 1)
}

CONTAINERS: Final = 30
LIFETIMES: Final = (5.0, 20.0)


def variables(endpoint: str) -> dict[str, str]:
    """Give the node's algorithm_env."""
    return {
        "OTEL_EXPORTER_OTLP_ENDPOINT": endpoint,
        "OTEL_RESOURCE_ATTRIBUTES": "deployment.environment.name=test",
        # Several exports a container.
        "OTEL_METRIC_EXPORT_INTERVAL": "2000",
        # Thirty processes end at about the same time on a machine that may be busy.
        "V6CLIENT_FLUSH_SECONDS": "30",
    }


def hospitals(folder: Path, endpoint: str) -> Sandbox:
    """Give the network of the demo."""
    sys.path.insert(0, str(EXAMPLES))
    try:
        from logistic_regression.demo import prepare  # noqa: PLC0415 - an example, not a package
    finally:
        sys.path.remove(str(EXAMPLES))
    folder.mkdir()
    return Sandbox(
        HOSPITALS,
        databases=prepare(folder),
        python_path=[EXAMPLES, ALGORITHMS],
        algorithm_env=variables(endpoint),
    )


def run_demo(sandbox: Sandbox) -> dict[str, Any]:
    """Run the demo's analysis, and give its task."""
    task = sandbox.researcher.create_task(
        DEMO, "fit", organizations=[1], name="fit", databases=["default"]
    )
    assert sandbox.researcher.wait(task["id"], timeout=120)["status"] == "completed"
    return task


def run_containers(sandbox: Sandbox, seed: int = 7) -> list[dict[str, Any]]:
    """Run many containers that overlap, each of its own lifetime; give their tasks."""
    chance = random.Random(seed)  # noqa: S311 - nothing to guess
    tasks = []
    for number in range(CONTAINERS):
        tasks.append(
            sandbox.researcher.create_task(
                *(IMAGE, "busy", [chance.uniform(*LIFETIMES)]),
                organizations=[number % HOSPITALS + 1],
            )
        )
        time.sleep(chance.uniform(0.0, 1.0))
    for task in tasks:
        assert sandbox.researcher.wait(task["id"], timeout=120)["status"] == "completed"
    return tasks


def survival(endpoint: str) -> Sandbox:
    """Give a network for :func:`run_study`, whose containers are another algorithm's."""
    return Sandbox(
        HOSPITALS,
        algorithm_env={**variables(endpoint), "OTEL_SERVICE_NAME": STUDY},
        python_path=[ALGORITHMS],
    )


def run_study(sandbox: Sandbox, rounds: int, well: int = 2) -> dict[str, Any]:
    """Compute with one hospital that is slow and one that fails.

    Parameters
    ----------
    sandbox
        Of :func:`survival`.
    rounds
        How many.
    well
        In the first round, and in each so many after it, none fails.

    Returns
    -------
    dict
        The task of its central part.
    """
    how = {"rounds": rounds, "seconds": STUDY_SECONDS, "refused": FAILING, "well": well}
    task = sandbox.researcher.create_task(
        *(IMAGE, "study"),
        kwargs=how,
        organizations=[1],
    )
    assert sandbox.researcher.wait(task["id"], timeout=600)["status"] == "completed"
    return task


def all_runs(sandbox: Sandbox) -> list[dict[str, Any]]:
    """Give all runs of a network."""
    researcher = sandbox.researcher
    return [run for task in researcher.tasks() for run in researcher.runs(task["id"])]


def events_of(run: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Give the lines of a run's log."""
    return [json.loads(line) for line in run["log"].splitlines() if line.startswith("{")]


def counted(runs: list[dict[str, Any]], field: str) -> int:
    """Add up what the containers counted themselves."""
    last = ("run.finished", "run.failed")
    ends = [one for run in runs for one in events_of(run) if one["event"] in last]
    assert len(ends) == len(runs)
    return sum(one[field] for one in ends)


def most_at_once(runs: list[dict[str, Any]]) -> int:
    """Say how many containers there were at the same time."""
    spans = [(_moment(run["started_at"]), _moment(run["finished_at"])) for run in runs]
    return max(sum(begin <= at < end for begin, end in spans) for at, _ in spans)


def _moment(text: str) -> float:
    found = seconds_of(text)
    assert found is not None
    return found
