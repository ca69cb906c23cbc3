"""The environment of an algorithm that was written for vantage6: its tools, and v6client."""

from __future__ import annotations

from pathlib import Path
from typing import Final

import v6client
from tests.contract.real.install import cached_venv, is_installed, python_of

# Has vantage6-algorithm-tools 4.15.2 and what v6client depends on, and nothing else. v6client
# itself comes from the source folder, by PYTHONPATH: the environment is kept, the source changes.
VERSION: Final = "tools-4.15.2"
SOURCE: Final = Path(v6client.__file__).parents[1]


def why_not() -> str:
    """Say why there is no such environment; nothing where there is one."""
    if is_installed(cached_venv(VERSION), VERSION):
        return ""
    return (
        "vantage6-algorithm-tools is not installed: type "
        f"'python tests/contract/real/install.py --version {VERSION}'"
    )


def python() -> str:
    """Give the environment's interpreter."""
    return str(python_of(cached_venv(VERSION)))
