"""What is this job doing? Its trace, and how to find it."""

from __future__ import annotations

from grafana_foundation_sdk.builders.dashboard import Dashboard

from dashboards import series
from dashboards.expressions import by, failures, in_range, mean, of, or_zero
from dashboards.frame import framed, service, typed
from dashboards.panels import Query, at_a_glance
from dashboards.tracestore import Find, Show, found_traces, one_trace
from v6client.telemetry import schema

_SERVICE = (f"{series.ALGORITHM}=~`(.*/)?${{service:regex}}`",)
_CREATED = series.series(schema.TASKS_CREATED)
_TWINS = series.series(schema.TASKS_TWINS)
_WAITS = (series.total(schema.WAIT_DURATION), series.count(schema.WAIT_DURATION))

_KEPT = "&".join(
    f"${{{one}:queryparam}}" for one in ("metrics", "traces", "service", "filter", "store")
)
_HERE = f"/d/v6client-job?${{__url_time_range}}&{_KEPT}&var-trace=${{__value.raw}}"
_IN_STORE = "${store}/trace/${__value.raw}"
_LINKS = [("Its tree, below", _HERE), ("In Jaeger", _IN_STORE)]


def board() -> Dashboard:
    """Give the dashboard."""
    glance = [
        at_a_glance(
            "Rounds, all jobs",
            Query(or_zero(by("", in_range(of(_WAITS[1], selected=_SERVICE))))),
            "Subtasks that this algorithm's containers waited for, of all its jobs in the time"
            " range.",
            decimals=0,
        ),
        at_a_glance(
            "A round takes, all jobs",
            Query(mean(*_WAITS, selected=_SERVICE)),
            "On the mean. Each task.wait in the tree is one; the longest run below the"
            " task.create before it is what it waited for.",
            unit="s",
            decimals=1,
            none="no round",
        ),
        at_a_glance(
            "Failed runs, all jobs",
            Query(failures("", selected=_SERVICE)),
            "Not those that were ended with others. Not zero: look for red spans named run in the"
            " tree, and for error.type of the span algorithm below.",
            decimals=0,
        ),
        at_a_glance(
            "Found after a lost answer, all jobs",
            Query(
                or_zero(
                    by("", in_range(of(_CREATED, f'{series.CREATION}="found"', selected=_SERVICE)))
                )
            ),
            "The answer to a creation was lost, the subtask was found by its key and used."
            " Nothing is wrong with the job; something loses answers.",
            decimals=0,
        ),
        at_a_glance(
            "Twins, all jobs",
            Query(or_zero(by("", in_range(of(_TWINS, selected=_SERVICE))))),
            "Subtasks that the server has twice; the spare ones run for nothing. The researcher"
            " can kill them: docs/runbooks.md#v6clienttwinscreated.",
            decimals=0,
        ),
    ]
    variables = [
        service(),
        typed(
            "filter",
            "Jobs with",
            "What spans of a job have: v6client.task.id=12 finds the job of a task,"
            " v6client.organization.id=2 error=true one in which organization 2 took part and"
            " something failed, v6client.run.status=crashed, error.type=ValueError.",
        ),
        typed(
            "trace",
            "Trace",
            "32 hexadecimal digits: trace_id in each line of a run's log, or a click below.",
        ),
        typed("store", "Jaeger", "Where its own pages are.", "http://127.0.0.1:16686"),
    ]
    found = [
        found_traces(
            "Jobs",
            Find("$service", "$filter"),
            "The newest jobs with what is typed above. A click on one shows its tree.",
            _LINKS,
        ),
        found_traces(
            "Jobs in which something failed",
            Find("$service", "error=true $filter"),
            "An attempt that was repeated counts, too, although its job may have been completed."
            " A click on one shows its tree.",
            _LINKS,
        ),
    ]
    tree = one_trace(
        "The tree",
        Show("$trace"),
        "Empty until a trace is chosen above, or typed. Spans:"
        " algorithm is a function in its container; task.create a subtask with a run for each"
        " organization below it; task.wait the time until their results were there. Slow: the"
        " longest run of a round; v6client.run.queue and v6client.run.compute say whether it"
        " waited or worked. Failed: the red ones; v6client.run.status of run, error.type of"
        " algorithm. See docs/tracing.md.",
    )
    return framed(
        "v6client-job",
        "What is this job doing?",
        "One job is one trace: rounds, organizations, what ran where and how long, what failed.",
        [
            (4, list(zip((5, 5, 5, 5, 4), glance, strict=True))),
            (6, [(12, one) for one in found]),
            (20, [(24, tree)]),
        ],
        variables,
    )
