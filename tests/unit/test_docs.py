"""The docs say what the code does."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest

import v6client
from v6client import Settings
from v6client.setting import variable_of
from v6client.settings import TelemetrySettings

DOCS = Path(v6client.__file__).parents[2] / "docs"


def settings_table(kind: type) -> str:
    """Write a table of docs/settings.md."""
    lines = ["| variable | default | unit | allowed | what |", "|---|---|---|---|---|"]
    for one in dataclasses.fields(kind):
        facts = one.metadata
        if one.type == "bool":
            lines.append(
                f"| `{variable_of(one.name)}` | {str(one.default).lower()} | "
                f"| `true` or `false` | {facts['text']} |"
            )
            continue
        if one.type == "str":
            words = ", ".join(f"`{word}`" for word in facts["words"]) or "a text"
            default = f"`{one.default}`" if one.default else ""
            lines.append(f"| `{variable_of(one.name)}` | {default} | | {words} | {facts['text']} |")
            continue
        none = " or `none`" if facts["optional"] else ""
        default = f"{one.default:g}" if isinstance(one.default, (int, float)) else "none"
        lines.append(
            f"| `{variable_of(one.name)}` | {default} | {facts['unit']} "
            f"| {facts['low']:g} to {facts['high']:g}{none} | {facts['text']} |"
        )
    return "\n".join(lines)


@pytest.mark.skipif(not DOCS.is_dir(), reason="the docs are in the source folder alone")
def test_the_settings_are_documented_as_they_are() -> None:
    text = (DOCS / "settings.md").read_text("utf-8")
    for kind in (Settings, TelemetrySettings):
        assert settings_table(kind) in text, settings_table(kind)


@pytest.mark.skipif(not DOCS.is_dir(), reason="the docs are in the source folder alone")
def test_every_error_is_documented() -> None:
    text = (DOCS / "interface.md").read_text("utf-8")
    for name in v6client.__all__:
        one = getattr(v6client, name)
        if isinstance(one, type) and issubclass(one, v6client.RequestError):
            assert f"`{name}`" in text or name == "RequestError"
