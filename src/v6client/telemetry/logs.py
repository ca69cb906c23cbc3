"""Log lines: structlog over the standard library's logger ``v6client``.

The library configures nothing: without a handler of the application nothing is printed below
WARNING. Inside an algorithm container :func:`configure` writes JSON lines to standard output,
which becomes the run's log.
"""

from __future__ import annotations

import logging
import sys
from collections.abc import MutableMapping
from typing import Any, Final, TextIO

import structlog
from opentelemetry import trace
from structlog.stdlib import ProcessorFormatter

from v6client.telemetry import schema
from v6client.telemetry.entries import LogEvent

logger: Final = logging.getLogger("v6client")

_FIELDS: Final = "v6client"

# For the algorithm's own messages (``client.log``), apart from ours: theirs may hold anything.
algorithm_logger: Final = logging.getLogger("v6client.algorithm")


def _with_trace(
    _logger: object, _method: str, event: MutableMapping[str, Any]
) -> MutableMapping[str, Any]:
    context = trace.get_current_span().get_span_context()
    if context.is_valid:
        event["trace_id"] = f"{context.trace_id:032x}"
        event["span_id"] = f"{context.span_id:016x}"
    return event


def _render(
    _logger: object, _method: str, event: MutableMapping[str, Any]
) -> MutableMapping[str, Any]:
    """Write a line that any handler of the application's can print, the fields beside it."""
    pairs = [f"{key}={value}" for key, value in event.items() if key != "event"]
    return {"msg": " ".join([event["event"], *pairs]), "extra": {_FIELDS: dict(event)}}


def _fields_of_record(
    _logger: object, _method: str, event: MutableMapping[str, Any]
) -> MutableMapping[str, Any]:
    """Take the fields that :func:`_render` put beside the line."""
    event.update(getattr(event["_record"], _FIELDS, {}))
    return event


_log: Final = structlog.wrap_logger(
    logger,
    processors=[_with_trace, _render],
    wrapper_class=structlog.stdlib.BoundLogger,
)


def emit(event: LogEvent, **fields: object) -> None:
    """Log one event of the schema at its level.

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
    if not logger.isEnabledFor(event.level):
        return
    unknown = fields.keys() - event.fields
    if unknown:
        raise ValueError(f"{event.name} has no field {sorted(unknown)} in telemetry/schema.py")
    fitting = {key: schema.fitting(key, value) for key, value in fields.items()}
    _log.log(event.level, event.name, **{k: v for k, v in fitting.items() if v is not None})


def configure(*, stream: TextIO | None = None, level: int = logging.INFO) -> None:
    """Write JSON lines, as an algorithm container does.

    An application that has put a handler on the root logger or on ``v6client`` keeps its own
    configuration: nothing is changed then.

    Parameters
    ----------
    stream
        Where to; standard output by default, which becomes the run's log.
    level
        The least level of our events that is written. Of ``client.log`` only warnings and errors
        are, as under upstream's wrapper: what an algorithm logs below that may be data.
    """
    if logger.hasHandlers():
        return
    handler = logging.StreamHandler(stream or sys.stdout)
    handler.setFormatter(
        ProcessorFormatter(
            foreign_pre_chain=[
                structlog.stdlib.add_log_level,
                _fields_of_record,
            ],
            processors=[
                structlog.processors.TimeStamper(fmt="iso", utc=True),
                ProcessorFormatter.remove_processors_meta,
                structlog.processors.format_exc_info,
                structlog.processors.JSONRenderer(default=str),
            ],
        )
    )
    logger.addHandler(handler)
    logger.setLevel(level)
    algorithm_logger.setLevel(max(level, logging.WARNING))
    logger.propagate = False
