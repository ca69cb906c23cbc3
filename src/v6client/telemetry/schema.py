"""Every name that v6client emits, once: spans, attributes, metrics, log events, resources.

Nothing else may leave the process: telemetry leaves the hospital. A value is an integer, an
enumeration, a duration, a size, a status code, an error class or an URL template; never a
token, an input, a result, a body, a server's message, an exception's message, a query's value,
a database label or a name.

The names of HTTP are those of the OpenTelemetry semantic conventions for HTTP client spans and
metrics (stable), https://opentelemetry.io/docs/specs/semconv/http/. ``url.full``, which they
require, is left out on purpose: it holds query values.

``docs/telemetry.md`` is written from this file: ``python -m tests.telemetry.document``.
"""

from __future__ import annotations

import logging
import re
from typing import Final

from opentelemetry.trace import SpanKind

from v6client.telemetry.entries import OTEL, Attribute, Instrument, LogEvent, Span, SpanEvent

INSTRUMENTATION: Final = "v6client"

ATTRIBUTES: Final[dict[str, Attribute]] = {}
SPANS: Final[dict[str, Span]] = {}
SPAN_EVENTS: Final[dict[str, SpanEvent]] = {}
METRICS: Final[dict[str, Instrument]] = {}
FIELDS: Final[dict[str, Attribute]] = {}
EVENTS: Final[dict[str, LogEvent]] = {}


# ---------------------------------------------------------------------------------- enumerations

METHODS: Final = frozenset({"GET", "POST", "PUT", "PATCH", "DELETE"})

# The states of a run, and of a task, as vantage6 4.15.2 has them; anything else is "other".
RUN_STATES: Final = frozenset(
    {
        "pending",
        "initializing",
        "active",
        "completed",
        "failed",
        "start failed",
        "non-existing Docker image",
        "crashed",
        "killed by user",
        "not allowed",
        "unknown error",
        "no run",
        "other",
    }
)
RETRY_REASONS: Final = frozenset(
    {"never_sent", "no_answer", "overloaded", "masked", "failed", "invalid", "outage"}
)
# "stopped": whoever read a stream of results did not read it to its end.
WAIT_OUTCOMES: Final = frozenset({"completed", "failed", "partial", "timeout", "stopped", "error"})
CREATIONS: Final = frozenset({"created", "found"})
DIRECTIONS: Final = frozenset({"sent", "received"})
# Why telemetry that was asked for is not exported.
UNAVAILABLE: Final = frozenset(
    {
        "install v6client[otlp] in the image",
        "set OTEL_EXPORTER_OTLP_PROTOCOL to http/protobuf",
        "a variable has a value that is not allowed",
        "the trace file cannot be made",
        "the SDK cannot be set up",
        "the job's trace could not be read",
    }
)

_CLASS = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,99}|[1-5][0-9]{2}")
_HOST = re.compile(r"[A-Za-z0-9.:_\[\]-]{1,253}")
_TEMPLATE = re.compile(r"(/[a-z]{1,20}|/\{[a-z]{2,7}\}){1,20}")
_VERSION = re.compile(r"[0-9A-Za-z.+_-]{1,40}")
_WORD = re.compile(r"[A-Za-z0-9][A-Za-z0-9 ._/-]{0,99}")
_TRACE_ID = re.compile(r"[0-9a-f]{32}")
_SPAN_ID = re.compile(r"[0-9a-f]{16}")


def known_status(status: object) -> str:
    """Give a run's or a task's status as telemetry may carry it: an unknown one is ``other``."""
    return status if isinstance(status, str) and status in RUN_STATES else "other"


# ------------------------------------------------------------------------------------ attributes


def _attribute(  # noqa: PLR0913 - the columns of a table
    key: str,
    kind: str,
    description: str,
    *,
    unit: str = "",
    values: frozenset[str] = frozenset(),
    pattern: re.Pattern[str] | None = None,
) -> str:
    ATTRIBUTES[key] = Attribute(key, kind, description, unit, values=values, pattern=pattern)
    return key


