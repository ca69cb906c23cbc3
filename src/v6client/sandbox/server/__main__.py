"""One server process: ``python -m v6client.sandbox.server``, configured by its first input line."""

# ruff: noqa: E402 - what is imported before the patch keeps blocking calls

from __future__ import annotations

from gevent import monkey

# The real server does the same: a request that hangs leaves the others alone. There is no TLS
# here, and its module is imported already.
monkey.patch_all(ssl=False)

import os
from pathlib import Path

from v6client.sandbox import lifeline
from v6client.sandbox.server.app import create_app
from v6client.sandbox.server.database import connect, create_tables
from v6client.sandbox.server.seed import seed
from v6client.sandbox.server.state import ServerState
from v6client.sandbox.server.work import watch_nodes


def main() -> None:
    """Serve until standard input ends or a signal comes."""
    configuration = lifeline.read_configuration()
    state = ServerState(
        database=Path(configuration["database"]),
        secret=configuration["secret"],
        username=configuration["username"],
        password=configuration["password"],
        blobs=Path(configuration["blobs"]) if configuration["blobs"] else None,
    )
    create_tables(state.database)
    database = connect(state.database)
    seed(
        database,
        organizations=configuration["organizations"],
        api_keys=configuration["api_keys"],
        collaboration=configuration["collaboration"],
        username=configuration["username"],
        studies=configuration["studies"],
        public_keys=configuration["public_keys"],
    )
    database.close()
    server, port = lifeline.listen(create_app(state), configuration["port"])
    watch_nodes(state)
    # Every row is on disk already: nothing is left to finish.
    lifeline.exit_when_told(lambda: os._exit(0))
    lifeline.report_ready(port=port)
    server.serve_forever()


if __name__ == "__main__":
    main()
