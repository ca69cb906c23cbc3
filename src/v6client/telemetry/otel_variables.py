"""What OpenTelemetry's own environment variables ask for. Pure: it is given the variables.

Source: https://opentelemetry.io/docs/specs/otel/configuration/sdk-environment-variables/ and
https://opentelemetry.io/docs/specs/otel/protocol/exporter/. Headers, timeout, compression and
certificates are read by the exporters themselves, the sampler by the SDK.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final
from urllib.parse import unquote

TRACES: Final = "traces"
METRICS: Final = "metrics"
LOGS: Final = "logs"
SIGNALS: Final = (TRACES, METRICS, LOGS)

WRONG_PROTOCOL: Final = "set OTEL_EXPORTER_OTLP_PROTOCOL to http/protobuf"
WRONG_VALUE: Final = "a variable has a value that is not allowed"

_PROTOCOL: Final = "http/protobuf"
_LONGEST_INTERVAL_MS: Final = 3_600_000.0
_DIGITS: Final = 18
# What they name is loaded when a span or a metric is made first; what is not there then, and it
# never is in a container that did not bring it, fails the algorithm.
PROVIDERS: Final = (
    "OTEL_PYTHON_TRACER_PROVIDER",
    "OTEL_PYTHON_METER_PROVIDER",
    "OTEL_PYTHON_LOGGER_PROVIDER",
)


@dataclass(frozen=True, slots=True)
class Wanted:
    """What is to be exported.

    Parameters
    ----------
    otlp
        The signals that go to a collector.
    refused
        The signals that the variables switch off, also for a file.
    problems
        What cannot be done as asked, each as a reason of the schema's.
    """

    otlp: frozenset[str]
    refused: frozenset[str]
    problems: frozenset[str]


def is_disabled(environ: Mapping[str, str]) -> bool:
    """Tell whether ``OTEL_SDK_DISABLED`` switches everything off."""
    return environ.get("OTEL_SDK_DISABLED", "").strip().lower() == "true"


def wanted(environ: Mapping[str, str], *, export_logs: bool) -> Wanted:
    """Tell which signals are exported.

    A signal goes to a collector where an endpoint is set, or its exporter is ``otlp``; logs only
    where they are asked for by ``OTEL_LOGS_EXPORTER`` or by ``export_logs``. ``none`` switches a
    signal off.
    """
    otlp, refused, problems = set(), set(), set()
    for signal in SIGNALS:
        asked = _words(environ.get(f"OTEL_{signal.upper()}_EXPORTER", ""))
        if asked - {"otlp", "none"}:
            problems.add(WRONG_VALUE)
        if "none" in asked or (signal == LOGS and not export_logs and "otlp" not in asked):
            refused.add(signal)
        elif "otlp" in asked or (not asked and _value(environ, "ENDPOINT", signal)):
            if _value(environ, "PROTOCOL", signal) in {"", _PROTOCOL}:
                otlp.add(signal)
            else:
                problems.add(WRONG_PROTOCOL)
    return Wanted(frozenset(otlp), frozenset(refused), frozenset(problems))


def resource_attributes(environ: Mapping[str, str]) -> dict[str, str]:
    """Read ``OTEL_RESOURCE_ATTRIBUTES`` (``key=value``, percent-encoded) and the service's name."""
    found = {}
    for pair in environ.get("OTEL_RESOURCE_ATTRIBUTES", "").split(","):
        key, is_pair, value = pair.partition("=")
        if is_pair:
            found[key.strip()] = unquote(value.strip())
    name = environ.get("OTEL_SERVICE_NAME", "").strip()
    return {**found, "service.name": name} if name else found


def is_cumulative(environ: Mapping[str, str]) -> bool:
    """Tell whether metrics are to be cumulative, as the variable for it may say."""
    preference = environ.get("OTEL_EXPORTER_OTLP_METRICS_TEMPORALITY_PREFERENCE", "")
    return preference.strip().lower() == "cumulative"


def interval_ms(environ: Mapping[str, str]) -> float | None:
    """Read the milliseconds between two exports of metrics; ``None`` where none are set."""
    text = environ.get("OTEL_METRIC_EXPORT_INTERVAL", "").strip()
    is_number = text.isascii() and text.isdecimal() and int(text[:9]) > 0
    return min(float(text[:_DIGITS]), _LONGEST_INTERVAL_MS) if is_number else None


def _words(text: str) -> set[str]:
    return {word for one in text.lower().split(",") if (word := one.strip())}


def _value(environ: Mapping[str, str], name: str, signal: str) -> str:
    """Read a variable of one signal, else that of all."""
    own = environ.get(f"OTEL_EXPORTER_OTLP_{signal.upper()}_{name}", "").strip()
    return own or environ.get(f"OTEL_EXPORTER_OTLP_{name}", "").strip()