def _otel(  # noqa: PLR0913 - the columns of a table
    key: str,
    kind: str,
    description: str,
    *,
    unit: str = "",
    values: frozenset[str] = frozenset(),
    pattern: re.Pattern[str] | None = None,
    stability: str = "stable",
) -> str:
    ATTRIBUTES[key] = Attribute(key, kind, description, unit, OTEL, stability, values, pattern)
    return key


HTTP_METHOD: Final = _otel("http.request.method", "string", "The HTTP method.", values=METHODS)
HTTP_RESEND_COUNT: Final = _otel(
    "http.request.resend_count",
    "int",
    "Which resend of the request this attempt is; not on the first.",
)
HTTP_STATUS: Final = _otel("http.response.status_code", "int", "The HTTP status of the answer.")
HTTP_RESPONSE_SIZE: Final = _otel(
    "http.response.body.size",
    "int",
    "The length of the answer's body.",
    unit="By",
    stability="development",
)
HTTP_REQUEST_SIZE: Final = _otel(
    "http.request.body.size",
    "int",
    "The length of the request's body.",
    unit="By",
    stability="development",
)
URL_TEMPLATE: Final = _otel(
    "url.template",
    "string",
    "The endpoint with {id} for each id, such as /task/{id}/status.",
    pattern=_TEMPLATE,
    stability="development",
)
SERVER_ADDRESS: Final = _otel(
    "server.address", "string", "The host of the node's proxy.", pattern=_HOST
)
SERVER_PORT: Final = _otel("server.port", "int", "The port of the node's proxy.")
ERROR_TYPE: Final = _otel(
    "error.type",
    "string",
    "The HTTP status, a word for what the wire did, or an error's class.",
    pattern=_CLASS,
)
TASK_ID: Final = _attribute("v6client.task.id", "int", "The task that is meant.")
TASK_STATUS_NOW: Final = _attribute(
    "v6client.task.status", "string", "What a task's status changed to.", values=RUN_STATES
)
ORGANIZATION_COUNT: Final = _attribute(
    "v6client.organization.count", "int", "How many organizations a task goes to."
)
TWIN_COUNT: Final = _attribute(
    "v6client.task.twins", "int", "How many other tasks with the same key the server has."
)
CREATION: Final = _attribute(
    "v6client.task.creation",
    "string",
    "Whether the answer to the creation came (created), or was lost and the task found (found).",
    values=CREATIONS,
)
ATTEMPT_COUNT: Final = _attribute(
    "v6client.attempts", "int", "How many attempts an operation took, where more than one."
)
RETRY_REASON: Final = _attribute(
    "v6client.retry.reason",
    "string",
    "What the attempt met that another one repeats; a row of the table in reliability.md.",
    values=RETRY_REASONS,
)
WAIT_POLL_COUNT: Final = _attribute(
    "v6client.wait.polls", "int", "How many status polls a wait took."
)
WAIT_OUTCOME: Final = _attribute(
    "v6client.wait.outcome", "string", "How a wait ended.", values=WAIT_OUTCOMES
)
RUN_ID: Final = _attribute("v6client.run.id", "int", "The run: one organization's part in a task.")
RUN_STATUS: Final = _attribute(
    "v6client.run.status", "string", "The last status of a run.", values=RUN_STATES
)
RUN_QUEUE: Final = _attribute(
    "v6client.run.queue",
    "double",
    "From the task's creation (server's clock) to the run's start (node's clock).",
    unit="s",
)
RUN_COMPUTE: Final = _attribute(
    "v6client.run.compute", "double", "From the run's start to its end, on one clock.", unit="s"
)
CLOCK_SKEW: Final = _attribute(
    "v6client.run.clock_skew",
    "boolean",
    "The clocks of node and server disagree so much that queue seconds were clamped.",
)
ORGANIZATION_ID: Final = _attribute(
    "v6client.organization.id", "int", "The organization that a run belongs to."
)
COLLABORATION_ID: Final = _attribute("v6client.collaboration.id", "int", "The collaboration.")
NODE_ID: Final = _attribute("v6client.node.id", "int", "The node that this container runs at.")
DIRECTION: Final = _attribute(
    "v6client.payload.direction",
    "string",
    "Whether a payload is an input that was sent or a result that was received.",
    values=DIRECTIONS,
)
# The SDK's own, on any metric.
OVERFLOW: Final = _otel(
    "otel.metric.overflow",
    "boolean",
    "On the point that holds what is beyond the SDK's limit of 2,000 attribute sets a metric.",
)

