"""The bootstrap: exports this process's telemetry, where the environment asks for it.

It fails nothing: what cannot be done is told in one line of the log, and the algorithm goes on.
"""

from __future__ import annotations

import atexit
import dataclasses
import importlib.util
import os
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from opentelemetry import metrics as metrics_api
from opentelemetry import trace as trace_api
from opentelemetry._logs import set_logger_provider
from opentelemetry.trace import TracerProvider

from v6client._version import __version__
from v6client.errors import ConfigurationError
from v6client.setting import variable_of
from v6client.settings import TelemetrySettings
from v6client.telemetry import logs, metrics, otel_variables, schema, spans
from v6client.telemetry.closing import Closing
from v6client.telemetry.notices import Losses, silence_exporters
from v6client.telemetry.providers import application_measures, application_traces
from v6client.telemetry.trace_file import TraceFile, path_of

_NO_EXTRA: Final = "install v6client[otlp] in the image"
_NO_FILE: Final = "the trace file cannot be made"
_NO_SDK: Final = "the SDK cannot be set up"


@dataclass
class _Process:
    """What was put in place for this process."""

    pid: int = 0
    closing: Closing | None = None
    file: TraceFile | None = None
    flush_seconds: float = 0.0
    losses: Losses = dataclasses.field(default_factory=Losses)
    provider: TracerProvider | None = None


_process: Final = _Process()


def owns_provider() -> bool:
    """Tell whether our spans go to our own provider, which exports them.

    Their ids come from :data:`v6client.telemetry.ids.run_span_ids` then.
    """
    provider = _process.provider
    if provider is None or _process.pid != os.getpid():
        return False
    return not application_traces() or trace_api.get_tracer_provider() is provider


def is_forked() -> bool:
    """Tell whether this process was forked from one with our provider, and so exports nothing."""
    return _process.pid not in {0, os.getpid()} and not application_traces()


def samples(trace_id: int) -> bool:
    """Tell whether our provider would record a trace that begins with this id."""
    sampler = getattr(_process.provider, "sampler", None)
    return sampler is None or (
        sampler.should_sample(None, trace_id, schema.ALGORITHM).decision.is_sampled()
    )


def is_exporting() -> bool:
    """Tell whether our spans go anywhere: to our own provider, or to the application's."""
    return owns_provider() or application_traces()


def settings_of(environ: Mapping[str, str]) -> tuple[TelemetrySettings, list[str]]:
    """Read the settings; what is wrong keeps its default.

    Returns
    -------
    tuple of TelemetrySettings and list of str
        The settings, and the variables whose values are not allowed.
    """
    right: dict[str, str] = {}
    wrong = []
    for one in dataclasses.fields(TelemetrySettings):
        variable = variable_of(one.name)
        if variable not in environ:
            continue
        try:
            TelemetrySettings.from_environment({variable: environ[variable]})
        except ConfigurationError:
            wrong.append(variable)
        else:
            right[variable] = environ[variable]
    return TelemetrySettings.from_environment(right), wrong


def start(
    settings: TelemetrySettings,
    environ: Mapping[str, str],
    *,
    who: Mapping[str, int],
    folder: str,
) -> None:
    """Put our own providers in place, where something is to be exported; only the first call does.

    A provider that the application has set, before or later, is used instead, untouched.

    Parameters
    ----------
    settings
        What v6client's own variables say.
    environ
        The (decoded) variables of the process, for OpenTelemetry's own.
    who
        The container's ids, by attribute of the schema; empty outside of one.
    folder
        Where the trace file goes, if only that there is one is said.
    """
    if _process.closing is not None or otel_variables.is_disabled(environ):
        return
    wanted = otel_variables.wanted(environ, export_logs=settings.export_logs)
    problems = set(wanted.problems)
    if wanted.otlp and not _has_extra():
        wanted = dataclasses.replace(wanted, otlp=frozenset())
        problems.add(_NO_EXTRA)
    file = None
    try:
        if wanted.refused != set(otel_variables.SIGNALS):
            file = _file_of(settings, folder)
    except (OSError, ValueError):
        problems.add(_NO_FILE)
    if wanted.otlp or file is not None:
        try:
            _put_in_place(settings, environ, wanted, file, who)
        except Exception:  # noqa: BLE001 - telemetry fails nothing
            problems.add(_NO_SDK)
    for problem in sorted(problems):
        logs.emit(schema.TELEMETRY_UNAVAILABLE, reason=problem)


