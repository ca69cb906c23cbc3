"""What a wait asks the server, each question as small as the API allows."""

from __future__ import annotations

import functools
from collections.abc import Callable, Collection, Mapping
from typing import Any, Final, Literal, Protocol

from v6client.errors import MaskedServerError, NotFound, RequestError
from v6client.http import shapes
from v6client.http.exchange import Answer
from v6client.http.reader import Reader
from v6client.http.shapes import Shape
from v6client.payload.blobs import Blob
from v6client.payload.content import Content
from v6client.payload.rows import ResultRows, RunRows, input_weight, weight

Row = dict[str, Any]

# Refused so often in a row, while the task itself can be read, a route is taken for missing.
_MISSES_OF_A_ROUTE: Final = 2
# Far beyond the last page: an empty list, whose header still has the total.
_NO_PAGE: Final = 99_999
_NEVER: Final = float("inf")
_END_OF_TIME: Final = "9999-01-01"
_DIGITS: Final = 9


class Ask(Protocol):
    """Makes one GET, with all its attempts."""

    def __call__(  # noqa: PLR0913 - ClientBase.ask's
        self,
        endpoint: str,
        params: Mapping[str, Any] | None = None,
        *,
        operation: str | None,
        shape: Shape,
        within: float | None,
        reader: Callable[[], Reader] = ...,
    ) -> Answer:
        """Give the answer, or raise a ``RequestError``."""


class ListRows(Protocol):
    """Fetches all pages of a list, by ascending id."""

    def __call__(  # noqa: PLR0913 - ClientBase.list_rows'
        self,
        endpoint: str,
        params: Mapping[str, Any],
        *,
        operation: str | None,
        shape: Shape = ...,
        reader: Callable[[], Reader] = ...,
        weigh: Callable[[Row], int] | None = ...,
        within: float | None = None,
    ) -> list[Row]:
        """Give the rows, or raise a ``RequestError``."""


