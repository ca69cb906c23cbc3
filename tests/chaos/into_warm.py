"""What the sandbox starts as an algorithm: it hands itself over to the warm process.

``python -I -S into_warm.py SOCKET``: sends environment, working directory and standard output,
waits, and ends with the exit code that comes back.
"""

from __future__ import annotations

import json
import os
import socket
import sys
from pathlib import Path


def main() -> int:
    with socket.socket(socket.AF_UNIX) as warm:
        warm.connect(sys.argv[1])
        socket.send_fds(warm, [b"1"], [sys.stdout.fileno()])
        document = {"environment": dict(os.environ), "directory": str(Path.cwd())}
        warm.sendall(json.dumps(document).encode())
        warm.shutdown(socket.SHUT_WR)
        return int(warm.recv(8) or b"1")


if __name__ == "__main__":
    sys.exit(main())
