"""Is the proxy coping? Each node has one, which serves one request at a time."""

from __future__ import annotations

from grafana_foundation_sdk.builders.dashboard import Dashboard

from dashboards import series
from dashboards.expressions import (
    OF_COLLABORATION,
    OF_ORGANIZATION,
    a_bar,
    a_second,
    by,
    in_range,
    of,
    or_zero,
    quantile,
    ratio,
)
from dashboards.frame import OF_FIELD, TO_ERRORS, framed, selection, to_failed_jobs
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

_REQUESTS = series.count(schema.REQUEST_DURATION)
_BUSY = series.total(schema.REQUEST_DURATION)
_BUCKETS = series.buckets(schema.REQUEST_DURATION)
_RETRIES = series.series(schema.REQUEST_RETRIES)
_BUDGET = series.series(schema.RETRY_BUDGET)

_MASKED = f'{series.ANSWER}="500"'
_UNREACHED = f'{series.REASON}="never_sent"'
_WHOSE = "organization {{" + series.ORGANIZATION + "}}"
_ENDPOINT = f"{series.METHOD}, {series.TEMPLATE}"

# What could not be sent kept no proxy busy.
_SENT = f'{series.ERROR}!~"connection_refused|name_unresolved|connect_timeout"'
_IN_FLIGHT = by(series.ORGANIZATION, a_second(of(_BUSY, _SENT)))

# Of the same length however long the time range is.
_IN_A_MINUTE = by(series.ORGANIZATION, f"rate({of(_BUSY, _SENT)}[1m])")

_SECONDS = steps((0, GREEN), (0.5, ORANGE), (2, RED))
# A count grows with the time range: how bad it is, the shares tell.
_SOME = steps((0, GREEN), (0.5, ORANGE))
# From where on V6clientMaskedErrors and V6clientRetryStorm fire.
_MASKED_SHARE = 0.05
_RETRY_SHARE = 0.2


def board() -> Dashboard:
    """Give the dashboard."""
    glance = [
        at_a_glance(
            "Slowest proxy, 95 %",
            Query(
                f"topk(1, {quantile(0.95, _BUCKETS, series.ORGANIZATION, matcher=_SENT)})", _WHOSE
            ),
            "Of 20 requests, 19 were faster than this, at the organization with the slowest"
            " proxy. A proxy that copes answers in 0.02 s. More than 0.5 s: too many containers"
            " at once, or the way to the server.",
            unit="s",
            colours=_SECONDS,
            none="no request",
        ),
        at_a_glance(
            "Busiest proxy",
            Query(
                f"topk(1, clamp_max(max_over_time(({_IN_A_MINUTE})[$__range:1m]), 1))",
                _WHOSE,
            ),
            "Utilisation: for which part of the time somebody waited for an answer of this proxy,"
            " in its busiest minute. It serves one request at a time, so near 100 % requests wait"
            " for each other: fewer containers, fewer requests.",
            unit="percentunit",
            decimals=0,
            colours=steps((0, GREEN), (0.5, ORANGE), (0.8, RED)),
            none="no request",
        ),
        at_a_glance(
            "Repeated",
            Query(
                ratio(
                    "(" + or_zero(by("", in_range(of(_RETRIES)))) + ")",
                    by("", in_range(of(_REQUESTS))),
                )
            ),
            "Retries, as a share of all attempts. 20 % is a storm: see below why, and"
            " docs/runbooks.md#v6clientretrystorm.",
            unit="percentunit",
            decimals=1,
            colours=steps((0, GREEN), (0.02, ORANGE), (_RETRY_SHARE, RED)),
            none="no request",
        ),
        at_a_glance(
            "Masked errors",
            Query(or_zero(by("", in_range(of(_REQUESTS, _MASKED))))),
            "Answers 500: the proxy gives this one for every error of the server, after three"
            " tries of its own. The node's log has the real one;"
            " docs/runbooks.md#v6clientmaskederrors.",
            decimals=0,
            colours=_SOME,
        ),
        at_a_glance(
            "Could not be sent",
            Query(or_zero(by("", in_range(of(_RETRIES, _UNREACHED))))),
            "Attempts that did not reach a proxy: nobody listens, no such host, no way. Is the"
            " node up; docs/runbooks.md#v6clientproxyunreachable.",
            decimals=0,
            colours=_SOME,
        ),
        at_a_glance(
            "Retry budget, least",
            Query(f"min(min_over_time({of(_BUDGET)}[$__range]))"),
            "Tokens left, the fewest that an organization's last reporting container said: not"
            " of each container. 100 at first; a retry of what was sent takes 5, a success gives 1."
            " At 0 errors surface at once: whatever makes it fall has to go first.",
            decimals=0,
            colours=steps((0, RED), (25, ORANGE), (60, GREEN)),
            none="no client",
        ),
    ]
    requests, latency = _requests()
    return framed(
        "v6client-proxy",
        "Is the proxy coping?",
        "Requests of containers to their node's proxy: how long, how many at once, what goes"
        " wrong.",
        [
            (4, [(4, one) for one in glance]),
            (8, [(12, one) for one in _load()]),
            (8, [(8, one) for one in _troubles()]),
            (9, [(14, requests), (10, latency)]),
        ],
        selection(),
    )


