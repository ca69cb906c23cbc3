"""HTML that cannot but be escaped: text is text, unless it is markup already."""

from __future__ import annotations

import html
from dataclasses import dataclass
from typing import Final

_VOID: Final = frozenset({"meta"})


@dataclass(frozen=True, slots=True)
class Markup:
    """Markup that is written as it is."""

    text: str


Child = Markup | str | None


def tag(name: str, /, *children: Child, **attributes: str) -> Markup:
    """Write an element.

    Parameters
    ----------
    name
        Its name.
    children
        Markup as it is, text escaped; ``None`` is nothing.
    attributes
        By name, with ``_`` for ``-`` and one behind for Python's own words; escaped.
    """
    written = "".join(
        f' {key.rstrip("_").replace("_", "-")}="{html.escape(value)}"'
        for key, value in attributes.items()
    )
    inner = joined(*children).text
    return Markup(
        f"<{name}{written}>"
        if name in _VOID and not inner
        else f"<{name}{written}>{inner}</{name}>"
    )


def joined(*children: Child) -> Markup:
    """Write one behind the other."""
    return Markup(
        "".join(
            one.text if isinstance(one, Markup) else html.escape(one)
            for one in children
            if one is not None
        )
    )