class Questions:
    """Asks about tasks and their runs.

    What a poll asks comes with the seconds that the attempt took which gave the answer: the failed
    ones before it say nothing about how busy the proxy is.

    Parameters
    ----------
    ask, list_rows
        Make the requests.
    own_task_id
        The task that this container runs, whose subtasks can be listed.
    page_size
        Rows of a page.
    download
        Fetches a blob by its id: ``BlobStore.download``.
    """

    def __init__(
        self,
        ask: Ask,
        list_rows: ListRows,
        own_task_id: int,
        page_size: int,
        download: Callable[..., Content],
    ) -> None:
        self._ask = ask
        self._list_rows = list_rows
        self._own_task_id = own_task_id
        self._page_size = page_size
        self._download = download
        self._status_route_misses = 0

    def status(self, task_id: int, within: float | None) -> tuple[str, float]:
        """Ask for a task's status (23 bytes); where there is no such route (4.9), for the task."""
        refused: RequestError | None = None
        if self._status_route_misses < _MISSES_OF_A_ROUTE:
            try:
                reply = self._status_at(f"task/{task_id}/status", within)
            except (MaskedServerError, NotFound) as error:
                refused = error
            else:
                self._status_route_misses = 0
                return reply
        try:
            reply = self._status_at(f"task/{task_id}", within)
        except RequestError:
            if refused is None:
                raise
        else:
            self._status_route_misses += 1
            return reply
        raise refused

    def statuses(
        self, task_ids: Collection[int], within: float | None
    ) -> tuple[Mapping[int, str], float, int]:
        """Ask for the statuses of several subtasks by pages of the list: newest first.

        Those that are no subtasks of this container's task are not among them. The third is the
        number of pages that it took.
        """
        found: dict[int, str] = {}
        seconds, page = 0.0, 0
        oldest, reached = min(task_ids), _NEVER
        while True:
            page += 1
            answer = self._ask(
                "task",
                {"parent_id": self._own_task_id, "page": page, "per_page": self._page_size},
                operation=None,
                shape=shapes.task_page,
                within=within,
            )
            seconds += answer.seconds
            rows = answer.body["data"]
            found.update((row["id"], row["status"]) for row in rows if row["id"] in task_ids)
            before, reached = reached, min((row["id"] for row in rows), default=0)
            has_next = bool(answer.body.get("links", {}).get("next"))
            # A page that leads no further down is the last, whatever its links say.
            if not has_next or not oldest < reached < before:
                return found, seconds, page

    def open_runs(
        self,
        task_id: int,
        within: float | None,
        *,
        only_started: bool = False,
        organization_id: int | None = None,
    ) -> tuple[int | None, float]:
        """Ask how many of a task's runs are not over: 270 bytes, whatever the inputs weigh.

        ``None`` where the server does not say.

        Parameters
        ----------
        task_id, within
            The task, and the seconds that it may take.
        only_started
            Whether only those count that have started.
        organization_id
            Whose runs count; everybody's by default.
        """
        query = {"task_id": task_id, "state": "open", "per_page": 1, "page": _NO_PAGE}
        more: dict[str, Any] = {"started_till": _END_OF_TIME} if only_started else {}
        if organization_id is not None:
            more["organization_id"] = organization_id
        answer = self._ask(
            "run", {**query, **more}, operation=None, shape=shapes.page, within=within
        )
        total = answer.headers.get("total-count", "")
        is_number = total.isascii() and total.isdecimal() and len(total) <= _DIGITS
        return (int(total) if is_number else None), answer.seconds

    def run_rows(self, task_id: int, within: float | None = None) -> list[Row]:
        """Ask for a task's runs; each carries its input, of which a long one is left out."""
        return self._list_rows(
            "run",
            {"task_id": task_id},
            operation="run.from_task",
            shape=shapes.run_page,
            reader=RunRows,
            weigh=input_weight,
            within=within,
        )

    def result_rows(self, task_id: int, within: float | None = None) -> list[Row]:
        """Ask for a task's results, by ascending run id.

        A long result is a :class:`~v6client.payload.content.Content` instead of its text, and can
        be decoded once; one in the blob store is a :class:`~v6client.payload.blobs.Blob`, which is
        fetched when it is decoded.
        """
        rows = self._list_rows(
            "result",
            {"task_id": task_id},
            operation="result.from_task",
            reader=ResultRows,
            weigh=weight,
            within=within,
        )
        return [self._with_blob(row, within) for row in rows]

    def row_at(  # noqa: PLR0913 - what tells one row from the others
        self,
        kind: Literal["run", "result"],
        task_id: int,
        run_id: int,
        place: int,
        within: float | None = None,
        *,
        organization_id: int | None = None,
    ) -> Row | None:
        """Ask for one run, or one result; ``None`` where it is not at its place.

        Parameters
        ----------
        kind
            Which of the two.
        task_id, run_id
            Whose.
        place
            How many runs of the task have a higher id: both lists come newest first.
        within
            Seconds for it.
        organization_id
            Whose runs alone are counted; a task has one of each organization.
        """
        query = {"task_id": task_id, "per_page": 1, "page": place + 1}
        if organization_id is not None:
            query["organization_id"] = organization_id
        answer = self._ask(
            kind,
            query,
            operation=f"{kind}.from_task",
            shape=shapes.run_page if kind == "run" else shapes.page,
            within=within,
            reader=RunRows if kind == "run" else ResultRows,
        )
        rows: list[Row] = answer.body["data"]
        return next((self._with_blob(row, within) for row in rows if row["id"] == run_id), None)

    def _with_blob(self, row: Row, within: float | None) -> Row:
        if row.get("blob_storage_used") and row.get("result"):
            download = functools.partial(self._download, within=within)
            row["result"] = Blob(row["result"], download)
        return row

    def created_at(self, task_id: int, within: float | None = None) -> str | None:
        """Ask when a task was created, on the server's clock."""
        answer = self._ask(
            f"task/{task_id}", operation="task.get", shape=shapes.resource, within=within
        )
        created: str | None = answer.body.get("created_at")
        return created

    def _status_at(self, endpoint: str, within: float | None) -> tuple[str, float]:
        answer = self._ask(endpoint, operation=None, shape=shapes.task_status, within=within)
        return str(answer.body["status"]), answer.seconds
