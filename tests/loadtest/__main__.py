"""Load the real node proxy: ``python -m tests.loadtest --users 5``, with the command's options.

Needs ``make contract``. Each subtask is a process of the real node here, so this machine is what a
mix of short algorithms loads most.
"""

from __future__ import annotations

import os
import sys
import tempfile
from pathlib import Path
from typing import Final

from tests.contract.real.install import cached_venv, is_installed
from tests.contract.real.stack import RealStack
from v6client.cli import main

IMAGE: Final = "v6client.example/work"
_CANNOT: Final = 3


def load(options: list[str]) -> int:
    """Start the real server and a node, and run the command against its proxy."""
    if not is_installed(cached_venv()):
        sys.stderr.write("vantage6 is not installed: type 'make contract'\n")
        return _CANNOT
    with (
        RealStack(1, algorithms={IMAGE: "v6client.sandbox.algorithm"}) as stack,
        stack.open_container(image=IMAGE) as held,
        tempfile.TemporaryDirectory(prefix="v6client-loadtest-") as folder,
    ):
        token = Path(folder) / "token"
        # A token is its owner's alone.
        descriptor = os.open(token, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "w") as file:
            file.write(held.token)
        address = f"{held.host}:{held.port}{held.path}"
        return main(["loadtest", "--address", address, "--token-file", str(token), *options])


if __name__ == "__main__":
    sys.exit(load(sys.argv[1:]))
