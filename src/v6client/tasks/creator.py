"""The creator of subtasks: checks, carrier, one creation, and what is known of each afterwards."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Final

from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

from v6client.errors import DeadlineExceeded, RequestError
from v6client.http.body import Ascii
from v6client.payload import base64_text
from v6client.payload.blobs import BlobStore
from v6client.payload.codec import encode_input
from v6client.settings import Settings
from v6client.tasks import carrier, creation
from v6client.tasks.adoption import Adopted, Creation, Task, TaskWire
from v6client.telemetry import logs, schema, spans

_propagator: Final = TraceContextTextMapPropagator()


@dataclass(frozen=True, slots=True)
class CreatorWire:
    """What the creator asks of the server; each call gets the seconds that it may take.

    Parameters
    ----------
    post
        Posts a task's body once, and gives the task.
    find
        Gives this container's subtasks whose description is LIKE a pattern, ascending.
    run_organizations
        Gives the organizations that a task has runs of.
    """

    post: Callable[[Mapping[str, Any], float], Task]
    find: Callable[[str, float], list[Task]]
    run_organizations: Callable[[int, float], list[int]]


@dataclass(frozen=True, slots=True)
class Created:
    """What is known of a task that this client created.

    Parameters
    ----------
    organizations
        In the order in which they were asked for, which is that of the results.
    at
        When, in monotonic seconds.
    key
        Its key; ``None`` where tasks are not marked, or nothing is left to look for.
    twins
        The ids of its twins, as far as known.
    """

    organizations: tuple[int, ...]
    at: float
    key: str | None
    twins: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Creator:
    """Creates this container's subtasks.

    Parameters
    ----------
    wire
        Asks the server.
    origin
        What the token says that subtasks have to be.
    blobs
        The server's blob store.
    settings
        Whether tasks are marked, and how long a creation may take.
    default_description
        For a task without one.
    """

    wire: CreatorWire
    origin: creation.Origin
    blobs: BlobStore
    settings: Settings
    default_description: str
    _created: dict[int, Created] = field(default_factory=dict, init=False)

    def create(
        self,
        input_: object,
        organizations: object,
        name: object,
        description: object,
        key: object,
    ) -> Task:
        """Create a subtask: what ``AlgorithmClient.Task.create`` calls, and documents."""
        ids = creation.checked_organizations(organizations)
        resumed = None if key is None else carrier.checked_key(key)
        body = creation.task_body(
            self.origin,
            name=creation.checked_name(name),
            description=creation.checked_description(description or self.default_description),
            organizations=ids,
            input_=Ascii(encode_input(input_)),
        )
        is_blob = self.blobs.is_enabled()
        with spans.operation("task.create", {schema.ORGANIZATION_COUNT: len(ids)}) as span:
            if is_blob:
                self._move_to_blobs(body["organizations"])
            if resumed is None and not self.settings.create_once:
                mark = None
                adopted = Adopted(
                    self.wire.post(body, self.settings.create_deadline), (), was_found=False
                )
            else:
                mark = resumed or carrier.new_key()
                adopted = self._create_once(body, ids, mark, resume=resumed is not None)
            task_id = adopted.task["id"]
            span.set_attribute(schema.TASK_ID, task_id)
            span.set_attribute(schema.TWIN_COUNT, len(adopted.twins))
        self._created[task_id] = Created(ids, time.monotonic(), mark, adopted.twins)
        logs.emit(schema.TASK_CREATED, task_id=task_id, organization_ids=list(ids))
        return adopted.task

    def known(self, task_id: int) -> Created | None:
        """Give what is known of a task, where this client created it."""
        return self._created.get(task_id)

    def look_for_late_twins(self, task_id: int) -> None:
        """Look once more, after the first wait, for twins that were made after the adoption.

        They have higher ids and stay unadopted. A failure is logged, never raised.
        """
        known = self._created.get(task_id)
        if known is None or known.key is None:
            return
        self._created[task_id] = replace(known, key=None)
        try:
            found = self.wire.find(carrier.pattern_of(known.key), self.settings.request_deadline)
        except RequestError as error:
            logs.emit(schema.TWINS_UNKNOWN, task_id=task_id, error_type=type(error).__name__)
            return
        late = [one["id"] for one in found if one["id"] != task_id and one["id"] not in known.twins]
        if late:
            logs.emit(schema.TASK_TWINS, task_id=task_id, twin_ids=late)

    def _move_to_blobs(self, organizations: list[dict[str, Any]]) -> None:
        """Upload the input, and put the id of each organization's blob in its place."""
        data = base64_text.decode(organizations[0]["input"].content)
        for one in organizations:
            # Not to be held a second time while it is uploaded.
            del one["input"]
        blobs = self.blobs.upload_for(data, [one["id"] for one in organizations])
        for one, blob in zip(organizations, blobs, strict=True):
            one["input"] = blob

    def _create_once(
        self, body: dict[str, Any], ids: tuple[int, ...], key: str, *, resume: bool
    ) -> Adopted:
        context: dict[str, str] = {}
        _propagator.inject(context)
        body["description"], cut = carrier.carrying(
            body["description"], key, context.get("traceparent", "")
        )
        if cut:
            logs.emit(schema.DESCRIPTION_CUT, characters=cut)
        ends = time.monotonic() + self.settings.create_deadline

        def left() -> float:
            return ends - time.monotonic()

        def within() -> float:
            seconds = left()
            if seconds <= 0:
                raise DeadlineExceeded(
                    "POST /task: the time for the creation is over.",
                    method="POST",
                    template="/task",
                )
            return seconds

        wire = TaskWire(
            post=lambda: self.wire.post(body, within()),
            find=lambda wanted: self.wire.find(carrier.pattern_of(wanted), within()),
            run_organizations=lambda task_id: self.wire.run_organizations(task_id, within()),
        )
        return Creation(wire, key, ids, self.settings.create_posts, left).run(resume=resume)
