"""Lists: ten a page, links to the other pages, and the total in a header."""

from __future__ import annotations

import math
import sqlite3
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from urllib.parse import urlencode

from flask import Response, request

from v6client.sandbox.server.queries import rows
from v6client.sandbox.server.replies import Refusal, reply

_FAILED = 500


@dataclass
class Selection:
    """The rows of a list: what to select, and which conditions they must meet."""

    model: str
    columns: str
    source: str
    sortable: Sequence[str]
    newest_first: bool = False
    conditions: list[str] = field(default_factory=list)
    values: list[object] = field(default_factory=list)

    def where(self, condition: str, *values: object) -> None:
        """Add a condition with its values."""
        self.conditions.append(condition)
        self.values.extend(values)

    @property
    def table(self) -> str:
        """The table whose rows are listed."""
        return self.source.split()[0]


def reply_page(
    selection: Selection, document: Callable[[sqlite3.Row], dict[str, object]]
) -> Response:
    """Answer with the page of a list that the query asks for.

    A page beyond the end is empty, and still carries the total.
    """
    try:
        page, per_page = int(request.args.get("page", 1)), int(request.args.get("per_page", 10))
        if page <= 0:
            raise ValueError("page needs to be >= 1")  # noqa: TRY301 - as below
        if per_page <= 0:
            raise ValueError("per_page needs to be >= 1")  # noqa: TRY301 - as below
        order = _order(selection)
    except ValueError as error:
        # The real server answers 500 here, not 400.
        raise Refusal(_FAILED, str(error)) from error
    where = " WHERE " + " AND ".join(selection.conditions) if selection.conditions else ""
    # Only constants of this package make up the statement; what a client sent is bound.
    (total,) = rows(
        f"SELECT COUNT(*) FROM {selection.source}{where}",  # noqa: S608
        *selection.values,
    )[0]
    found = rows(
        f"SELECT {selection.columns} FROM {selection.source}{where}"  # noqa: S608
        f" ORDER BY {order} LIMIT ? OFFSET ?",
        *selection.values,
        per_page,
        (page - 1) * per_page,
    )
    links = _links(page, per_page, len(found), total)
    headers = {
        "total-count": str(total),
        "Link": ",".join(f"<{url}>; rel={rel}" for rel, url in links.items()),
        "access-control-expose-headers": "total-count, Link",
    }
    return reply({"data": [document(row) for row in found], "links": links}, headers=headers)


def _order(selection: Selection) -> str:
    """Give the order of the rows.

    Where the list is newest first, `sort` is only checked: the real server appends it to an order
    by id, which leaves nothing to sort.
    """
    newest = [f"{selection.table}.id DESC"] if selection.newest_first else []
    asked = []
    for part in filter(None, request.args.get("sort", "").split(",")):
        name = part.strip()
        direction = "DESC" if name.startswith("-") else "ASC"
        name = name.lstrip("+-")
        if name not in selection.sortable:
            raise ValueError(
                f"Cannot sort a '{selection.model}' by '{name}' because it does not exist"
            )
        asked.append(f"{selection.table}.{name} {direction}")
    return ", ".join([*newest, *asked, f"{selection.table}.id"])


def _links(page: int, per_page: int, shown: int, total: int) -> dict[str, str]:
    has_next = (page - 1) * per_page + shown < total
    pages = {
        "first": 1,
        "previous": page - 1,
        "self": page,
        "next": page + 1 if has_next else 0,
        "last": math.ceil(total / per_page),
    }
    arguments = request.args.copy()
    links = {}
    for rel, number in pages.items():
        if number:
            arguments["page"] = str(number)
            links[rel] = f"{request.path}?{urlencode(arguments)}"
    return links
