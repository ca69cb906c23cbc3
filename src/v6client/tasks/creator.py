"""The creator of subtasks: checks, carrier, one creation, and what is known of each afterwards."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Final

from opentelemetry.trace import Span

from v6client.errors import DeadlineExceeded, RequestError, TaskPartiallyCreated
from v6client.payload.blobs import BlobStore
from v6client.payload.codec import encode_input, input_document
from v6client.settings import Settings
from v6client.tasks import carrier, creation
from v6client.tasks.adoption import TO_GO_ON, Adopted, Creation, Task, TaskWire
from v6client.tasks.history import Kind, kind_of
from v6client.tasks.subtask_requests import SubtaskRequests
from v6client.tasks.task_trace import TaskTrace
from v6client.telemetry import bootstrap, logs, metrics, propagation, schema, spans

# Results that are there do not wait longer for the answer whether there are twins.
_TWINS_SECONDS: Final = 5.0


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
    created_at
        When, as the server says.
    trace
        What the spans of its runs need.
    kind
        What tasks it is compared with; ``None`` where it was found, so that its age is not known.
    """

    organizations: tuple[int, ...]
    at: float
    key: str | None
    twins: tuple[int, ...]
    created_at: str | None
    trace: TaskTrace
    kind: Kind | None


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

    wire: SubtaskRequests
    origin: creation.Origin
    blobs: BlobStore
    settings: Settings
    default_description: str
    _created: dict[int, Created] = field(default_factory=dict, init=False)
    _groups: dict[int, tuple[int, ...]] = field(default_factory=dict, init=False)

    def create(  # noqa: PLR0913 - those of Task.create
        self,
        input_: object,
        organizations: object,
        name: object,
        description: object,
        key: object,
        *,
        isolated: bool,
    ) -> Task:
        """Create a subtask: what ``AlgorithmClient.Task.create`` calls, and documents."""
        ids = creation.checked_organizations(organizations)
        resumed = None if key is None else carrier.checked_key(key)
        asked = creation.Asked(
            name=creation.checked_name(name),
            description=creation.checked_description(description or self.default_description),
            input_=input_document(input_),
            kind=kind_of(str(name), input_),
            is_blob=True,
        )
        # Everything is checked before the first question; and from here on one form is held.
        if not self.blobs.is_enabled():
            text = encode_input(input_, asked.input_)
            asked = replace(asked, input_=text, is_blob=False)
        if isolated:
            return self._create_each(asked, ids, resumed)
        return self._create_one(
            asked, ids, resumed or carrier.new_key(), resume=resumed is not None
        )

    def _create_each(
        self, asked: creation.Asked, ids: tuple[int, ...], resumed: str | None
    ) -> Task:
        """Create a task for each organization, so that none is failed together with another.

        Their keys are derived from one key, by which all of them can be resumed.
        """
        key = resumed or carrier.new_key()
        tasks: list[Task] = []
        for organization in ids:
            member = carrier.member_key(key, organization)
            try:
                # Marked, whatever the setting: without their keys nobody could find them again.
                task = self._create_one(
                    asked, (organization,), member, resume=resumed is not None, is_marked=True
                )
            except (RequestError, TaskPartiallyCreated) as error:
                failure = error
            else:
                tasks.append(task)
                continue
            raise _of_group(failure, key, [one["id"] for one in tasks], len(ids))
        group = tuple(task["id"] for task in tasks)
        self._groups[group[0]] = group
        return {**tasks[0], "isolated": list(group)}

    def _create_one(
        self,
        asked: creation.Asked,
        ids: tuple[int, ...],
        key: str,
        *,
        resume: bool,
        is_marked: bool = False,
    ) -> Task:
        body = creation.task_body(self.origin, asked, ids)
        is_marked = is_marked or resume or self.settings.create_once
        if not is_marked and carrier.carried(asked.description) is not None:
            # A text that looks like what a marked task carries: its containers would believe it.
            body["description"] = f"{asked.description[: carrier.LONGEST_DESCRIPTION - 1]}."

        def upload() -> None:
            if asked.is_blob:
                blobs = self.blobs.upload_for(asked.input_, ids)
                for one, blob in zip(body["organizations"], blobs, strict=True):
                    one["input"] = blob

        with spans.operation("task.create", {schema.ORGANIZATION_COUNT: len(ids)}) as span:
            if is_marked:
                adopted = self._create_once(body, ids, key, upload, resume=resume)
            else:
                upload()
                answered = self.wire.post(body, self.settings.create_deadline)
                adopted = Adopted(answered, (), was_found=False)
            task_id = adopted.task["id"]
            span.set_attribute(schema.TASK_ID, task_id)
            span.set_attribute(schema.TWIN_COUNT, len(adopted.twins))
            how = "found" if adopted.was_found else "created"
            span.set_attribute(schema.CREATION, how)
            trace = _trace_of(adopted.task, key if is_marked else None, span)
            logs.emit(schema.TASK_CREATED, task_id=task_id, organization_ids=list(ids))
        self._created[task_id] = Created(
            ids,
            time.monotonic(),
            key if is_marked else None,
            adopted.twins,
            adopted.task.get("created_at"),
            trace,
            # When a task was created that was found, nobody here knows.
            None if adopted.was_found else asked.kind,
        )
        metrics.record_creation(how, len(adopted.twins))
        for _ in ids:
            metrics.record_payload("sent", len(asked.input_))
        return adopted.task

    def known(self, task_id: int) -> Created | None:
        """Give what is known of a task, where this client created it."""
        return self._created.get(task_id)

    def group_of(self, task_id: int) -> tuple[int, ...]:
        """Give the tasks that were created as one with this as the first; else this alone."""
        return self._groups.get(task_id, (task_id,))

    def look_for_late_twins(self, task_ids: Sequence[int]) -> None:
        """Look once more, after the first wait, for twins that were made after the adoption.

        They have higher ids and stay unadopted. A failure is logged, never raised.

        Parameters
        ----------
        task_ids
            Tasks, or the first of each group; all their twins are looked for together.
        """
        ids = [one for first in task_ids for one in self.group_of(first)]
        created = {one: self._created[one] for one in ids if one in self._created}
        keys = {known.key for known in created.values() if known.key is not None}
        if not keys:
            return
        for one, known in created.items():
            self._created[one] = replace(known, key=None)
        try:
            found = self.wire.find(
                carrier.pattern_of_all(keys),
                min(_TWINS_SECONDS, self.settings.request_deadline),
                operation="task.twins",
            )
        except RequestError as error:
            logs.emit(schema.TWINS_UNKNOWN, task_id=ids[0], error_type=type(error).__name__)
            return
        expected = {*ids, *(twin for known in created.values() for twin in known.twins)}
        carriers = {one["id"]: carrier.carried(one.get("description")) for one in found}
        late = [
            id_
            for id_, carried in carriers.items()
            if carried is not None and carried.key in keys and id_ not in expected
        ]
        metrics.record_twins(len(late))
        if late:
            logs.emit(schema.TASK_TWINS, task_id=ids[0], twin_ids=late)

    def _create_once(
        self,
        body: dict[str, Any],
        ids: tuple[int, ...],
        key: str,
        upload: Callable[[], None],
        *,
        resume: bool,
    ) -> Adopted:
        body["description"], cut = carrier.carrying(
            body["description"],
            key,
            # What a forked child makes is exported by nobody.
            "" if bootstrap.is_forked() else propagation.traceparent(),
            is_under_producer=not bootstrap.owns_provider(),
        )
        if cut:
            logs.emit(schema.DESCRIPTION_CUT, characters=cut)
        ends = time.monotonic() + self.settings.create_deadline

        def prepare() -> None:
            nonlocal ends
            began = time.monotonic()
            upload()
            # Each upload has a deadline of its own.
            ends += time.monotonic() - began

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
            prepare=prepare,
            post=lambda: self.wire.post(body, within()),
            find=lambda wanted: self.wire.find(carrier.pattern_of(wanted), within()),
            run_organizations=lambda task_id: self.wire.run_organizations(task_id, within()),
        )
        return Creation(wire, key, ids, self.settings.create_posts, left).run(resume=resume)


def _trace_of(task: Task, key: str | None, span: Span) -> TaskTrace:
    """Say which span the task's containers take for its creator's: that of its description.

    A task that was found may have been created in another operation, with a span of its own.
    """
    found = carrier.carried(task.get("description"))
    is_ours = found is not None and found.key == key
    parent = propagation.span_context_of(found.traceparent) if found and is_ours else None
    return TaskTrace(parent or span.get_span_context(), key)


def _of_group(
    error: RequestError | TaskPartiallyCreated, key: str, created: list[int], wanted: int
) -> Exception:
    """Make an error of one creation one of the group's: what there is is not lost."""
    error.key = key
    there = f" (tasks {', '.join(map(str, created))})" if created else ""
    what_happened = str(error).partition(TO_GO_ON)[0].rstrip()
    text = (
        f"{what_happened} {len(created)} of the {wanted} isolated tasks exist{there}. {TO_GO_ON}, "
        f"isolated=True and key={key!r}: it finds those that there are, and creates the others."
    )
    error.args = (text,)
    return error
