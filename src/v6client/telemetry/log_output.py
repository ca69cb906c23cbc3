"""Where log lines of a container go: JSON on standard output, or plain text on a terminal."""

from __future__ import annotations

import logging
import sys
from collections.abc import MutableMapping
from typing import Any, Final, TextIO

import structlog
from structlog.stdlib import ProcessorFormatter
from structlog.typing import Processor

from v6client.telemetry import logs


def _fields_of_record(
    _logger: object, _method: str, event: MutableMapping[str, Any]
) -> MutableMapping[str, Any]:
    """Take the fields that an event of ours has beside its line."""
    event.update(getattr(event["_record"], logs.FIELDS, {}))
    return event


def _for_programs() -> list[Processor]:
    return [
        structlog.processors.format_exc_info,
        structlog.processors.JSONRenderer(default=str),
    ]


def _for_people() -> list[Processor]:
    # Plain tracebacks: the others show local variables, which are data.
    return [structlog.dev.ConsoleRenderer(exception_formatter=structlog.dev.plain_traceback)]


_BEFORE: Final[list[Processor]] = [
    structlog.stdlib.add_log_level,
    _fields_of_record,
    logs.with_context,
]


def configure(*, stream: TextIO | None = None, level: int | str = logging.INFO) -> None:
    """Write our log lines, as an algorithm container does: JSON, or plain text on a terminal.

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
    if logs.logger.hasHandlers():
        return
    out = stream or sys.stdout
    handler = logging.StreamHandler(out)
    handler.setFormatter(
        ProcessorFormatter(
            foreign_pre_chain=_BEFORE,
            processors=[
                structlog.processors.TimeStamper(fmt="iso", utc=True),
                ProcessorFormatter.remove_processors_meta,
                *(_for_people() if out.isatty() else _for_programs()),
            ],
        )
    )
    logs.logger.addHandler(handler)
    logs.logger.setLevel(level)
    logs.algorithm_logger.setLevel(max(logs.logger.level, logging.WARNING))
    logs.logger.propagate = False
