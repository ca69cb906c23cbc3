"""One node process: ``python -m v6client.sandbox.node``, configured by its first input line."""

from __future__ import annotations

import logging
import os
import sys
import threading
from pathlib import Path

from v6client.sandbox import lifeline
from v6client.sandbox.faults import Faults, Fronts
from v6client.sandbox.node.collaboration import Collaboration
from v6client.sandbox.node.environment import Database
from v6client.sandbox.node.link import ServerLink
from v6client.sandbox.node.process import kill_recorded
from v6client.sandbox.node.proxy import create_proxy
from v6client.sandbox.node.runner import Runner, Site
from v6client.sandbox.secrecy import Secrecy

_ONLINE_SECONDS = 3.0


def main() -> None:
    """Serve algorithms until standard input ends or a signal comes."""
    configuration = lifeline.read_configuration()
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(message)s")
    directory = Path(configuration["directory"])
    python_path = configuration["python_path"]
    here = ("", str(Path.cwd()))
    site = Site(
        directory=directory,
        databases={
            label: Database(**database) for label, database in configuration["databases"].items()
        },
        algorithms=configuration["algorithms"],
        algorithm_env=configuration["algorithm_env"],
        python_path=python_path,
        # Algorithms do not run in this process's working directory, which `-m` put on the path.
        search_path=[*python_path, *(path for path in sys.path if path not in here)],
        entrypoint=configuration["entrypoint"],
    )
    kill_recorded(directory / "runs")
    stopping = threading.Event()
    link = ServerLink(configuration["server_url"], configuration["api_key"], stopping)
    # No monkey patching: like the real one, the proxy serves one request at a time.
    secrecy = Secrecy.of(configuration["private_key"])
    port, faults = configuration["port"], configuration["faults"]
    fronts = Fronts(Faults(**faults), directory) if faults else None
    collaboration = Collaboration(
        link,
        configuration["collaboration_id"],
        server_url=fronts.before_server(link.server_url) if fronts else None,
    )
    server, port = lifeline.listen(create_proxy(collaboration, secrecy), 0 if fronts else port)
    if fronts:
        port = fronts.before_proxy(port, configuration["port"])
    runner = Runner(link, site, port, secrecy)

    def leave() -> None:
        stopping.set()
        runner.stop()
        os._exit(0)

    lifeline.exit_when_told(leave)
    threading.Thread(target=runner.serve, name="runner", daemon=True).start()
    # A node that starts while the server is away is ready all the same, and waits for it.
    runner.online.wait(_ONLINE_SECONDS)
    lifeline.report_ready(port=port)
    server.serve_forever()


if __name__ == "__main__":
    main()
