"""What is said when telemetry cannot be exported: once, by us, and nothing by the libraries."""

from __future__ import annotations

import logging
import threading
from typing import Final

from opentelemetry import context as context_api
from opentelemetry.context import _SUPPRESS_INSTRUMENTATION_KEY

from v6client.telemetry import logs, schema

# They print tracebacks, with addresses and headers, each time that an export fails; and the headers
# themselves, where they are written wrongly.
_TALKATIVE: Final = (
    *("opentelemetry.sdk", "opentelemetry.exporter"),
    *("opentelemetry.util", "opentelemetry.attributes"),
)
_HTTP: Final = ("urllib3.connectionpool", "requests")


class Losses:
    """Tells the first loss of telemetry in a log line, and no other."""

    def __init__(self) -> None:
        self._was_told = False
        self._lock = threading.Lock()

    def tell(self, signal: str, error_type: str) -> None:
        """Tell that something could not be exported, unless one was told before.

        Parameters
        ----------
        signal
            ``traces``, ``metrics`` or ``logs``.
        error_type
            An error's class, or a word.
        """
        with self._lock:
            if self._was_told:
                return
            self._was_told = True
        logs.emit(schema.TELEMETRY_LOST, signal=signal, error_type=error_type)


def _is_no_export(_record: logging.LogRecord) -> bool:
    return not context_api.get_value(_SUPPRESS_INSTRUMENTATION_KEY)


def silence_exporters() -> None:
    """Silence what the SDK, its exporters, and urllib3 on their behalf have to say."""
    for name in _TALKATIVE:
        logging.getLogger(name).setLevel(logging.CRITICAL + 1)
    for name in _HTTP:
        # The algorithm may use it, too: only what an export says is left out.
        logging.getLogger(name).addFilter(_is_no_export)
