"""``v6client loadtest``: containers that use a node's proxy, and what becomes of it."""

from __future__ import annotations

import argparse
import importlib.util
import json
import signal
import sys
from pathlib import Path
from typing import Any, Final

from v6client.cli.loadtest import plan as plans
from v6client.cli.loadtest.plan import DEFAULT_MIX, SCENARIOS, Plan, mix_of
from v6client.errors import ConfigurationError

_EXAMPLES: Final = """examples:
  v6client loadtest                                     ten containers, 30 s, on the sandbox
  v6client loadtest --users 200 --rate 200 --mix crowd  200 that start at once, and wait
  v6client loadtest --users 50 --workers 2 --web        two processes, and a page to watch
  v6client loadtest --users 100 --seconds 60 --restart-at 25 --restart-for 5
  v6client loadtest --address http://127.0.0.1:8080 --token-file token --method partial

over several machines, each with access to the proxy:
  v6client loadtest --role master --listen 10.0.0.5:5557 --workers 2 --users 400 \\
      --address ... --token-file ... --i-own-this-proxy
  v6client loadtest --role worker --master 10.0.0.5:5557 --users 400 --address ... (as above)

scenarios of --mix:
""" + "".join(f"  {name:<8}{text}\n" for name, text in SCENARIOS.items())


def configure(parser: argparse.ArgumentParser) -> None:
    """Describe the command line."""
    parser.epilog = _EXAMPLES
    usual = Plan()
    load = parser.add_argument_group("the load; every number has a hard limit")
    _number(load, "--users", usual.users, f"containers, at most {plans.MOST_USERS}")
    _number(load, "--seconds", usual.seconds, f"how long, at most {plans.MOST_SECONDS}")
    _number(load, "--rate", usual.rate, "containers that start in a second")
    load.add_argument(
        "--mix", default=DEFAULT_MIX, metavar="MIX", help="weights of scenarios (%(default)s)"
    )
    _number(load, "--flood", 0, f"so many ask without a pause, at most {plans.MOST_FLOOD}")
    _number(load, "--long", usual.long, "seconds of a long subtask")
    _number(load, "--size", usual.size, f"bytes of a large result, at most {plans.MOST_SIZE}")
    _number(load, "--pause", usual.pause, "seconds between two algorithms of a container")
    _number(load, "--restart-at", 0.0, "the sandbox's proxy goes away after so many seconds")
    _number(load, "--restart-for", 5.0, "and comes back after so many more")
    _configure_target(parser)
    how = parser.add_argument_group("how it runs")
    _number(how, "--workers", 0, f"processes that share the load, at most {plans.MOST_WORKERS}")
    how.add_argument("--web", action="store_true", help="show a page while it runs")
    _number(how, "--web-port", 8089, "where, on 127.0.0.1")
    how.add_argument(
        "--report",
        type=Path,
        default=Path("loadtest"),
        metavar="FOLDER",
        help="for report.md, report.html, counts.json and the traces (default: %(default)s)",
    )
    how.add_argument("--role", choices=("master", "worker"), help="a part over several machines")
    how.add_argument("--listen", default="127.0.0.1:5557", help="of a master (%(default)s)")
    how.add_argument("--master", default="127.0.0.1:5557", help="of a worker (%(default)s)")


def _configure_target(parser: argparse.ArgumentParser) -> None:
    what = parser.add_argument_group("what is loaded; the sandbox, where no address is given")
    what.add_argument("--address", metavar="URL", help="a node's proxy")
    what.add_argument(
        "--token-file", type=Path, metavar="FILE", help="with the token of a running container"
    )
    what.add_argument(
        "--method", metavar="NAME", help="of the subtasks; takes seconds and size (work)"
    )
    _number(what, "--organization", 0, "whose node runs the subtasks (the container's own)")
    what.add_argument(
        "--i-own-this-proxy",
        action="store_true",
        help="load a proxy on another machine, which slows everybody down who uses it",
    )


def _number(group: Any, option: str, usual: float, text: str) -> None:  # noqa: ANN401 - argparse's own is private
    group.add_argument(
        option, type=type(usual), default=usual, metavar="N", help=f"{text} (default: %(default)g)"
    )


def run(arguments: argparse.Namespace) -> int:
    """Make the load, and write the report; 1 where somebody was never answered."""
    missing = [
        name for name in ("locust", "flask", "gevent") if importlib.util.find_spec(name) is None
    ]
    if missing:
        raise ConfigurationError(
            f"{', '.join(missing)} not installed: type pip install 'v6client[loadtest]'."
        )
    # Only here: the command's help needs nothing of it.
    from v6client.cli.loadtest.session import Options, Session  # noqa: PLC0415

    if not 0 <= arguments.workers <= plans.MOST_WORKERS:
        raise ConfigurationError(f"--workers: 0 to {plans.MOST_WORKERS} are allowed")
    plan = Plan(
        users=arguments.users,
        seconds=arguments.seconds,
        rate=arguments.rate,
        mix=mix_of(arguments.mix),
        flood=arguments.flood,
        long=arguments.long,
        size=arguments.size,
        pause=arguments.pause,
        organization=arguments.organization,
    )
    options = Options(
        plan=plan,
        address=arguments.address,
        token_file=arguments.token_file,
        method=arguments.method,
        is_owned=arguments.i_own_this_proxy,
        restart_at=arguments.restart_at,
        restart_for=arguments.restart_for,
        role=arguments.role or "",
        workers=arguments.workers,
        listen=arguments.listen,
        master=arguments.master,
        web=arguments.web_port if arguments.web else 0,
        folder=arguments.report,
    )
    return _report(options, Session(options))


def _report(options: Any, session: Any) -> int:  # noqa: ANN401 - imported late
    from v6client.cli.loadtest import findings, report  # noqa: PLC0415

    # A container is stopped by SIGTERM: like Ctrl-C, it ends the load and not the report.
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.default_int_handler)
    counts, outage, where = session.run()
    if options.role == "worker":
        return 0
    some = report.sections(counts, options.plan, where=where, outage=outage)
    folder = options.folder
    (folder / "report.md").write_text(report.markdown(some), "utf-8")
    (folder / "report.html").write_text(report.page(some), "utf-8")
    (folder / "counts.json").write_text(json.dumps(counts) + "\n", "utf-8")
    sys.stdout.write(f"{report.markdown(some)}\nWritten to {folder}/report.md and report.html.\n")
    return int(findings.starved(findings.fairness(counts.get("users", {}))) > 0)
