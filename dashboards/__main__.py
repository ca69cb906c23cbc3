"""``python -m dashboards`` writes the JSON files beside the package."""

from __future__ import annotations

from dashboards.files import write

for path in write():
    print(path)  # noqa: T201 - a command's own words