def tell_wrong(variables: list[str]) -> None:
    """Tell which variables of telemetry have values that are not allowed."""
    for variable in variables:
        logs.emit(
            schema.TELEMETRY_UNAVAILABLE, reason=otel_variables.WRONG_VALUE, variable=variable
        )


def stop() -> None:
    """Export what is left, for at most ``flush_seconds``; telemetry of later goes nowhere.

    Called when the process ends; calling it again does nothing.
    """
    closing = _process.closing
    if closing is None or _process.pid != os.getpid():
        return
    _process.closing = _process.provider = None
    spans.place.own = metrics.place.own = None
    logs.export_to(None)
    late = closing.close(_process.flush_seconds)
    if late:
        _process.losses.tell(late[0].split()[0], "flush_timeout")
    elif _process.file is not None:
        _process.file.close()


def _has_extra() -> bool:
    try:
        return importlib.util.find_spec("opentelemetry.exporter.otlp.proto.http") is not None
    except ImportError:
        return False


def _file_of(settings: TelemetrySettings, folder: str) -> TraceFile | None:
    if not settings.trace_file:
        return None
    name = f"v6client-{os.getpid()}-{secrets.token_hex(4)}.otlp.jsonl"
    return TraceFile(
        path_of(settings.trace_file, folder=folder, name=name),
        most_bytes=settings.trace_file_bytes,
        on_full=lambda size: logs.emit(schema.TRACE_FILE_FULL, bytes=size),
    )


def _put_in_place(
    settings: TelemetrySettings,
    environ: Mapping[str, str],
    wanted: otel_variables.Wanted,
    file: TraceFile | None,
    who: Mapping[str, int],
) -> None:
    # The SDK takes a tenth of a second to import; only who exports pays for it.
    from v6client.telemetry.pipeline import Pipeline, Plan  # noqa: PLC0415
    from v6client.telemetry.resource import resource_of  # noqa: PLC0415

    foreign = settings.export_foreign
    given = otel_variables.resource_attributes(environ)
    resource, metric_resource = resource_of(who, given, foreign=foreign)
    plan = Plan(
        otlp=wanted.otlp,
        refused=wanted.refused,
        file=file,
        foreign=foreign,
        resource=resource,
        metric_resource=metric_resource,
        is_cumulative=otel_variables.is_cumulative(environ),
        interval_ms=otel_variables.interval_ms(environ),
        told=_process.losses.tell,
    )
    silence_exporters()
    pipeline = Pipeline(plan)
    tracer_provider = None if application_traces() else pipeline.tracer_provider()
    meter_provider = None if application_measures() else pipeline.meter_provider()
    logger_provider = pipeline.logger_provider()
    if foreign:
        # What others emit finds them there only; ours is found there, too.
        if tracer_provider:
            trace_api.set_tracer_provider(tracer_provider)
        if meter_provider:
            metrics_api.set_meter_provider(meter_provider)
        if logger_provider:
            set_logger_provider(logger_provider)
    elif meter_provider:
        meter = meter_provider.get_meter(schema.INSTRUMENTATION, __version__)
        metrics.place.own = metrics.Instruments(meter)
    if tracer_provider:
        spans.place.own = tracer_provider.get_tracer(schema.INSTRUMENTATION, __version__)
        _process.provider = tracer_provider
    if logger_provider:
        logs.export_to(pipeline.log_records(logger_provider).emit)
    _process.pid, _process.file = os.getpid(), file
    _process.flush_seconds = settings.flush_seconds
    _process.closing = Closing(pipeline.closes)
    atexit.register(stop)