# What a resource has besides v6client's ids; see docs/tracing.md for why no others.
SERVICE_NAME: Final = _otel(
    "service.name", "string", "OTEL_SERVICE_NAME, else v6client.", pattern=_WORD
)
SERVICE_NAMESPACE: Final = _otel(
    "service.namespace", "string", "As OTEL_RESOURCE_ATTRIBUTES says.", pattern=_WORD
)
SERVICE_VERSION: Final = _otel(
    "service.version", "string", "As OTEL_RESOURCE_ATTRIBUTES says.", pattern=_VERSION
)
SERVICE_INSTANCE: Final = _otel(
    "service.instance.id",
    "string",
    "Random, one a process; not on metrics.",
    pattern=_WORD,
)
DEPLOYMENT: Final = _otel(
    "deployment.environment.name",
    "string",
    "As OTEL_RESOURCE_ATTRIBUTES says.",
    pattern=_WORD,
)
SDK_NAME: Final = _otel("telemetry.sdk.name", "string", "opentelemetry.", pattern=_WORD)
SDK_LANGUAGE: Final = _otel("telemetry.sdk.language", "string", "python.", pattern=_WORD)
SDK_VERSION: Final = _otel(
    "telemetry.sdk.version", "string", "The version of OpenTelemetry's SDK.", pattern=_VERSION
)
RESOURCE: Final = frozenset(
    {
        SERVICE_NAME,
        SERVICE_NAMESPACE,
        SERVICE_VERSION,
        SERVICE_INSTANCE,
        DEPLOYMENT,
        SDK_NAME,
        SDK_LANGUAGE,
        SDK_VERSION,
        COLLABORATION_ID,
        ORGANIZATION_ID,
        NODE_ID,
        TASK_ID,
    }
)


# ----------------------------------------------------------------------------------------- spans


def _span(
    name: str,
    description: str,
    *attributes: str,
    kind: SpanKind = SpanKind.INTERNAL,
    events: frozenset[str] = frozenset(),
) -> str:
    SPANS[name] = Span(name, kind, description, frozenset(attributes) | {ERROR_TYPE}, events)
    return name


def _span_event(name: str, description: str, *attributes: str) -> str:
    SPAN_EVENTS[name] = SpanEvent(name, description, frozenset(attributes))
    return name


STATUS_CHANGED: Final = _span_event(
    "task.status", "The status of a task that is waited for changed.", TASK_ID, TASK_STATUS_NOW
)
RUN_BEGAN: Final = _span_event(
    "run.started", "The algorithm began, by the node's clock: the queue ends here.", RUN_STATUS
)
RUN_ENDED: Final = _span_event(
    "run.ended",
    "One organization's run of a task that is waited for ended.",
    *(TASK_ID, RUN_ID, ORGANIZATION_ID, RUN_STATUS),
)

# The span of an attempt has a name of its own making: "{method} {url.template}".
ATTEMPT_SPAN: Final = _span(
    "{method} {url.template}",
    "One attempt on the wire.",
    *(HTTP_METHOD, URL_TEMPLATE, SERVER_ADDRESS, SERVER_PORT, HTTP_RESEND_COUNT),
    *(HTTP_STATUS, HTTP_REQUEST_SIZE, HTTP_RESPONSE_SIZE),
    kind=SpanKind.CLIENT,
)


def _operation(name: str, what: str) -> str:
    return _span(name, what, ATTEMPT_COUNT)


