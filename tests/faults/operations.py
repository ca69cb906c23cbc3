"""The operations of the client, and where in each a fault is put."""

from __future__ import annotations

import enum
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

from tests.faults.faults import LOST_ANSWER
from tests.faults.network import (
    ADDRESSES,
    FINISHED,
    INPUT,
    ORGANIZATIONS,
    WRITTEN,
    encoded,
    result_of,
    run_row,
    task_row,
)
from tests.faults.server import Act, Wanted
from tests.peer import Received
from v6client import AlgorithmClient, RunResult
from v6client.tasks.runs import runs_of

WAIT_SECONDS: Final = 2.0


class Part(enum.Enum):
    """What the request that a fault is put into is for."""

    READ = enum.auto()
    WRITE = enum.auto()
    CREATION = enum.auto()
    """``POST task``."""
    BLOB_QUESTION = enum.auto()
    """Asked before a creation; a refusal is taken for no."""
    TWIN_COUNT = enum.auto()
    """Asked after a creation; its failure changes nothing."""
    RECONCILIATION = enum.auto()
    """Asked after a creation whose answer was lost."""
    POLL = enum.auto()
    COUNT = enum.auto()
    """A poll with nothing else to ask where it is refused."""
    WAIT_READ = enum.auto()
    """What a wait has to read once there is news."""


@dataclass(frozen=True)
class Operation:
    """One operation, and the request of it that faults are put into.

    Parameters
    ----------
    name
        As the documents show it.
    method
        The public method, whose docstring says what it raises.
    call
        Makes it.
    value
        What it has to give; ``None`` for a creation, where that is the new task.
    part, wanted
        What the request is for, and how it is known.
    after
        The request that comes before it; ``None`` where it is the first.
    before
        A fault that is put into the creation in any case.
    takes_any_json
        Whether every JSON value is an answer.
    longest
        How many of its requests may each use up a deadline.
    """

    name: str
    method: str
    call: Callable[[AlgorithmClient], Any]
    value: Any
    part: Part = Part.READ
    wanted: Wanted = lambda _: True
    after: Wanted | None = None
    before: Act | None = None
    takes_any_json: bool = False
    longest: int = 1


def _asks(method: str, path: str, **query: str) -> Wanted:
    pairs = [f"{name}={value}" for name, value in query.items()]

    def wanted(request: Received) -> bool:
        return (request.method, request.path) == (method, path) and all(
            pair in request.target for pair in pairs
        )

    return wanted


_TASK: Final = task_row(FINISHED, "finished", ORGANIZATIONS)
_RUNS: Final = [run_row(FINISHED * 10 + one, FINISHED, one) for one in ORGANIZATIONS]
_RESULTS: Final = [result_of(one) for one in ORGANIZATIONS]
_NAMED: Final = {"name": "canary-name"}


def _page_two(request: Received) -> bool:
    return "&page=2&" in request.target


def _page_one(request: Received) -> bool:
    return "&page=1&" in request.target


_LISTED: Final = [{"id": one, **_NAMED} for one in ORGANIZATIONS]

_READS: Final = (
    Operation(
        "organization.list",
        "organization.list",
        lambda client: client.organization.list(),
        _LISTED,
        wanted=_asks("GET", "/organization"),
    ),
    Operation(
        "organization.list, page 2",
        "organization.list",
        lambda client: client.organization.list(),
        _LISTED,
        wanted=_page_two,
        after=_page_one,
        longest=2,
    ),
    Operation(
        "organization.get",
        "organization.get",
        lambda client: client.organization.get(1),
        {"id": 1, **_NAMED},
        # Not the own one: the diagnosis of a masked 500 asks for it.
        wanted=_asks("GET", "/organization/1"),
    ),
    Operation(
        "collaboration.get",
        "collaboration.get",
        lambda client: client.collaboration.get(),
        {"id": 1, **_NAMED},
        wanted=_asks("GET", "/collaboration/1"),
    ),
    Operation(
        "study.get",
        "study.get",
        lambda client: client.study.get(5),
        {"id": 5, **_NAMED},
        wanted=_asks("GET", "/study/5"),
    ),
    Operation(
        "study.list",
        "study.list",
        lambda client: client.study.list(),
        [{"id": 5, "name": "canary-study"}],
        wanted=_asks("GET", "/study"),
    ),
    Operation(
        "node.get",
        "node.get",
        lambda client: client.node.get(),
        run_row(72, 7, 2)["node"],
        wanted=_asks("GET", "/run"),
    ),
    Operation(
        "task.get",
        "task.get",
        lambda client: client.task.get(FINISHED),
        _TASK,
        wanted=_asks("GET", f"/task/{FINISHED}"),
    ),
    Operation(
        "run.get",
        "run.get",
        lambda client: client.run.get(_RUNS[0]["id"]),
        _RUNS[0],
        wanted=_asks("GET", f"/run/{_RUNS[0]['id']}"),
    ),
    Operation(
        "run.from_task",
        "run.from_task",
        lambda client: client.run.from_task(FINISHED),
        _RUNS,
        wanted=_asks("GET", "/run"),
    ),
    Operation(
        "result.get, its run",
        "result.get",
        lambda client: client.result.get(_RUNS[1]["id"]),
        _RESULTS[1],
        wanted=_asks("GET", f"/run/{_RUNS[1]['id']}"),
        longest=2,
    ),
    Operation(
        "result.get, its result",
        "result.get",
        lambda client: client.result.get(_RUNS[1]["id"]),
        _RESULTS[1],
        wanted=_asks("GET", "/result"),
        after=_asks("GET", f"/run/{_RUNS[1]['id']}"),
        longest=2,
    ),
    Operation(
        "result.from_task",
        "result.from_task",
        lambda client: client.result.from_task(FINISHED),
        _RESULTS,
        wanted=_asks("GET", "/result"),
    ),
    Operation(
        "outcomes",
        "outcomes",
        lambda client: client.outcomes(FINISHED),
        list(runs_of(_RUNS, FINISHED)),
        wanted=_asks("GET", "/run"),
        after=_asks("GET", f"/task/{FINISHED}"),
        longest=2,
    ),
    *(
        Operation(
            f"vpn.{name}",
            f"vpn.{name}",
            lambda client, name=name: getattr(client.vpn, name)(),  # type: ignore[misc]
            ADDRESSES,
            wanted=_asks("GET", "/vpn/algorithm/addresses"),
        )
        for name in (
            "get_addresses",
            "get_child_addresses",
            "get_own_address",
            "get_parent_address",
            "get_sibling_addresses",
        )
    ),
    Operation(
        "request, get",
        "request",
        lambda client: client.request("task/40", params={"name": "canary-query"}),
        _TASK,
        wanted=_asks("GET", f"/task/{FINISHED}"),
        takes_any_json=True,
    ),
)

