"""``v6client sandbox run``: one task, its progress, its results."""

from __future__ import annotations

import argparse
import json
import sys
import time
from pathlib import Path
from typing import Any

import requests

from v6client.errors import ConfigurationError
from v6client.sandbox.researcher import Researcher, researcher_of

_POLL_SECONDS = 0.1


def run_task(arguments: argparse.Namespace) -> int:
    """Run a task in the network of ``--directory``; give 0 if every run completed."""
    positional = _json("--args", arguments.args, list)
    named = _json("--kwargs", arguments.kwargs, dict)
    researcher = _researcher(arguments.directory)
    try:
        task = researcher.create_task(
            arguments.image,
            arguments.method,
            positional,
            named,
            organizations=arguments.organization,
            databases=arguments.database,
            name=arguments.method,
        )
        _say(f"task {task['id']} created")
        runs = _follow(researcher, task["id"], time.monotonic() + arguments.timeout)
        failed = [run for run in runs if run["status"] != "completed"]
        for run in failed:
            _say(f"--- log of organization {run['organization']['id']} ({run['status']}) ---")
            _say((run["log"] or "(empty)").rstrip())
        if failed:
            return 1
        sys.stdout.write(json.dumps(researcher.results(task["id"]), indent=2) + "\n")
    except requests.ConnectionError:
        raise ConfigurationError(
            f"no server answers at {researcher.server_url}: is `v6client sandbox up` running?"
        ) from None
    except requests.HTTPError as error:
        raise ConfigurationError(f"the server refused: {error}") from None
    return 0


def _researcher(directory: Path) -> Researcher:
    try:
        return researcher_of(directory)
    except FileNotFoundError:
        raise ConfigurationError(
            f"there is no network in {directory}: start one with `v6client sandbox up`, or name"
            " its --directory"
        ) from None


def _follow(researcher: Researcher, task_id: int, deadline: float) -> list[dict[str, Any]]:
    """Say each change of each run, until all are finished."""
    shown: dict[int, str] = {}
    while True:
        runs = researcher.runs(task_id)
        for run in runs:
            if shown.get(run["id"]) != run["status"]:
                shown[run["id"]] = run["status"]
                _say(f"organization {run['organization']['id']}: {run['status']}")
        if all(run["finished_at"] for run in runs):
            return runs
        if time.monotonic() >= deadline:
            raise ConfigurationError(f"task {task_id} was not finished in time; it goes on")
        time.sleep(_POLL_SECONDS)


def _say(text: str) -> None:
    """Write progress to standard error: standard output holds the results alone."""
    sys.stderr.write(text + "\n")
    sys.stderr.flush()


def _json(option: str, text: str, kind: type[list[Any] | dict[str, Any]]) -> Any:  # noqa: ANN401
    try:
        value = json.loads(text)
    except ValueError as error:
        raise ConfigurationError(f"{option}: {text} is no JSON ({error})") from None
    if not isinstance(value, kind):
        raise ConfigurationError(f"{option}: a JSON {kind.__name__} is wanted, not {text}")
    return value
