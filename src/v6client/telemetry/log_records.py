"""Our log events as log records of OpenTelemetry, whose API for it differs by version."""

from __future__ import annotations

import inspect
import logging
import time
from collections.abc import Mapping
from typing import Any, Final

from opentelemetry import trace
from opentelemetry._logs import SeverityNumber
from opentelemetry.sdk._logs import LoggerProvider
from opentelemetry.sdk.resources import Resource

from v6client._version import __version__
from v6client.telemetry import schema
from v6client.telemetry.entries import LogEvent

# https://opentelemetry.io/docs/specs/otel/logs/data-model/#field-severitynumber
_SEVERITY: Final = {
    logging.DEBUG: SeverityNumber.DEBUG,
    logging.INFO: SeverityNumber.INFO,
    logging.WARNING: SeverityNumber.WARN,
    logging.ERROR: SeverityNumber.ERROR,
}


class LogRecords:
    """Emits log events through a logger provider.

    Parameters
    ----------
    provider, resource
        The provider and its resource.
    """

    def __init__(self, provider: LoggerProvider, resource: Resource) -> None:
        self._logger: Any = provider.get_logger(schema.INSTRUMENTATION, __version__)
        self._resource = resource
        # Since 1.36 the logger takes the parts of a record; before, a record of the SDK's.
        self._takes_parts = "severity_number" in inspect.signature(self._logger.emit).parameters

    def emit(self, event: LogEvent, fields: Mapping[str, Any]) -> None:
        """Emit an event: its name is the body, its fields are the attributes."""
        now = time.time_ns()
        parts: dict[str, Any] = {
            "timestamp": now,
            "observed_timestamp": now,
            "severity_number": _SEVERITY[event.level],
            "severity_text": logging.getLevelName(event.level),
            "body": event.name,
            "attributes": dict(fields),
        }
        if self._takes_parts:
            self._logger.emit(**parts)
            return
        self._logger.emit(self._record(parts))

    def _record(self, parts: dict[str, Any]) -> Any:  # noqa: ANN401 - gone in later versions
        from opentelemetry.sdk import _logs  # noqa: PLC0415 - the class is not in all versions

        context = trace.get_current_span().get_span_context()
        kind: Any = vars(_logs)["LogRecord"]
        return kind(
            **parts,
            trace_id=context.trace_id,
            span_id=context.span_id,
            trace_flags=context.trace_flags,
            resource=self._resource,
        )
