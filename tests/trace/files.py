"""Trace files as containers write them, and as they come to be broken."""

from __future__ import annotations

import itertools
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

TRACE = "5b8efff798038103d269b633813fc60c"
SECOND = 1_000_000_000
BEGIN = 1_700_000_000 * SECOND

Object = dict[str, Any]


def at(seconds: float) -> int:
    """Give a time of the job, in nanoseconds since 1970."""
    return BEGIN + round(seconds * SECOND)


def attributes(values: Mapping[str, Any]) -> list[Object]:
    kinds = {bool: "boolValue", int: "intValue", float: "doubleValue", str: "stringValue"}
    return [
        {"key": key, "value": {kinds[type(value)]: str(value) if type(value) is int else value}}
        for key, value in values.items()
    ]


@dataclass
class Trace:
    """The spans of one job, written as the containers of it would."""

    trace_id: str = TRACE
    spans: list[tuple[tuple[int, int] | None, Object]] = field(default_factory=list)
    _ids: Any = field(default_factory=lambda: itertools.count(1))

    def add(  # noqa: PLR0913 - the facts of a span
        self,
        name: str,
        start: float,
        end: float,
        values: Mapping[str, Any],
        *,
        who: tuple[int, int] | None = (1, 1),
        parent: str = "",
        is_error: bool = False,
        events: Iterable[tuple[str, float]] = (),
    ) -> str:
        """Add a span of the container of a task and an organization; give its id."""
        span_id = f"{next(self._ids):016x}"
        span: Object = {
            "traceId": self.trace_id,
            "spanId": span_id,
            "name": name,
            "kind": 1,
            "startTimeUnixNano": str(at(start)),
            "endTimeUnixNano": str(at(end)),
            "attributes": attributes(values),
            "events": [{"name": one, "timeUnixNano": str(at(when))} for one, when in events],
            "status": {"code": 2} if is_error else {},
        }
        if parent:
            span["parentSpanId"] = parent
        self.spans.append((who, span))
        return span_id

    def algorithm(  # noqa: PLR0913 - the facts of a span
        self,
        task: int,
        organization: int,
        start: float,
        end: float,
        parent: str = "",
        error: str = "",
    ) -> str:
        values: Object = {"v6client.task.id": task, "v6client.organization.id": organization}
        if error:
            values["error.type"] = error
        who = (task, organization)
        return self.add(
            "algorithm", start, end, values, who=who, parent=parent, is_error=bool(error)
        )

    def create(
        self, task: int, start: float, organizations: int, *, who: tuple[int, int], parent: str
    ) -> str:
        values = {"v6client.task.id": task, "v6client.organization.count": organizations}
        return self.add("task.create", start, start + 0.01, values, who=who, parent=parent)

    def run(  # noqa: PLR0913 - the facts of a span
        self,
        task: int,
        organization: int,
        times: tuple[float, float | None, float],
        *,
        status: str = "completed",
        who: tuple[int, int] | None = (1, 1),
        parent: str = "",
        is_skewed: bool = False,
    ) -> str:
        created, started, ended = times
        values = {
            "v6client.task.id": task,
            "v6client.run.id": 100 * task + organization,
            "v6client.organization.id": organization,
            "v6client.run.status": status,
            "v6client.run.clock_skew": is_skewed,
        }
        events = [] if started is None else [("run.started", started)]
        failed = status != "completed"
        return self.add(
            "run", created, ended, values, who=who, parent=parent, is_error=failed, events=events
        )

    def wait(
        self, task: int, start: float, end: float, polls: int, *, who: tuple[int, int] = (1, 1)
    ) -> None:
        values = {"v6client.task.id": task, "v6client.wait.polls": polls}
        self.add("task.wait", start, end, values, who=who)

    def attempt(self, start: float, *, resend: int = 0, error: str = "", parent: str = "") -> None:
        values: Object = {"http.request.method": "GET", "url.template": "/run"}
        if resend:
            values["http.request.resend_count"] = resend
        if error:
            values["error.type"] = error
        self.add("GET /run", start, start + 0.1, values, is_error=bool(error), parent=parent)

    def messages(self) -> list[Object]:
        """Give a message a container."""
        found: dict[tuple[int, int] | None, list[Object]] = {}
        for who, span in self.spans:
            found.setdefault(who, []).append(span)
        return [message(spans, who) for who, spans in found.items()]

    def write(self, path: Path) -> Path:
        path.write_text("".join(f"{json.dumps(one)}\n" for one in self.messages()), "utf-8")
        return path


def message(spans: list[Object], who: tuple[int, int] | None = None) -> Object:
    """Give an ``ExportTraceServiceRequest``."""
    values: Object = {"service.name": "v6client"}
    if who is not None:
        values |= {"v6client.task.id": who[0], "v6client.organization.id": who[1]}
    scope = {"scope": {"name": "v6client", "version": "0"}, "spans": spans}
    resource = {"attributes": attributes(values)}
    return {"resourceSpans": [{"resource": resource, "scopeSpans": [scope]}]}


def two_rounds(slow: int = 3) -> Trace:
    """A job of two rounds at organizations 2 and 3, of which one is slow."""
    trace = Trace()
    root = trace.algorithm(1, 1, 0, 10)
    for number, begin in ((2, 1.0), (3, 5.0)):
        created = trace.create(number, begin, 2, who=(1, 1), parent=root)
        for organization in (2, 3):
            end = begin + (3 if organization == slow else 2)
            run = trace.run(number, organization, (begin, begin + 1, end), parent=created)
            trace.algorithm(number, organization, begin + 1.1, end - 0.1, run)
        trace.wait(number, begin + 0.1, begin + 3.5, 7)
    return trace
