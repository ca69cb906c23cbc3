"""The dashboards as the JSON files that Grafana reads."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Final

from grafana_foundation_sdk.builders.dashboard import Dashboard
from grafana_foundation_sdk.cog.encoder import JSONEncoder

from dashboards import collaboration, costs, job, proxy

FOLDER: Final = Path(__file__).parent

BOARDS: Final[Mapping[str, Callable[[], Dashboard]]] = {
    "collaboration": collaboration.board,
    "job": job.board,
    "proxy": proxy.board,
    "round": costs.board,
}

# What the SDK adds to each, and Grafana's schema does not have there: the defaults of an interval's
# steps to all variables, and to links a place where they are not seen.
_OF_INTERVALS: Final = ("auto", "auto_count", "auto_min")
_OF_LINKS: Final = ("placement",)


def documents() -> dict[str, str]:
    """Give the files' names and texts."""
    return {f"{name}.json": _text(board()) for name, board in BOARDS.items()}


def write() -> list[Path]:
    """Write the files; give where they are."""
    written = []
    for name, text in documents().items():
        path = FOLDER / name
        path.write_text(text, "utf-8")
        written.append(path)
    return written


def _text(board: Dashboard) -> str:
    document: dict[str, Any] = json.loads(JSONEncoder().encode(board.build()))
    for variable in document["templating"]["list"]:
        _drop(variable, _OF_INTERVALS)
    for link in document["links"]:
        _drop(link, _OF_LINKS)
    for panel in document["panels"]:
        of_field = panel.get("fieldConfig", {}).get("defaults", {}).get("links", [])
        for link in (*panel.get("links", []), *of_field):
            _drop(link, _OF_LINKS)
    return json.dumps(document, indent=2, ensure_ascii=False) + "\n"


def _drop(mapping: dict[str, Any], keys: tuple[str, ...]) -> None:
    for key in keys:
        mapping.pop(key, None)
