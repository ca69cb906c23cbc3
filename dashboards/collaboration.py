"""Is my collaboration healthy? Which organization fails, which is slow, and since when."""

from __future__ import annotations

from grafana_foundation_sdk.builders.dashboard import Dashboard

from dashboards import series
from dashboards.expressions import (
    OF_ALGORITHM,
    OF_COLLABORATION,
    OF_ORGANIZATION,
    WELL,
    a_bar,
    a_second,
    by,
    failures,
    in_range,
    lower_median,
    mean,
    of,
    or_zero,
    ratio,
)
from dashboards.frame import OF_CELL, OF_FIELD, framed, selection, to_failed_jobs, to_proxy
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

# Alerts of the collector are nobody's.
_ALERTED = f'{series.COLLABORATION}=~"$collaboration|",{series.ORGANIZATION}=~"$organization|"'

_RUNS = series.series(schema.RUN_OUTCOMES)
_NOT_COMPLETED = f'{series.STATUS}!="completed"'
_NOT_WELL = f'{series.STATUS}!~"{WELL}"'
_WHOSE = "organization {{" + series.ORGANIZATION + "}}"

# What is not one whole run: increase() is a little more or less than a whole number.
_NONE = 0.5

_COMPUTE = (series.total(schema.RUN_COMPUTES), series.count(schema.RUN_COMPUTES))
_QUEUE = (series.total(schema.RUN_QUEUES), series.count(schema.RUN_QUEUES))

_COMPUTE_OF_EACH = mean(*_COMPUTE, series.ORGANIZATION)
# Among all of the collaboration, also where one organization is selected.
_COMPUTE_OF_ALL = mean(*_COMPUTE, series.ORGANIZATION, selected=(OF_COLLABORATION, OF_ALGORITHM))
# Nobody waits for a part of a second.
_LEAST_SECONDS = 1
_TIMES_THE_MEDIAN = (
    f"{_COMPUTE_OF_EACH} / scalar(clamp_min({lower_median(_COMPUTE_OF_ALL)}, {_LEAST_SECONDS}))"
)

_RUNS_OF_EACH = by(series.ORGANIZATION, in_range(of(_RUNS)))
_SHARE_FAILED = ratio(failures(), _RUNS_OF_EACH)

_SHARE = steps((0, GREEN), (0.05, ORANGE), (0.2, RED))
_SLOW = steps((0, GREEN), (2, ORANGE), (3, RED))
_FIRING = steps((0, GREEN), (_NONE, RED))
# A count grows with the time range: how bad it is, the share tells.
_FAILED = steps((0, GREEN), (_NONE, ORANGE))
# 30 s is what V6clientQueueTimeAboveNormal begins at.
_QUEUED = steps((0, GREEN), (30, ORANGE), (120, RED))

_STATUSES = {
    "completed": "green",
    "failed": "red",
    "crashed": "dark-red",
    "start failed": "orange",
    "non-existing Docker image": "dark-orange",
    "not allowed": "purple",
    "killed by user": "blue",
}


