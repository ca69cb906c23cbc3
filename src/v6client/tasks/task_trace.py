"""What a task's runs leave in traces and metrics, each once, however often it is waited for."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, field

from opentelemetry.trace import SpanContext

from v6client.tasks.runs import RunOutcome
from v6client.telemetry import metrics
from v6client.telemetry.run_spans import Timeline, emit_run_span, run_span_id, timeline


@dataclass(frozen=True, slots=True)
class TaskTrace:
    """Emits the spans and counts of a task's runs.

    Parameters
    ----------
    parent
        The span that created the task.
    key
        The creation's key, from which the runs' span ids follow; ``None`` where it has none.
    """

    parent: SpanContext
    key: str | None
    _told: dict[int, object] = field(default_factory=dict, init=False)

    def ended(self, runs: Sequence[RunOutcome]) -> None:
        """Tell of runs that have ended; of each only the first time."""
        for run in runs:
            mine = object()
            # Of two threads that wait for the same task, one is the first.
            if self._told.setdefault(run.organization_id, mine) is not mine:
                continue
            times = timeline(run.created_at, run.started_at, run.finished_at, now=time.time())
            metrics.record_run(run.status, run.organization_id, times.queue, times.compute)
            if run.run_id is not None and self.parent.is_valid:
                self._emit(run, times)

    def _emit(self, run: RunOutcome, times: Timeline) -> None:
        span_id = (
            None if self.key is None else run_span_id(self.key, run.task_id, run.organization_id)
        )
        emit_run_span(
            parent=self.parent,
            span_id=span_id,
            task_id=run.task_id,
            run_id=run.run_id,
            organization_id=run.organization_id,
            status=run.status,
            times=times,
        )
