"""Which trace a container's spans belong to: read once, from its own task's description.

Asked only where something is exported, once, in two seconds at most: what is not known by then is
no reason to delay an algorithm. Where the task carries no trace context, because the container that
created it exports nothing, its parents are asked, up to the job's first task.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any, Final

from opentelemetry.context import Context
from opentelemetry.trace import SpanContext

from v6client.container.environment import ContainerEnvironment
from v6client.http import shapes
from v6client.http.address import Address
from v6client.http.outcome import Kind
from v6client.http.request import build
from v6client.http.transport import Transport
from v6client.identity import Identity
from v6client.tasks.carrier import Carried, carried
from v6client.telemetry import bootstrap, logs, schema
from v6client.telemetry.propagation import (
    job_trace_id,
    remote_context,
    some_span_of,
    span_context_of,
)
from v6client.telemetry.run_spans import run_span_id

_PATIENCE: Final = 2.0
# A job's tree is seldom deeper than three; this ends a circle that no server should have.
_DEEPEST: Final = 16
_LONGEST: Final = 2**20

_NOT_READ: Final = "the job's trace could not be read"

ReadTask = Callable[[int], "dict[str, Any] | None"]
"""Reads a task; ``None`` where it cannot be had in time."""


def join_trace(environment: ContainerEnvironment, identity: Identity | None) -> Context | None:
    """Give the context of this container's run, and let what has none begin in the job's trace.

    Parameters
    ----------
    environment
        The container's variables: where the node's proxy is.
    identity
        Who it is; ``None`` where its token cannot be read.

    Returns
    -------
    Context or None
        In which the span of this run is the current one; ``None`` for a job's first task, for a
        task without a key, and where it cannot be told.
    """
    if identity is None or not bootstrap.is_exporting():
        return None
    try:
        return _join(environment, identity)
    except Exception:  # noqa: BLE001 - telemetry fails no algorithm: its trace is apart, then
        return None


def _join(environment: ContainerEnvironment, identity: Identity) -> Context | None:
    address = Address.of(environment["HOST"], environment["PORT"], environment["API_PATH"])
    token = environment.read("TOKEN_FILE").strip()
    transport = Transport(address.url, connect_timeout=_PATIENCE, max_response_bytes=_LONGEST)
    ends = time.monotonic() + _PATIENCE

    def read(task_id: int) -> dict[str, Any] | None:
        left = ends - time.monotonic()
        if left <= 0:
            return None
        headers = {"Authorization": f"Bearer {token}"}
        request = build(f"task/{task_id}", "get", None, None, headers, shapes.resource)
        outcome = transport.send(request, read_timeout=left, within=left)
        return outcome.body if outcome.kind is Kind.SUCCESS else None

    try:
        context, trace_id = context_of_run(
            read, identity.task_id, identity.organization_id, samples=bootstrap.samples
        )
    finally:
        transport.close()
    if trace_id is None:
        logs.emit(schema.TELEMETRY_UNAVAILABLE, reason=_NOT_READ)
    if context is None and trace_id is not None and bootstrap.owns_provider():
        # The SDK is there already, or the provider would not be.
        from v6client.telemetry.ids import run_span_ids  # noqa: PLC0415

        run_span_ids.force_trace_id(trace_id)
    return context


def context_of_run(
    read: ReadTask,
    task_id: int,
    organization_id: int,
    *,
    samples: Callable[[int], bool] = lambda _trace_id: True,
) -> tuple[Context | None, int | None]:
    """Find out under which span a run's own spans belong.

    Parameters
    ----------
    read
        Reads a task.
    task_id, organization_id
        Whose run it is.
    samples
        Tells whether a trace is recorded of which nobody above has decided it.

    Returns
    -------
    tuple
        The context in which that span is the current one, or ``None``; and the id of the job's
        trace, or ``None`` where it cannot be told.
    """
    task = read(task_id)
    if task is None:
        return None, None
    found = _carried_by(task)
    creator = span_context_of(found.traceparent) if found else None
    if found is not None and creator is not None and found.is_under_producer:
        return _under(creator, creator.span_id), creator.trace_id
    above = creator or _above(read, task, samples)
    if above is None:
        return None, None
    if found is None:
        return None, above.trace_id
    return _under(above, run_span_id(found.key, task_id, organization_id)), above.trace_id


def _carried_by(task: dict[str, Any]) -> Carried | None:
    """Read what a container has put into its subtask's description.

    Not of a job's first task, which no container has created: what its description ends with is the
    researcher's own text.
    """
    return carried(task.get("description")) if isinstance(task.get("parent"), dict) else None


def _under(above: SpanContext, span_id: int) -> Context:
    return remote_context(above.trace_id, span_id, is_sampled=above.trace_flags.sampled)


def _above(
    read: ReadTask, task: dict[str, Any], samples: Callable[[int], bool]
) -> SpanContext | None:
    """Find the nearest context among a task's parents, or derive it from the job's first task.

    Its span is of no meaning; its trace, and whether that is recorded, are.
    """
    for _ in range(_DEEPEST):
        parent = task.get("parent")
        if not isinstance(parent, dict) or not isinstance(parent.get("id"), int):
            trace_id = _derived(task)
            return None if trace_id is None else some_span_of(trace_id, samples(trace_id))
        above = read(parent["id"])
        if above is None:
            return None
        task = above
        found = _carried_by(task)
        creator = span_context_of(found.traceparent) if found else None
        if creator is not None:
            return creator
    return None


def _derived(root: dict[str, Any]) -> int | None:
    collaboration = root.get("collaboration")
    collaboration_id = collaboration.get("id") if isinstance(collaboration, dict) else None
    job_id, created_at, image = root.get("job_id"), root.get("created_at"), root.get("image")
    if (
        not isinstance(job_id, int)
        or not isinstance(collaboration_id, int)
        or not isinstance(created_at, str)
        or not isinstance(image, str)
    ):
        return None
    return job_trace_id(job_id, collaboration_id, created_at, image)
