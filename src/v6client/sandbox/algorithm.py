"""A small algorithm that is in every sandbox, under the image ``v6client.sandbox.algorithm``."""

from __future__ import annotations

import os
import sys
import time


def echo(value: object = None) -> object:
    """Give back what came."""
    return value


def sleep(seconds: float = 1.0) -> float:
    """Take some time."""
    time.sleep(seconds)
    return seconds


def work(seconds: float = 1.0, size: int = 0) -> str:
    """Take some time, and give a text of so many characters."""
    time.sleep(seconds)
    return "x" * size


def crash(message: str = "crashed as asked") -> None:
    """Fail."""
    sys.stderr.write(message + "\n")
    sys.exit(1)


def process_id() -> int:
    """Give the id of the process."""
    return os.getpid()