_operation("blob.download", "Fetch a payload from the server's blob store.")
_operation("blob.upload", "Send a payload to the server's blob store.")
_operation("blobstore.status", "Ask whether the server keeps payloads in a blob store.")
_operation("collaboration.get", "Get the collaboration.")
_operation("encryption.setup", "Compare the organization's key with the server's, and send it.")
_operation("node.get", "Get a node.")
_operation("organization.get", "Get an organization.")
_operation("organization.list", "List the organizations.")
_operation("request", "A request of the algorithm's own.")
_operation("result.from_task", "Get the results of a task.")
_operation("run.from_task", "Get the runs of a task.")
_operation("run.get", "Get a run.")
_operation("study.get", "Get a study.")
_operation("study.list", "List the studies.")
_operation("task.get", "Get a task.")
_operation("task.twins", "Look once more for twins of a subtask, when the wait for it has ended.")
_operation("vpn.get_addresses", "Get the VPN addresses.")
TASK_CREATE: Final = _span(
    "task.create",
    "Create a subtask, with all that it takes until one is adopted.",
    *(TASK_ID, ORGANIZATION_COUNT, TWIN_COUNT, CREATION),
    kind=SpanKind.PRODUCER,
)
TASK_WAIT: Final = _span(
    "task.wait",
    "Wait for subtasks and get their results; an event for each change, none for a poll.",
    *(TASK_ID, WAIT_POLL_COUNT, WAIT_OUTCOME),
    events=frozenset({STATUS_CHANGED, RUN_ENDED}),
)
# CONSUMER: what the PRODUCER task.create handed over, carried out later by another party; so the
# pair is one hop in a service graph, and the time between the two is a queue's.
RUN: Final = _span(
    "run",
    "One organization's run, from the task's creation to the run's end.",
    *(TASK_ID, RUN_ID, ORGANIZATION_ID, RUN_STATUS, RUN_QUEUE, RUN_COMPUTE, CLOCK_SKEW),
    kind=SpanKind.CONSUMER,
    events=frozenset({RUN_BEGAN}),
)
ALGORITHM: Final = _span(
    "algorithm",
    "The algorithm's function inside its container.",
    *(TASK_ID, ORGANIZATION_ID, NODE_ID),
)

# The operations: every span that is opened by name around something.
OPERATIONS: Final = frozenset(SPANS) - {ATTEMPT_SPAN, RUN}


# --------------------------------------------------------------------------------------- metrics

# The buckets that the semantic conventions advise for requests.
_REQUEST_SECONDS: Final = (
    *(0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1, 2.5, 5, 7.5, 10),
)
# From a trivial method to a day of training.
_JOB_SECONDS: Final = (0.5, 1, 2, 5, 10, 30, 60, 120, 300, 600, 1800, 3600, 7200, 21600, 86400)
_LATE_SECONDS: Final = (0.01, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60)
_POLLS: Final = (1, 2, 5, 10, 20, 50, 100, 200, 500, 1000)
_BYTES: Final = (2**10, 2**13, 2**16, 2**18, 2**20, 2**22, 2**24, 2**26, 2**28, 2**30)


def _metric(
    name: str,
    kind: str,
    unit: str,
    description: str,
    *attributes: str,
    buckets: tuple[float, ...] = (),
) -> Instrument:
    METRICS[name] = Instrument(name, kind, unit, description, frozenset(attributes), buckets)
    return METRICS[name]


