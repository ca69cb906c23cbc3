"""Every name that v6client emits, once: spans, attributes, metrics and log events.

Nothing else may leave the process: telemetry leaves the hospital. A value is an integer, an
enumeration, a duration, a size, a status code, an error class or an URL template; never a
token, an input, a result, a body, a server's message, an exception's message, a query's value,
a database label or a name.

The names of HTTP are those of the OpenTelemetry semantic conventions for HTTP client spans and
metrics (stable), https://opentelemetry.io/docs/specs/semconv/http/. ``url.full``, which they
require, is left out on purpose: it holds query values.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass
from typing import Final

INSTRUMENTATION: Final = "v6client"


@dataclass(frozen=True, slots=True)
class Attribute:
    """An attribute of spans, metrics and log events."""

    key: str
    type: str
    description: str


@dataclass(frozen=True, slots=True)
class Instrument:
    """A metric."""

    name: str
    kind: str
    unit: str
    description: str
    buckets: tuple[float, ...] = ()


@dataclass(frozen=True, slots=True)
class LogEvent:
    """A log line's event, its level, and the fields that it may have."""

    name: str
    level: int
    fields: frozenset[str]
    description: str


ATTRIBUTES: Final[dict[str, Attribute]] = {}
METRICS: Final[dict[str, Instrument]] = {}
EVENTS: Final[dict[str, LogEvent]] = {}


def _attribute(key: str, kind: str, description: str) -> str:
    ATTRIBUTES[key] = Attribute(key, kind, description)
    return key


def _event(name: str, level: int, fields: str, description: str) -> LogEvent:
    event = LogEvent(name, level, frozenset(fields.split()), description)
    EVENTS[name] = event
    return event


HTTP_METHOD: Final = _attribute("http.request.method", "string", "The HTTP method.")
HTTP_RESEND_COUNT: Final = _attribute(
    "http.request.resend_count",
    "int",
    "Which resend of the request this attempt is; not on the first.",
)
HTTP_STATUS: Final = _attribute(
    "http.response.status_code", "int", "The HTTP status of the answer."
)
HTTP_RESPONSE_SIZE: Final = _attribute(
    "http.response.body.size", "int", "The length of the answer's body in bytes."
)
HTTP_REQUEST_SIZE: Final = _attribute(
    "http.request.body.size", "int", "The length of the request's body in bytes."
)
URL_TEMPLATE: Final = _attribute(
    "url.template", "string", "The endpoint with {id} for each id, such as /task/{id}/status."
)
SERVER_ADDRESS: Final = _attribute("server.address", "string", "The host of the node's proxy.")
SERVER_PORT: Final = _attribute("server.port", "int", "The port of the node's proxy.")
ERROR_TYPE: Final = _attribute(
    "error.type", "string", "The HTTP status, a word for what the wire did, or an error's class."
)
TASK_ID: Final = _attribute("v6client.task.id", "int", "The task that is asked about.")
ORGANIZATION_COUNT: Final = _attribute(
    "v6client.organization.count", "int", "How many organizations a task goes to."
)
TWIN_COUNT: Final = _attribute(
    "v6client.task.twins", "int", "How many other tasks with the same key the server has."
)
ATTEMPT_COUNT: Final = _attribute(
    "v6client.attempts", "int", "How many attempts an operation took."
)

# The operations: names of INTERNAL spans. An attempt's CLIENT span is "{method} {url.template}".
OPERATIONS: Final = frozenset(
    {
        "collaboration.get",
        "encryption.setup",
        "node.get",
        "organization.get",
        "organization.list",
        "request",
        "result.from_task",
        "run.from_task",
        "run.get",
        "study.get",
        "study.list",
        "task.create",
        "task.get",
        "task.status",
        "vpn.get_addresses",
        "wait_for_results",
        "blob.download",
        "blob.upload",
        "blobstore.status",
    }
)

REQUEST_DURATION: Final = Instrument(
    "http.client.request.duration",
    "histogram",
    "s",
    "Duration of one attempt of a request.",
    # The buckets that the semantic conventions advise.
    (0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1, 2.5, 5, 7.5, 10),
)
METRICS[REQUEST_DURATION.name] = REQUEST_DURATION

_REQUEST = "method template status error_type attempt"

ATTEMPT: Final = _event(
    "request.attempt", logging.DEBUG, f"{_REQUEST} duration_s", "One attempt of a request."
)
RETRY: Final = _event(
    "request.retry", logging.WARNING, f"{_REQUEST} delay_s", "An attempt failed; another follows."
)
GIVEN_UP: Final = _event(
    "request.failed", logging.ERROR, f"{_REQUEST} elapsed_s", "The last attempt failed."
)
BLOB_STORE_UNKNOWN: Final = _event(
    "blobstore.unknown",
    logging.WARNING,
    "error_type",
    "Whether the server keeps payloads in a blob store could not be asked; it is taken for no.",
)
TASK_CREATED: Final = _event(
    "task.created", logging.INFO, "task_id organization_ids", "A subtask was created."
)
TASK_FOUND: Final = _event(
    "task.found",
    logging.WARNING,
    "task_id twins",
    "The answer to a creation was lost; the task was found by its key and adopted.",
)
TASK_TWINS: Final = _event(
    "task.twins",
    logging.WARNING,
    "task_id twin_ids",
    "The server has further tasks with the same key. A researcher can kill them.",
)
TWINS_UNKNOWN: Final = _event(
    "task.twins_unknown", logging.WARNING, "task_id error_type", "Twins could not be looked for."
)
DESCRIPTION_CUT: Final = _event(
    "task.description_cut", logging.WARNING, "characters", "A description was cut to fit."
)
TASK_STATUS: Final = _event(
    "task.status", logging.INFO, "task_id status elapsed_s", "A subtask that is waited for changed."
)
POLL_FAILED: Final = _event(
    "task.poll_failed",
    logging.WARNING,
    "task_id error_type elapsed_s",
    "A status poll gave no news.",
)
TASK_FINISHED: Final = _event(
    "task.finished", logging.INFO, "task_id status elapsed_s polls", "A wait has ended."
)
RUN_STARTED: Final = _event(
    "run.started", logging.INFO, "task_id organization_id node_id version", "The algorithm begins."
)
RUN_FINISHED: Final = _event(
    "run.finished",
    logging.INFO,
    "task_id organization_id duration_s requests retries polls result_bytes",
    "The algorithm has ended and its output is written.",
)
RUN_FAILED: Final = _event(
    "run.failed",
    logging.ERROR,
    "task_id organization_id duration_s requests retries polls error_type",
    "The algorithm has ended with an error.",
)
