"""Lists: all pages of them, each row once, in a stated order."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

Page = dict[str, Any]
Row = dict[str, Any]


def all_rows(
    fetch: Callable[[Mapping[str, Any]], Page], params: Mapping[str, Any], *, page_size: int
) -> list[Row]:
    """Fetch all pages of a list.

    Parameters
    ----------
    fetch
        Fetches one page, given its query.
    params
        The query without its page.
    page_size
        Rows asked for in one page; the server's default is 10.

    Returns
    -------
    list of dict
        The rows by ascending id, which is the order in which they were made. The server gives
        most lists newest first; a row that moved to the next page while the list was read is
        there once.
    """
    rows: dict[int, Row] = {}
    number = 1
    while True:
        page = fetch({**params, "page": number, "per_page": page_size})
        rows.update((row["id"], row) for row in page["data"])
        if not page["data"] or not page.get("links", {}).get("next"):
            return [rows[id_] for id_ in sorted(rows)]
        number += 1