REQUEST_DURATION: Final = Instrument(
    "http.client.request.duration",
    "histogram",
    "s",
    "Duration of one attempt of a request.",
    frozenset(
        {HTTP_METHOD, URL_TEMPLATE, SERVER_ADDRESS, SERVER_PORT, HTTP_STATUS, ERROR_TYPE},
    ),
    _REQUEST_SECONDS,
    OTEL,
    "stable",
)
METRICS[REQUEST_DURATION.name] = REQUEST_DURATION
REQUEST_RETRIES: Final = _metric(
    "v6client.request.retries",
    "counter",
    "{retry}",
    "Attempts that repeated one.",
    *(HTTP_METHOD, URL_TEMPLATE, RETRY_REASON),
)
RETRY_BUDGET: Final = _metric(
    "v6client.retry_budget", "gauge", "{token}", "Tokens left, of the client with the fewest."
)
TASKS_CREATED: Final = _metric(
    "v6client.task.created", "counter", "{task}", "Subtasks that were adopted.", CREATION
)
TASKS_TWINS: Final = _metric(
    "v6client.task.twins", "counter", "{task}", "Twins that were found at the server."
)
WAIT_DURATION: Final = _metric(
    "v6client.wait.duration",
    "histogram",
    "s",
    "How long a wait for a subtask took.",
    WAIT_OUTCOME,
    buckets=_JOB_SECONDS,
)
WAIT_POLLS: Final = _metric(
    "v6client.wait.polls",
    "histogram",
    "{poll}",
    "How many status polls a wait took.",
    WAIT_OUTCOME,
    buckets=_POLLS,
)
WAIT_OVERSHOOT: Final = _metric(
    "v6client.wait.overshoot",
    "histogram",
    "s",
    "An estimate of how long after its end a subtask was seen to have ended.",
    WAIT_OUTCOME,
    buckets=_LATE_SECONDS,
)
RUN_OUTCOMES: Final = _metric(
    "v6client.run.outcomes",
    "counter",
    "{run}",
    "Runs that ended, as their parent saw it.",
    *(RUN_STATUS, ORGANIZATION_ID),
)
RUN_QUEUES: Final = _metric(
    "v6client.run.queue",
    "histogram",
    "s",
    "From a task's creation to a run's start.",
    ORGANIZATION_ID,
    buckets=_JOB_SECONDS,
)
RUN_COMPUTES: Final = _metric(
    "v6client.run.compute",
    "histogram",
    "s",
    "From a run's start to its end.",
    ORGANIZATION_ID,
    buckets=_JOB_SECONDS,
)
PAYLOAD_SIZE: Final = _metric(
    "v6client.payload.size",
    "histogram",
    "By",
    "The size of an input that was sent, or of a result that was received.",
    DIRECTION,
    buckets=_BYTES,
)


# ----------------------------------------------------------------------------- fields of log lines


def _field(  # noqa: PLR0913 - the columns of a table
    key: str,
    kind: str,
    description: str,
    *,
    unit: str = "",
    values: frozenset[str] = frozenset(),
    pattern: re.Pattern[str] | None = None,
) -> str:
    FIELDS[key] = Attribute(key, kind, description, unit, values=values, pattern=pattern)
    return key


def fitting(key: str, value: object) -> object:
    """Give a field's value as a line may carry it; ``None`` where it may not leave.

    A text that is not in an enumeration, a status of a later vantage6 say, is ``other``.
    """
    field = FIELDS[key]
    if field.fits(value):
        return value
    return "other" if "other" in field.values else None


_field("attempt", "int", "Which attempt, from 1.")
_field("bytes", "int", "How long a file is.", unit="By")
_field("characters", "int", "How many characters were cut.")
_field("completed", "int", "Organizations whose run has completed.")
_field("delay_s", "double", "Until the next attempt.", unit="s")
_field("duration_s", "double", "How long it took.", unit="s")
_field("elapsed_s", "double", "Since the operation or the wait began.", unit="s")
_field(
    "error_type",
    "string",
    "As error.type; empty for none.",
    pattern=re.compile(r"|" + _CLASS.pattern),
)
_field("failed", "int", "Organizations whose run has failed, or is missing.")
_field("method", "string", "The HTTP method.", values=METHODS)
_field("node_id", "int", "The node that this container runs at.")
_field("organization_id", "int", "The organization that is meant.")
_field("organization_ids", "int[]", "The organizations that a task goes to, or that are missing.")
_field("polls", "int", "How many status polls there were.")
_field("queued", "int", "Organizations whose run has not started.")
_field("reason", "string", "A word for what is wrong.", values=UNAVAILABLE)
_field("requests", "int", "How many attempts this process made.")
_field("result_bytes", "int", "The length of the output.", unit="By")
_field("results", "int", "How many results there are.")
_field("retries", "int", "How many of them repeated one.")
_field("rows", "int", "How many rows of a list.")
_field("run_id", "int", "The run that is meant.")
RUN_ORGANIZATION_FIELD: Final = _field(
    "run_organization_id", "int", "In a container, on each line: whose container it is."
)
RUN_TASK_FIELD: Final = _field(
    "run_task_id", "int", "In a container, on each line: the task that it runs for."
)
_field("running", "int", "Organizations whose run is at work.")
_field("signal", "string", "Which telemetry.", values=frozenset({"traces", "metrics", "logs"}))
SPAN_ID_FIELD: Final = _field(
    "span_id", "string", "The current span, where there is one.", pattern=_SPAN_ID
)
_field("status", "string", "A task's status.", values=RUN_STATES)
_field("status_code", "int", "The HTTP status.")
_field("task_id", "int", "The task that is meant.")
_field("task_ids", "int[]", "The tasks that are meant.")
_field("template", "string", "The endpoint with {id} for each id.", pattern=_TEMPLATE)
TRACE_ID_FIELD: Final = _field(
    "trace_id", "string", "The trace of the current span.", pattern=_TRACE_ID
)
_field("twin_ids", "int[]", "Tasks at the server with the same key.")
_field("twins", "int", "How many there are.")
_field(
    "variable",
    "string",
    "An environment variable.",
    pattern=re.compile(r"(V6CLIENT|OTEL)_[A-Z_]{1,60}"),
)
_field("version", "string", "The version of v6client.", pattern=_VERSION)

