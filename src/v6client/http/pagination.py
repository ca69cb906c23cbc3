"""Lists: all pages of them, each row once, in a stated order."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from typing import Any, Final

from v6client.errors import DeadlineExceeded, ResponseTooLarge
from v6client.telemetry import logs, schema

_MUCH_LARGER: Final = 4
FIRST_PAGE: Final = 10
"""Rows of which nothing is known yet."""
HEAVY_PAGE: Final = 1 << 24
"""Bytes: the proxy serves nobody else while it decrypts and writes a page."""

Page = dict[str, Any]
Row = dict[str, Any]


def all_rows(
    fetch: Callable[[Mapping[str, Any]], Page],
    params: Mapping[str, Any],
    *,
    page_size: int,
    deadline: float,
    weigh: Callable[[Row], int] | None = None,
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
    weigh
        Tells the bytes of a row. The first page is a small one then, and each next one is cut so
        that it weighs some 16 MiB if the rest is like what came; pages of one row may weigh more.
        Of every list, a page that is longer than an answer may be is asked for in halves.

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
    ResponseTooLarge
        When one row alone is longer than an answer may be.
    """
    rows: dict[int, Row] = {}
    number, size = 1, page_size if weigh is None else min(page_size, FIRST_PAGE)
    behind = heaviest = 0
    began = time.monotonic()
    while True:
        try:
            page = fetch({**params, "page": number, "per_page": size})
        except ResponseTooLarge:
            if size == 1:
                raise
            logs.emit(schema.PAGE_TOO_LARGE, rows=size)
            # For all later pages, too: the rest of the list is taken to be like this.
            page_size = size // 2
            size = fitting_size(behind, heaviest, page_size)
            number = behind // size + 1
            continue
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
        behind = number * size
        if weigh is not None:
            heaviest = max(heaviest, *map(weigh, page["data"]))
            size = fitting_size(behind, heaviest, page_size)
        number = behind // size + 1


def fitting_size(behind: int, heaviest: int, page_size: int) -> int:
    """Choose the size of the next page of a list whose rows weigh.

    Parameters
    ----------
    behind
        How many rows were fetched.
    heaviest
        The bytes of the heaviest of them.
    page_size
        The most rows in a page.

    Returns
    -------
    int
        Rows. A page begins at a multiple of its size: either that is where the last one ended, or
        the page is so much larger that it begins at the first row again, for little more.
    """
    most = max(1, min(page_size, HEAVY_PAGE // max(1, heaviest)))
    return next(
        size for size in range(most, 0, -1) if behind % size == 0 or size >= _MUCH_LARGER * behind
    )
