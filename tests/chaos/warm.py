"""A process that has imported the algorithm, and forks for each run.

One regression is 45 runs, and importing v6client and NumPy takes half a second of a core: two
hundred regressions would be mostly that. A forked run executes the same entry,
``wrap_algorithm``, with its own environment, working directory and log; only the imports are done.

``python -m tests.chaos.warm SOCKET MODULE``; it ends when its standard input does.
"""

from __future__ import annotations

import importlib
import json
import os
import selectors
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from v6client.container.wrap import wrap_algorithm

INTO_WARM: Final = Path(__file__).with_name("into_warm.py")


@contextmanager
def warm_entrypoint(
    directory: Path, module: str, python_path: Sequence[Path]
) -> Iterator[list[str]]:
    """Start the warm process; give the entrypoint for the sandbox that leads to it."""
    # Short, because a socket's path may have 107 bytes only.
    address = directory / "warm"
    path = [*map(str, python_path), *filter(None, os.environ.get("PYTHONPATH", "").split(":"))]
    environment = {**os.environ, "PYTHONPATH": ":".join(path), "OPENBLAS_NUM_THREADS": "1"}
    with subprocess.Popen(  # noqa: S603 - ourselves
        [sys.executable, "-m", __name__, str(address), module],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        env=environment,
        cwd=Path(__file__).parents[2],
        # Ctrl-C is for the parent, which then stops all in order.
        start_new_session=True,
    ) as warm:
        assert warm.stdin
        assert warm.stdout
        assert warm.stdout.readline() == b"ready\n", "the warm process did not start"
        yield ["-I", "-S", str(INTO_WARM), str(address)]
        warm.stdin.close()


def serve(address: str, module: str) -> None:
    """Fork for each run that comes, until standard input ends."""
    importlib.import_module(module)
    # The kernel collects the children.
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    with socket.socket(socket.AF_UNIX) as listener, selectors.DefaultSelector() as selector:
        listener.bind(address)
        listener.listen(128)
        selector.register(listener, selectors.EVENT_READ)
        selector.register(sys.stdin, selectors.EVENT_READ)
        sys.stdout.write("ready\n")
        sys.stdout.flush()
        while all(key.fileobj is listener for key, _ in selector.select()):
            connection, _ = listener.accept()
            if os.fork() == 0:
                listener.close()
                _become(connection)
            connection.close()
    # The runs that are still going on are of this process's group: it leads a session of its own.
    os.killpg(0, signal.SIGKILL)


def _become(connection: socket.socket) -> None:
    """Run one algorithm in this forked process, and end."""
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    _, [output, *_], _, _ = socket.recv_fds(connection, 1, 1)
    with connection.makefile("rb") as stream:
        document = json.load(stream)
    os.environ.clear()
    os.environ.update(document["environment"])
    os.chdir(document["directory"])
    for descriptor in (1, 2):
        os.dup2(output, descriptor)
    code = 1
    try:
        wrap_algorithm()
        code = 0
    except SystemExit:
        pass
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        connection.sendall(str(code).encode())
        os._exit(code)


if __name__ == "__main__":
    serve(sys.argv[1], sys.argv[2])
