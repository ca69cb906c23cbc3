"""What does a round cost? A round is a subtask that was waited for."""

from __future__ import annotations

from grafana_foundation_sdk.builders.dashboard import Dashboard

from dashboards import series
from dashboards.expressions import (
    OF_ALGORITHM,
    OF_COLLABORATION,
    a_bar,
    a_second,
    by,
    in_range,
    mean,
    of,
    or_zero,
    quantile,
    ratio,
)
from dashboards.frame import TO_ERRORS, framed, selection
from dashboards.panels import (
    GREEN,
    ORANGE,
    RED,
    Column,
    Panel,
    Query,
    at_a_glance,
    bars,
    cells,
    lines,
    steps,
)
from v6client.telemetry import schema

_ROUNDS = series.count(schema.WAIT_DURATION)
_SECONDS = series.total(schema.WAIT_DURATION)
_POLLS = series.total(schema.WAIT_POLLS)
_LATE = (series.total(schema.WAIT_OVERSHOOT), series.count(schema.WAIT_OVERSHOOT))
_BYTES = series.total(schema.PAYLOAD_SIZE)
_REQUESTS = series.count(schema.REQUEST_DURATION)
_COMPUTE = (series.total(schema.RUN_COMPUTES), series.count(schema.RUN_COMPUTES))
_QUEUE = (series.total(schema.RUN_QUEUES), series.count(schema.RUN_QUEUES))

_LATE_OF_WAIT = ratio(by("", in_range(of(_LATE[0]))), by("", in_range(of(_SECONDS))))
_ENDPOINT = f"{series.METHOD}, {series.TEMPLATE}"
_OUTCOMES = {
    "completed": "green",
    "partial": "orange",
    "failed": "red",
    "timeout": "purple",
    "stopped": "blue",
    "error": "dark-red",
}


def _slowest(parts: tuple[str, str]) -> str:
    # Among all: what is selected is whose container waits.
    selected = (OF_COLLABORATION, OF_ALGORITHM)
    return f"max({mean(*parts, series.ORGANIZATION, counted=a_second, selected=selected)})"


def board() -> Dashboard:
    """Give the dashboard."""
    glance = [
        at_a_glance(
            "Rounds",
            Query(or_zero(by("", in_range(of(_ROUNDS))))),
            "Subtasks that a container waited for, to their end or to a deadline.",
            decimals=0,
        ),
        at_a_glance(
            "A round takes",
            Query(mean(_SECONDS, _ROUNDS)),
            "Mean of a wait. What it is made of is below: mostly its slowest organization.",
            unit="s",
            decimals=1,
            none="no round",
        ),
        at_a_glance(
            "Polls a round",
            Query(mean(_POLLS, _ROUNDS)),
            "Questions for a status, on the mean. They grow with the logarithm of a round's"
            " length: 5 to 40 are normal. More: V6CLIENT_POLL_… variables, see docs/polling.md.",
            decimals=1,
            colours=steps((0, GREEN), (60, ORANGE), (200, RED)),
            none="no round",
        ),
        at_a_glance(
            "Noticed late, of a round",
            Query(_LATE_OF_WAIT),
            "The overshoot: an estimate of how long after its end a subtask was seen to have"
            " ended, as a share of the wait. It is 10 % at most by design, up to 50 % while the"
            " proxy is busy, unless polls fail: see"
            " whether the proxy copes.",
            unit="percentunit",
            decimals=1,
            colours=steps((0, GREEN), (0.1, ORANGE), (0.25, RED)),
            none="no round",
        ),
        at_a_glance(
            "Payload a round",
            Query(mean(_BYTES, _ROUNDS)),
            "Inputs that were sent and results that were received, as encoded for the wire. Each"
            " is base64 and goes through proxy and server: from some 10 MB on, send less, or use"
            " a blob store; docs/payloads.md.",
            unit="bytes",
            decimals=1,
            colours=steps((0, GREEN), (10 * 2**20, ORANGE), (100 * 2**20, RED)),
            none="no round",
        ),
        at_a_glance(
            "Requests a round",
            Query(mean(_REQUESTS, _ROUNDS)),
            "All attempts of all containers, by the number of rounds. Mostly polls; what else"
            " there is, is below.",
            decimals=1,
            none="no round",
        ),
    ]
    made_of, requests = _made_of()
    return framed(
        "v6client-round",
        "What does a round cost?",
        "Subtasks: how long they take and why, polls, how late their end is noticed, bytes.",
        [
            (4, [(4, one) for one in glance]),
            (9, [(14, made_of), (10, requests)]),
            (8, [(6, one) for one in _over_time()]),
        ],
        selection(),
    )


def _made_of() -> tuple[Panel, Panel]:
    parts = lines(
        "What a round is made of",
        [
            Query(mean(_SECONDS, _ROUNDS, counted=a_second), "a round"),
            Query(_slowest(_COMPUTE), "slowest organization computes"),
            Query(_slowest(_QUEUE), "slowest organization waits for its node"),
            Query(mean(*_LATE, counted=a_second), "noticed late"),
        ],
        "Means. A round takes as long as its slowest organization. Where the upper line is far"
        " above the others, results are large, polls fail, or different organizations are slow"
        " each time.",
        unit="s",
        fixed={"a round": "text", "noticed late": "orange"},
        # So long that a round's slowest run is in most of them.
        interval="5m",
    )
    requests = cells(
        "Requests a round, by endpoint",
        {series.METHOD: "Method", series.TEMPLATE: "Endpoint"},
        [
            Column(
                "A round",
                by(_ENDPOINT, in_range(of(_REQUESTS)))
                + f" / on() group_left() ({by('', in_range(of(_ROUNDS)))} > 0)",
                decimals=1,
            )
        ],
        "Polls are GET /task/{id}/status, or GET /run where a round may go on without somebody."
        " Whatever else is more than a few a round is the algorithm's own: ask once, and keep it.",
        sort="A round",
    )
    return parts, requests


def _over_time() -> list[Panel]:
    polls = lines(
        "Polls over time",
        [Query(mean(_POLLS, _ROUNDS, counted=a_second), "polls")],
        "They rise with the length of rounds, slowly. They rise alone: the schedule was changed,"
        " or every round is a surprise.",
        unit="none",
    )
    overshoot = lines(
        "Overshoot",
        [
            Query(quantile(share, series.buckets(schema.WAIT_OVERSHOOT), counted=a_second), name)
            for share, name in ((0.95, "95 %"), (0.5, "half"))
        ],
        "How long after its end a subtask was seen to have ended. The distance between two polls"
        " bounds it: a tenth of the time waited, up to a half while the proxy is busy, 60 s at"
        " most.",
        unit="s",
    )
    payload = bars(
        "Payload by direction",
        [Query(by(series.DIRECTION, a_bar(of(_BYTES))), "{{" + series.DIRECTION + "}}")],
        "Bytes of inputs (sent) and results (received), as encoded for the wire.",
        unit="bytes",
        fixed={"sent": "orange", "received": "blue"},
    )
    outcomes = bars(
        "Rounds by outcome",
        [Query(by(series.OUTCOME, a_bar(of(_ROUNDS))), "{{" + series.OUTCOME + "}}")],
        "partial: went on without somebody. failed: a result was missing, and the algorithm was"
        " told. timeout: its deadline came first. stopped: the algorithm did not read all"
        " results. A click leads to jobs in which something failed; choose the Algorithm there.",
        fixed=_OUTCOMES,
        links=[TO_ERRORS],
    )
    return [polls, overshoot, payload, outcomes]