def board() -> Dashboard:
    """Give the dashboard."""
    glance = [
        at_a_glance(
            "Alerts",
            Query(
                or_zero(f'count(ALERTS{{alertname=~"V6client.*",alertstate="firing",{_ALERTED}}})')
            ),
            "How many alerts fire now, those of the collector too. Which: Alerting, or"
            " Prometheus's own page. What each means and what to do: docs/runbooks.md.",
            decimals=0,
            colours=_FIRING,
            link=("Alerts", "/alerting/list?search=v6client"),
        ),
        at_a_glance(
            "Runs",
            Query(or_zero(by("", in_range(of(_RUNS))))),
            "One organization's part of a subtask is a run. Counted by the container that waited"
            " for it, so runs of a job that nobody waited for are missing. None although jobs"
            " ran: their containers do not export, see docs/tracing.md.",
            decimals=0,
        ),
        at_a_glance(
            "Failed runs",
            Query(failures("")),
            "Runs that started and were not completed, or that their own node could not start."
            " Not those that the server ended because another one failed, nor a researcher's kills."
            " Not zero: see below which organization, and why.",
            decimals=0,
            colours=_FAILED,
            none="no run",
        ),
        at_a_glance(
            "Fails most",
            Query(f"topk(1, {_SHARE_FAILED} > 0)", _WHOSE),
            "The organization with the largest share of failures of its own. How many: its row"
            " below; docs/runbooks.md#v6clientorganizationkeepsfailing.",
            unit="percentunit",
            decimals=0,
            colours=_SHARE,
            none="none",
        ),
        at_a_glance(
            "Slowest",
            Query(f"topk(1, {_TIMES_THE_MEDIAN})", _WHOSE),
            "Mean compute time of the slowest organization, as a multiple of the median one's (of"
            " an even number the lower one; 1 s at least). Choose one algorithm: of several, who"
            " runs the long one looks slow. 2 and more: it has more data, a smaller machine, or a"
            " busy one; ask its administrator which.",
            unit="suffix:×",
            decimals=1,
            colours=_SLOW,
            none="no run",
        ),
        at_a_glance(
            "Longest queue",
            Query(f"topk(1, {mean(*_QUEUE, series.ORGANIZATION)})", _WHOSE),
            "Mean time from a subtask's creation until the run starts, at the organization where"
            " that takes longest. 30 s and more: its node is offline, busy, or pulls an image;"
            " docs/runbooks.md#v6clientqueuetimeabovenormal."
            " A run that has not started is not in it: see Fewest runs.",
            unit="s",
            decimals=1,
            colours=_QUEUED,
            none="no run",
        ),
        at_a_glance(
            "Fewest runs",
            Query(f"bottomk(1, {_RUNS_OF_EACH})", _WHOSE),
            "A run is counted when it has ended. Far fewer than the others, or no row in the table:"
            " a node that is offline, or still works. The log of the run that waits has"
            " run.node_offline.",
            decimals=0,
            none="no run",
        ),
    ]
    organizations = cells(
        "Organizations",
        {series.ORGANIZATION: "Organization"},
        [
            Column("Runs", _RUNS_OF_EACH),
            Column("Failed", failures(), steps=_FAILED),
            Column(
                "Share",
                _SHARE_FAILED,
                unit="percentunit",
                steps=_SHARE,
            ),
            Column(
                "Cascade",
                f"clamp_min(({by(series.ORGANIZATION, in_range(of(_RUNS, _NOT_WELL)))}"
                f" or 0 * {_RUNS_OF_EACH}) - {failures()}, 0)",
            ),
            Column("Queue", mean(*_QUEUE, series.ORGANIZATION), "s", 1, _QUEUED),
            Column("Compute", _COMPUTE_OF_EACH, "s", 1),
            Column("× median", _TIMES_THE_MEDIAN, "none", 1, _SLOW),
        ],
        "A row an organization, by its id at the server; the worst on top. Failed: by itself."
        " Cascade: never started, because another organization's run of the same subtask had"
        " failed; nothing is wrong there. Queue and compute: means. A click on an organization"
        " leads to its failed jobs (choose the Algorithm there) and its proxy.",
        sort="Failed",
        links={series.ORGANIZATION: [to_failed_jobs(OF_CELL), to_proxy(OF_CELL)]},
    )
    causes = cells(
        "Why runs were not completed",
        {series.ORGANIZATION: "Organization", series.STATUS: "Status"},
        [
            Column(
                "Runs",
                by(f"{series.ORGANIZATION}, {series.STATUS}", in_range(of(_RUNS, _NOT_COMPLETED)))
                + f" > {_NONE}",
            )
        ],
        "crashed, failed: the algorithm ended with an error; read one run's log, or its trace,"
        " which has the error's class. start failed, non-existing Docker image: the node cannot"
        " start it; its administrator. not allowed: the node's policy. failed is also what a run"
        " is called that was ended with others: so no colour blames anybody here. A click leads to"
        " failed jobs; choose the Algorithm there.",
        sort="Runs",
        links={series.ORGANIZATION: [to_failed_jobs(OF_CELL)]},
    )
    return framed(
        "v6client-collaboration",
        "Is my collaboration healthy?",
        "Runs by organization: which fail, which are slow, which wait; and since when.",
        [
            (4, list(zip((3, 3, 3, 4, 4, 4, 3), glance, strict=True))),
            (8, [(15, organizations), (9, causes)]),
            *([(8, [(12, left), (12, right)]) for left, right in _over_time()]),
        ],
        selection(),
    )


def _over_time() -> list[tuple[Panel, Panel]]:
    links = [to_failed_jobs(OF_FIELD), to_proxy(OF_FIELD)]
    failed = bars(
        "Failed runs by organization",
        [Query(failures(counted=a_bar), _WHOSE)],
        "When an organization began to fail, and whether it still does. All at once: look at the"
        " server or at what was changed in the algorithm, not at the organizations.",
        links=links,
    )
    compute = lines(
        "Compute time by organization",
        [Query(mean(*_COMPUTE, series.ORGANIZATION, counted=a_second), _WHOSE)],
        "Mean from a run's start to its end. One line above the others: a round takes as long as"
        " that one. All lines rise: the algorithm, or its input, has changed.",
        unit="s",
        links=links,
    )
    outcomes = bars(
        "Runs by outcome",
        [Query(by(series.STATUS, a_bar(of(_RUNS))), "{{" + series.STATUS + "}}")],
        "How many runs ended how. No bars at all: nothing ran, or nothing is exported.",
        fixed=_STATUSES,
    )
    queued = "organization:v6client_run_queue_seconds:mean15m"
    queue = lines(
        "Queue time by organization, 15 minutes",
        [
            Query(
                f"max_over_time({queued}{{{OF_COLLABORATION},{OF_ORGANIZATION}}}[$__interval])",
                _WHOSE,
            )
        ],
        "Mean from a subtask's creation until the run starts, over the last 15 minutes, of all"
        " algorithms. One line above the others: that node. All lines rise: too many jobs at a"
        " time.",
        unit="s",
        colours=steps((30, ORANGE)),
        links=links,
    )
    return [(failed, compute), (outcomes, queue)]
