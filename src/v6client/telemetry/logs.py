"""Log lines: structlog over the standard library's logger ``v6client``.

The library configures nothing: without a handler of the application nothing is printed below
WARNING. Inside an algorithm container :mod:`v6client.telemetry.log_output` writes lines to
standard output, which becomes the run's log.
"""

from __future__ import annotations

import contextlib
import functools
import logging
from collections.abc import Callable, Mapping, MutableMapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from v6client.telemetry import schema, spans
from v6client.telemetry.entries import LogEvent

if TYPE_CHECKING:
    import structlog

logger: Final = logging.getLogger("v6client")

FIELDS: Final = "v6client"
"""The attribute of a record of the standard library that holds an event's fields."""

# For the algorithm's own messages (``client.log``), apart from ours: theirs may hold anything.
algorithm_logger: Final = logging.getLogger("v6client.algorithm")

Export = Callable[[LogEvent, Mapping[str, Any]], None]


@dataclass
class _Process:
    """What holds for all lines of this process."""

    whose: dict[str, int] = field(default_factory=dict)
    export: Export | None = None


_process: Final = _Process()


def bind_run(*, task_id: int, organization_id: int) -> None:
    """Say on each line whose container this is.

    The fields are ``run_task_id`` and ``run_organization_id``: an event's own ``task_id`` is the
    task that the event is about, a subtask mostly.
    """
    _process.whose = {
        schema.RUN_TASK_FIELD: task_id,
        schema.RUN_ORGANIZATION_FIELD: organization_id,
    }


def export_to(export: Export | None) -> None:
    """Give each event that is logged to an exporter, too; ``None`` to none."""
    _process.export = export


def with_context(
    _logger: object, _method: str, event: MutableMapping[str, Any]
) -> MutableMapping[str, Any]:
    """Add the current trace and span, and whose container this is."""
    context = spans.current()
    if context.is_valid:
        event.setdefault(schema.TRACE_ID_FIELD, f"{context.trace_id:032x}")
        event.setdefault(schema.SPAN_ID_FIELD, f"{context.span_id:016x}")
    for key, value in _process.whose.items():
        event.setdefault(key, value)
    return event


def _render(
    _logger: object, _method: str, event: MutableMapping[str, Any]
) -> MutableMapping[str, Any]:
    """Write a line that any handler of the application's can print, the fields beside it."""
    pairs = [f"{key}={value}" for key, value in event.items() if key != "event"]
    return {"msg": " ".join([event["event"], *pairs]), "extra": {FIELDS: dict(event)}}


@functools.cache
def _log() -> structlog.stdlib.BoundLogger:
    # A fifth of what v6client would take to import, and a client that logs nothing needs it not.
    import structlog  # noqa: PLC0415

    bound: structlog.stdlib.BoundLogger = structlog.wrap_logger(
        logger,
        processors=[with_context, _render],
        wrapper_class=structlog.stdlib.BoundLogger,
    )
    return bound


def emit(event: LogEvent, **fields: object) -> None:
    """Log one event of the schema at its level.

    A value that may not leave is left out; a text that is none of an enumeration's, such as a
    status of a later vantage6, is ``other``.

    Parameters
    ----------
    event
        The event; it fixes the level.
    fields
        Its fields.

    Raises
    ------
    ValueError
        When a field is not one of the event's: what the schema does not name may not leave.
    """
    if _process.whose:
        # A container's log is what the researcher reads. An algorithm that configures logging
        # disables, unless it says otherwise, all loggers that were there before.
        logger.disabled = False
    if not logger.isEnabledFor(event.level):
        return
    unknown = fields.keys() - event.fields
    if unknown:
        raise ValueError(f"{event.name} has no field {sorted(unknown)} in telemetry/schema.py")
    fitting = {key: schema.fitting(key, value) for key, value in fields.items()}
    fitting = {key: value for key, value in fitting.items() if value is not None}
    # A line that cannot be written, because a handler of the application's raises, fails nothing.
    with contextlib.suppress(Exception):
        _log().log(event.level, event.name, **fitting)
    if _process.export is not None:
        with contextlib.suppress(Exception):
            _process.export(event, {**fitting, **_process.whose})