def _load() -> list[Panel]:
    links = [to_failed_jobs(OF_FIELD)]
    slow = lines(
        "Latency, 95th percentile by organization",
        [Query(quantile(0.95, _BUCKETS, series.ORGANIZATION, a_second, _SENT), _WHOSE)],
        "One line above the others: that node. All lines rise: the server.",
        unit="s",
        colours=steps((0.5, ORANGE)),
        links=links,
    )
    in_flight = lines(
        "In flight by organization",
        [Query(_IN_FLIGHT, _WHOSE)],
        "How many requests are under way at once, on the mean: their durations added up, by the"
        " time (Little's law). The proxy serves one at a time: from 1 on they wait for each"
        " other, each poll of each container.",
        unit="none",
        colours=steps((1, RED)),
        links=links,
    )
    return [slow, in_flight]


def _troubles() -> list[Panel]:
    retries = bars(
        "Retries by reason",
        [Query(by(series.REASON, a_bar(of(_RETRIES))), "{{" + series.REASON + "}}")],
        "never_sent: nobody listens. no_answer: cut, or slower than 60 s. overloaded: 429, 502,"
        " 503, 504. masked, outage: the proxy's 500. invalid: no vantage6 answers."
        " docs/runbooks.md#v6clientretrystorm. A click leads to jobs; choose the Algorithm there.",
        links=[TO_ERRORS],
    )
    selected = f"{{{OF_COLLABORATION},{OF_ORGANIZATION}}}"
    above = f"organization:v6client_attempts_masked:increase15m{selected}"
    below = f"organization:v6client_attempts:increase15m{selected}"
    masked = lines(
        "Masked errors, share in 15 minutes",
        [Query(f"max_over_time(({ratio(above, below)})[$__interval:])", _WHOSE)],
        "Answers 500 of all answers, of all algorithms. Several organizations: the server. One:"
        " its node, or what its algorithm asks for.",
        unit="percentunit",
        colours=steps((_MASKED_SHARE, RED)),
        links=[to_failed_jobs(OF_FIELD)],
    )
    budget = lines(
        "Retry budget by organization",
        [
            Query(
                f"min by ({series.ORGANIZATION}) (min_over_time({of(_BUDGET)}[$__interval]))",
                _WHOSE,
            )
        ],
        "Tokens left, as the container says that reported last; gone a minute after it. It falls in"
        " steps of 5 and grows by 1: a line that falls for long is a proxy that does not cope.",
        unit="none",
        colours=steps((25, RED)),
    )
    return [retries, masked, budget]


def _requests() -> tuple[Panel, Panel]:
    endpoints = cells(
        "Which requests",
        {series.METHOD: "Method", series.TEMPLATE: "Endpoint"},
        [
            Column("Attempts", by(_ENDPOINT, in_range(of(_REQUESTS)))),
            Column("95 %", quantile(0.95, _BUCKETS, _ENDPOINT, matcher=_SENT), "s", 3, _SECONDS),
            Column("Time", by(_ENDPOINT, in_range(of(_BUSY, _SENT))), "s", 1),
            Column(
                "Masked",
                by(_ENDPOINT, in_range(of(_REQUESTS, _MASKED))),
                steps=_SOME,
            ),
            Column("Retries", by(_ENDPOINT, in_range(of(_RETRIES)))),
        ],
        "Who takes the proxy's time, the most on top. One endpoint alone is masked: the algorithm"
        " asks what it may not, or what is not there. All are: the server, or the way to it.",
        sort="Time",
        links={series.TEMPLATE: [TO_ERRORS]},
    )
    latency = lines(
        "Latency, percentiles",
        [
            Query(
                quantile(share, _BUCKETS, counted=a_second, matcher=_SENT),
                f"{round(share * 100)} %",
            )
            for share in (0.99, 0.95, 0.5)
        ],
        "Far apart: most are quick, and some wait for others or are repeated by the proxy, which"
        " takes 3 s. Close together and high: everything is slow.",
        unit="s",
    )
    return endpoints, latency