_WRITES: Final = tuple(
    Operation(
        f"request, {verb}",
        "request",
        lambda client, verb=verb: client.request(  # type: ignore[misc]
            "port/9",
            json={"value": encoded(INPUT)},
            method=verb,
            params={"name": "canary-query"},
            headers={"X-Canary": "canary-header"},
        ),
        WRITTEN,
        Part.WRITE,
        wanted=lambda request: request.method != "GET",
        takes_any_json=True,
    )
    for verb in ("post", "put", "patch", "delete")
)


def _create(client: AlgorithmClient) -> Any:
    return client.task.create(
        INPUT, list(ORGANIZATIONS), name="canary-name", description="canary-description"
    )


_POST: Final = _asks("POST", "/task")
_BLOB: Final = _asks("GET", "/blobstream/status")
_LOOK: Final = _asks("GET", "/task")

_CREATIONS: Final = (
    Operation("task.create", "task.create", _create, None, Part.CREATION, _POST, _BLOB, longest=2),
    Operation(
        "task.create, the question before it",
        *("task.create", _create, None),
        *(Part.BLOB_QUESTION, _BLOB),
        longest=2,
    ),
    Operation(
        "task.create, the count of twins",
        *("task.create", _create, None),
        *(Part.TWIN_COUNT, _LOOK, _POST),
        longest=2,
    ),
    Operation(
        "task.create, looking for a lost one",
        *("task.create", _create, None),
        *(Part.RECONCILIATION, _LOOK, _POST),
        before=LOST_ANSWER.act,
        longest=2,
    ),
)


def _wait(client: AlgorithmClient) -> Any:
    return client.wait_for_results(FINISHED, timeout=WAIT_SECONDS)


_STATUS: Final = _asks("GET", f"/task/{FINISHED}/status")
_RUN_ROWS: Final = _asks("GET", "/run", page="1&")
_OPEN_RUNS: Final = _asks("GET", "/run", state="open")


def _stream(client: AlgorithmClient) -> Any:
    return list(client.as_completed(FINISHED, timeout=WAIT_SECONDS))


_STREAMED: Final = [
    RunResult(one, FINISHED, FINISHED * 10 + one, "completed", result_of(one))
    for one in ORGANIZATIONS
]

_WAITS: Final = (
    Operation(
        "wait_for_results, a poll",
        *("wait_for_results", _wait, _RESULTS),
        *(Part.POLL, _STATUS),
        longest=2,
    ),
    Operation(
        "wait_for_results, the runs",
        *("wait_for_results", _wait, _RESULTS),
        *(Part.WAIT_READ, _RUN_ROWS, _STATUS),
        longest=2,
    ),
    Operation(
        "wait_for_results, the results",
        *("wait_for_results", _wait, _RESULTS),
        *(Part.WAIT_READ, _asks("GET", "/result"), _RUN_ROWS),
        longest=2,
    ),
    Operation(
        "as_completed, a poll",
        *("as_completed", _stream, _STREAMED),
        *(Part.COUNT, _OPEN_RUNS),
        longest=2,
    ),
    Operation(
        "as_completed, the runs",
        *("as_completed", _stream, _STREAMED),
        *(Part.WAIT_READ, _RUN_ROWS, _OPEN_RUNS),
        longest=2,
    ),
    Operation(
        "as_completed, a result",
        *("as_completed", _stream, _STREAMED),
        *(Part.WAIT_READ, _asks("GET", "/result"), _RUN_ROWS),
        longest=2,
    ),
)

OPERATIONS: Final[tuple[Operation, ...]] = (*_READS, *_WRITES, *_CREATIONS, *_WAITS)
