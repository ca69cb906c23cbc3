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

from v6client.errors import ConfigurationError

if TYPE_CHECKING:
    from v6client.sandbox import Sandbox
    from v6client.sandbox.researcher import Researcher

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
    needed = ("numpy", "flask", "gevent", "rich")
    missing = [name for name in needed if not _is_installed(name)]
    if missing:
        raise ConfigurationError(
            f"{', '.join(missing)} not installed: type pip install 'v6client[demo]'."
        )
    # Only here: the command's help needs nothing of the sandbox.
    from v6client.sandbox import Sandbox  # noqa: PLC0415

    folder = arguments.example.resolve()
    example = _load(folder)
    # It stays: the page in it is what somebody looks at afterwards.
    traces = Path(tempfile.mkdtemp(prefix="v6client-demo-"))
    with tempfile.TemporaryDirectory(prefix="v6client-demo-data-") as directory:
        databases = example.prepare(Path(directory))
        _say(f"Starting a vantage6 network of {len(databases)} hospitals on this machine …")
        began = time.monotonic()
        with Sandbox(
            len(databases),
            databases=databases,
            python_path=[folder.parent],
            algorithm_env={"V6CLIENT_TRACE_FILE": str(traces)},
        ) as sandbox:
            _say(f"  up in {time.monotonic() - began:.1f} s, server {sandbox.server_url}\n")
            return _analyse(sandbox, example, databases, traces)


def _analyse(
    sandbox: Sandbox, example: ModuleType, databases: list[dict[str, Path]], traces: Path
) -> int:
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
    run = _watch(sandbox.researcher, task)
    if run["status"] != "completed":
        _say(f"\n{run['log']}\nThe run ended as {run['status']!r}; its log is above.\n")
        _show(traces)
        return 1
    [result] = sandbox.researcher.results(task["id"])
    text, agree = example.report(result, databases)
    _say(f"\n{text}\n")
    _show(traces)
    _say(_counts(run["log"]))
    return 0 if agree else 1


def _watch(researcher: Researcher, root: dict[str, Any]) -> dict[str, Any]:
    """Show each subtask once it has finished, until the job has; give the first task's run."""
    shown: set[int] = set()
    deadline = time.monotonic() + _LIMIT
    while True:
        for task in researcher.tasks(job_id=root["job_id"]):
            runs = [] if task["id"] in shown else researcher.runs(task["id"])
            if not runs or not all(run["finished_at"] for run in runs):
                continue
            if task["id"] == root["id"]:
                return runs[0]
            shown.add(task["id"])
            done = sum(run["status"] == "completed" for run in runs)
            _say(
                f"  task {task['id']:>3}  {task['name']:<12} {done} of {len(runs)} hospitals "
                "completed"
            )
        if time.monotonic() > deadline:
            raise TimeoutError(f"the demo was not finished after {_LIMIT:.0f} s")
        time.sleep(_POLL)


def _show(traces: Path) -> None:
    """Show the job as its containers told of it, and write it as a page."""
    # Only here: they are imported when there is something to show.
    from v6client.cli.trace import read, stories_of, write_page  # noqa: PLC0415
    from v6client.cli.trace.terminal import show  # noqa: PLC0415

    reading = read([traces])
    stories = stories_of(reading)
    show(stories)
    page = traces / "report.html"
    write_page(page, stories, reading)
    _say(f"The same as a page, for a browser: {page}\nThe traces: {traces}\n")


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
