"""``v6client demo``: a federated analysis of real data, on the sandbox."""

from __future__ import annotations

import argparse
import importlib
import importlib.util
import json
import sys
import tempfile
import time
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any, Final

from v6client.cli.job_tree import Job, draw
from v6client.errors import ConfigurationError

if TYPE_CHECKING:
    from v6client.sandbox import Sandbox

_DEFAULT: Final = Path("examples") / "logistic_regression"
_POLL: Final = 0.2
_LIMIT: Final = 300.0
_EXAMPLES: Final = """examples:
  v6client demo                                  the default example, from the source folder
  v6client demo path/to/examples/my_example      another one
"""


def configure(parser: argparse.ArgumentParser) -> None:
    """Describe the command line."""
    parser.epilog = _EXAMPLES
    parser.add_argument(
        "example",
        nargs="?",
        type=Path,
        default=_DEFAULT,
        help="the example's folder, with a demo.py (default: %(default)s)",
    )


def run(arguments: argparse.Namespace) -> int:
    """Run the demo; 0 only where the federated result is right."""
    missing = [name for name in ("numpy", "flask", "gevent") if not _is_installed(name)]
    if missing:
        raise ConfigurationError(
            f"{', '.join(missing)} not installed: type pip install 'v6client[demo]'."
        )
    # Only here: the command's help needs nothing of the sandbox.
    from v6client.sandbox import Sandbox  # noqa: PLC0415

    folder = arguments.example.resolve()
    example = _load(folder)
    with tempfile.TemporaryDirectory(prefix="v6client-demo-") as directory:
        databases = example.prepare(Path(directory))
        _say(f"Starting a vantage6 network of {len(databases)} hospitals on this machine …")
        began = time.monotonic()
        with Sandbox(len(databases), databases=databases, python_path=[folder.parent]) as sandbox:
            _say(f"  up in {time.monotonic() - began:.1f} s, server {sandbox.server_url}\n")
            return _analyse(sandbox, example, databases)


def _analyse(sandbox: Sandbox, example: ModuleType, databases: list[dict[str, Path]]) -> int:
    hospital = sandbox.organizations[0]
    _say(f"Running {example.PACKAGE}.{example.INPUT['method']} at {hospital.name}:")
    task = sandbox.researcher.create_task(
        example.PACKAGE,
        example.INPUT["method"],
        kwargs=example.INPUT["kwargs"],
        organizations=[hospital.id],
        name=example.INPUT["method"],
        databases=["default"],
    )
    job = _watch(sandbox, task["id"])
    [run] = job.tasks[task["id"]].runs
    if run["status"] != "completed":
        _say(f"\n{run['log']}\nThe run ended as {run['status']!r}; its log is above.")
        return 1
    [result] = sandbox.researcher.results(task["id"])
    text, agree = example.report(result, databases)
    _say(f"\n{text}\n\nThe tree of subtasks:\n\n{draw(job)}\n\n{_counts(run['log'])}")
    return 0 if agree else 1


def _watch(sandbox: Sandbox, task_id: int) -> Job:
    """Show each subtask once it has finished, until the job has; give the job."""
    shown: set[int] = set()
    deadline = time.monotonic() + _LIMIT
    while True:
        job = Job.read(sandbox.researcher, task_id)
        for id_, task in sorted(job.tasks.items()):
            if id_ != task_id and task.is_finished and id_ not in shown:
                shown.add(id_)
                done = sum(run["status"] == "completed" for run in task.runs)
                _say(
                    f"  task {id_:>3}  {task.name:<12} {done} of {len(task.runs)} hospitals "
                    f"completed, {task.seconds:.1f} s"
                )
        if job.tasks[task_id].is_finished:
            return job
        if time.monotonic() > deadline:
            raise TimeoutError(f"the demo was not finished after {_LIMIT:.0f} s")
        time.sleep(_POLL)


def _counts(log: str) -> str:
    """Read how many requests the central container made from the last line of its log."""
    for line in reversed(log.splitlines()):
        try:
            event: Any = json.loads(line)
        except ValueError:
            continue
        if isinstance(event, dict) and event.get("event") == "run.finished":
            return (
                f"The central container made {event['requests']} requests, {event['retries']} "
                f"of them retries, and {event['polls']} status polls, in "
                f"{event['duration_s']:.1f} s."
            )
    return "The central container's log does not say how many requests it made."


def _load(folder: Path) -> ModuleType:
    if not (folder / "demo.py").is_file():
        raise ConfigurationError(
            f"there is no demo.py in {folder}. Run this in the folder of v6client's source (git "
            "clone or sdist; the examples are not in the wheel), or name an example's folder."
        )
    sys.path.insert(0, str(folder.parent))
    return importlib.import_module(f"{folder.name}.demo")


def _is_installed(name: str) -> bool:
    return importlib.util.find_spec(name) is not None


def _say(text: str) -> None:
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()
