"""Lists: all pages of them, each row once, in a stated order."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from typing import Any

from v6client.errors import DeadlineExceeded

Page = dict[str, Any]
Row = dict[str, Any]


def all_rows(
    fetch: Callable[[Mapping[str, Any]], Page],
    params: Mapping[str, Any],
    *,
    page_size: int,
    deadline: float,
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
    deadline
        Seconds after which no further page is asked for.

    Returns
    -------
    list of dict
        The rows by ascending id, which is the order in which they were made. The server gives
        most lists newest first; a row that moved to the next page while the list was read is
        there once.

    Raises
    ------
    DeadlineExceeded
        When there are still further pages after the deadline.
    """
    rows: dict[int, Row] = {}
    number = 1
    began = time.monotonic()
    while True:
        page = fetch({**params, "page": number, "per_page": page_size})
        rows.update((row["id"], row) for row in page["data"])
        if not page["data"] or not page.get("links", {}).get("next"):
            return [rows[id_] for id_ in sorted(rows)]
        if time.monotonic() - began > deadline:
            raise DeadlineExceeded(
                f"a list had no end after {number} pages and {deadline:g} s. Ask for larger pages "
                "(V6CLIENT_PAGE_SIZE), or raise V6CLIENT_REQUEST_DEADLINE.",
                method="GET",
                attempts=number,
                elapsed=time.monotonic() - began,
            )
        number += 1