# ------------------------------------------------------------------------------------- log events


def _event(name: str, level: int, fields: str, description: str) -> LogEvent:
    event = LogEvent(name, level, frozenset(fields.split()), description)
    EVENTS[name] = event
    return event


_REQUEST: Final = "method template status_code error_type attempt"
_RUN: Final = "task_id organization_id duration_s requests retries polls"

ATTEMPT: Final = _event(
    "request.attempt", logging.DEBUG, f"{_REQUEST} duration_s", "One attempt of a request."
)
RETRY: Final = _event(
    "request.retry", logging.WARNING, f"{_REQUEST} delay_s", "An attempt failed; another follows."
)
GIVEN_UP: Final = _event(
    "request.failed", logging.ERROR, f"{_REQUEST} elapsed_s", "The last attempt failed."
)
PAGE_TOO_LARGE: Final = _event(
    "page.too_large",
    logging.WARNING,
    "rows",
    "A page of so many rows is longer than an answer may be; it is asked for in halves.",
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
    "task.status",
    logging.INFO,
    "task_id status elapsed_s completed failed running queued",
    "A subtask that is waited for changed; with the organizations, where they were looked at.",
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
WAIT_INTERRUPTED: Final = _event(
    "task.wait_interrupted",
    logging.WARNING,
    "task_ids error_type elapsed_s",
    "A wait was interrupted. These tasks go on at their organizations.",
)
PARTIAL_RESULTS: Final = _event(
    "task.partial_results",
    logging.WARNING,
    "task_id organization_ids results",
    "A wait returns without the results of these organizations, as it was asked to.",
)
NODE_OFFLINE: Final = _event(
    "run.node_offline",
    logging.WARNING,
    "task_id organization_id run_id",
    "A run waits for a node that is not connected to the server.",
)
RUN_STARTED: Final = _event(
    "run.started", logging.INFO, "task_id organization_id node_id version", "The algorithm begins."
)
RUN_FINISHED: Final = _event(
    "run.finished",
    logging.INFO,
    f"{_RUN} result_bytes",
    "The algorithm has ended and its output is written.",
)
RUN_FAILED: Final = _event(
    "run.failed", logging.ERROR, f"{_RUN} error_type", "The algorithm has ended with an error."
)
TELEMETRY_LOST: Final = _event(
    "telemetry.lost",
    logging.WARNING,
    "signal error_type",
    "The collector does not take what is exported. Said once; the algorithm goes on.",
)
TELEMETRY_UNAVAILABLE: Final = _event(
    "telemetry.unavailable",
    logging.WARNING,
    "reason variable",
    "Telemetry was asked for, but cannot be exported; the reason says what to do.",
)
TRACE_FILE_FULL: Final = _event(
    "telemetry.file_full",
    logging.WARNING,
    "bytes",
    "The trace file has reached its bound (V6CLIENT_TRACE_FILE_BYTES); no more is written.",
)
