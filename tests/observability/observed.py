"""What was run while the stack looked on, by the words of containers and server."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import Any, Final

from tests.observability import jobs
from tests.observability.stack import Stack
from v6client.sandbox import Sandbox
from v6client.tasks.runs import seconds_between
from v6client.telemetry.propagation import job_trace_id

ATTEMPTS: Final = "http_client_request_duration_seconds_count"
WINDOW: Final = "30m"


@dataclass
class Healthy:
    """What the containers of healthy work say that they did."""

    requests: int
    retries: int
    polls: int
    subtasks: int
    runs: Counter[int]
    at_once: int
    trace_id: str
    demo_runs: int
    lost: list[dict[str, Any]]


@dataclass
class Observed:
    """The stack, and what was run while it looked on."""

    stack: Stack
    begin: float
    healthy: Healthy
    alerts_of_health: list[tuple[dict[str, str], float]]


@dataclass
class Studied:
    """What came of a study with one slow and one failing hospital.

    Parameters
    ----------
    begin, end
        Its time range, seconds since 1970: from before it to a scrape that has all of it.
    runs
        How many runs of its rounds ended, by organization and status.
    compute
        Mean seconds from start to end, by organization.
    rounds, requests, polls, masked
        How many there were.
    trace_id
        The job's.
    """

    begin: float
    end: float
    runs: Counter[tuple[int, str]]
    compute: dict[int, float]
    rounds: int
    requests: int
    polls: int
    masked: int
    trace_id: str

    @property
    def failed(self) -> Counter[int]:
        """Runs that were not completed, by organization."""
        failures: Counter[int] = Counter()
        for (organization, status), number in self.runs.items():
            failures[organization] += number * (status != "completed")
        return failures


@dataclass
class Fired:
    """What came of the troubles.

    Parameters
    ----------
    alerts
        Those that were seen firing, each with its organization.
    end
        The last moment at which everything was scraped, seconds since 1970.
    runs
        How many runs of subtasks were not completed, by organization and status.
    """

    alerts: set[tuple[str, str]]
    end: float
    runs: Counter[tuple[int, str]]


def said(sandbox: Sandbox, demo: dict[str, Any], busy: list[dict[str, Any]]) -> Healthy:
    """Count what healthy work did."""
    researcher = sandbox.researcher
    runs = jobs.all_runs(sandbox)
    of_children = runs_of_subtasks(sandbox)
    ids = {one["id"] for one in busy}
    return Healthy(
        requests=jobs.counted(runs, "requests"),
        retries=jobs.counted(runs, "retries"),
        polls=jobs.counted(runs, "polls"),
        subtasks=len(subtasks(sandbox)),
        runs=Counter(run["organization"]["id"] for run in of_children),
        at_once=jobs.most_at_once([run for run in runs if run["task"]["id"] in ids]),
        trace_id=trace_of(researcher.task(demo["id"])),
        demo_runs=len(of_children) + 1,
        lost=[e for run in runs for e in jobs.events_of(run) if e["event"].startswith("telemetry")],
    )


def of_study(sandbox: Sandbox, study: dict[str, Any], begin: float) -> Studied:
    """Count what a study did; its end is not known yet."""
    runs = jobs.all_runs(sandbox)
    of_children = runs_of_subtasks(sandbox)
    seconds: dict[int, list[float]] = {}
    for run in of_children:
        lasted = seconds_between(run["started_at"], run["finished_at"])
        assert lasted is not None
        seconds.setdefault(run["organization"]["id"], []).append(lasted)
    events = [event for run in runs for event in jobs.events_of(run)]
    polls = jobs.counted(runs, "polls")
    assert polls == sum(one["polls"] for one in events if one["event"] == "task.finished")
    return Studied(
        begin=begin,
        end=0.0,
        runs=by_outcome(of_children),
        compute={one: sum(lasted) / len(lasted) for one, lasted in seconds.items()},
        rounds=len(subtasks(sandbox)),
        requests=jobs.counted(runs, "requests"),
        polls=polls,
        masked=sum(event.get("status_code") == jobs.MASKED for event in events),
        trace_id=trace_of(sandbox.researcher.task(study["id"])),
    )


def subtasks(sandbox: Sandbox) -> list[dict[str, Any]]:
    """Give the tasks that containers created."""
    return [one for one in sandbox.researcher.tasks() if one["parent"]]


def runs_of_subtasks(sandbox: Sandbox) -> list[dict[str, Any]]:
    """Give their runs."""
    return [run for one in subtasks(sandbox) for run in sandbox.researcher.runs(one["id"])]


def by_outcome(runs: list[dict[str, Any]]) -> Counter[tuple[int, str]]:
    """Count runs by organization and status."""
    return Counter((run["organization"]["id"], run["status"]) for run in runs)


def trace_of(task: dict[str, Any]) -> str:
    """Give the id of a job's trace, from its first task."""
    number = job_trace_id(
        task["job_id"], task["collaboration"]["id"], task["created_at"], task["image"]
    )
    return f"{number:032x}"
