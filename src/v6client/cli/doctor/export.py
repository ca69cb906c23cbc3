"""Whether telemetry gets out: what is asked for, whether it can be sent, and on which way."""

from __future__ import annotations

import importlib.util
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

import requests
from requests.utils import should_bypass_proxies

from v6client.cli.addresses import http_parts
from v6client.cli.doctor.check import Check, bad, good, note
from v6client.cli.trace.otlp import certificate_of, headers_of
from v6client.errors import ConfigurationError
from v6client.setting import read
from v6client.settings import TelemetrySettings
from v6client.telemetry import otel_variables
from v6client.telemetry.otel_variables import SIGNALS

_ENDPOINT: Final = "OTEL_EXPORTER_OTLP_ENDPOINT"
_DEFAULT: Final = "http://localhost:4318"
_NO_PROXY: Final = (
    "Add the collector's name to NO_PROXY in the node's algorithm_env, or to the node's whitelist."
)
# Of no host: an empty text would make requests look at the process's own variable.
_NONE: Final = "none.invalid"
_TIMEOUT: Final = (5.0, 10.0)
_OK: Final = range(200, 300)
_REFUSED: Final = frozenset({401, 403})
_NO_SUCH: Final = frozenset({404, 405})
_PROXY_ASKS: Final = 407


def check_export(environ: Mapping[str, str]) -> Iterator[Check]:
    """Check the export of telemetry.

    Parameters
    ----------
    environ
        The decoded variables.
    """
    if otel_variables.is_disabled(environ):
        yield note("telemetry", "switched off by OTEL_SDK_DISABLED")
        return
    settings = _settings(environ)
    wanted = otel_variables.wanted(environ, export_logs=settings.export_logs)
    for problem in sorted(wanted.problems):
        yield bad("telemetry", problem, "docs/tracing.md says which variables take which values.")
    if settings.trace_file:
        yield _check_file(settings.trace_file, environ)
    if not wanted.otlp:
        if not settings.trace_file and not wanted.problems:
            yield note(
                "telemetry",
                f"nothing is exported: neither {_ENDPOINT} nor V6CLIENT_TRACE_FILE is set",
            )
        return
    if not _has_exporter():
        yield bad(
            "telemetry",
            "the exporter is not installed",
            "Write pip install 'v6client[otlp]' in the image's Dockerfile.",
        )
    for signal in SIGNALS:
        if signal in wanted.otlp:
            yield _check_endpoint(signal, environ)


def _settings(environ: Mapping[str, str]) -> TelemetrySettings:
    try:
        return read(TelemetrySettings, environ)
    except ConfigurationError:
        # Which is wrong is told by the check of settings.
        return TelemetrySettings()


def _has_exporter() -> bool:
    try:
        return importlib.util.find_spec("opentelemetry.exporter.otlp.proto.http") is not None
    except ImportError:
        return False


def _check_file(wanted: str, environ: Mapping[str, str]) -> Check:
    name = "trace file"
    folder = Path(wanted)
    if wanted.lower() in {"true", "yes", "1"}:
        folder = Path(environ.get("TEMPORARY_FOLDER") or os.curdir)
    elif not folder.is_dir():
        folder = folder.parent
    if folder.is_dir() and os.access(folder, os.W_OK | os.X_OK):
        return good(name, "can be written where V6CLIENT_TRACE_FILE says")
    return bad(
        name,
        "cannot be written where V6CLIENT_TRACE_FILE says",
        "Name a folder that is mounted into the container and that its user may write to.",
    )


@dataclass(frozen=True, slots=True)
class Way:
    """How an address is reached: the variable that names a proxy, and its address; or neither."""

    variable: str
    proxy: str

    @property
    def words(self) -> str:
        """Say it, without the address."""
        if not self.variable:
            return "directly"
        return f"through the proxy that {self.variable} names"


def way_to(url: str, environ: Mapping[str, str]) -> Way:
    """Find the way that requests, and so the exporter, takes to an address."""
    scheme = urlsplit(url).scheme
    no_proxy = environ.get("no_proxy") or environ.get("NO_PROXY") or ""
    if should_bypass_proxies(url, no_proxy=no_proxy or _NONE):
        return Way("", "")
    for variable in (f"{scheme}_proxy", f"{scheme.upper()}_PROXY", "all_proxy", "ALL_PROXY"):
        if environ.get(variable):
            return Way(variable, environ[variable])
    return Way("", "")


def endpoint_of(signal: str, environ: Mapping[str, str]) -> tuple[str, str]:
    """Give the variable that names the endpoint of a signal, and its address."""
    own = f"OTEL_EXPORTER_OTLP_{signal.upper()}_ENDPOINT"
    if environ.get(own, "").strip():
        return own, environ[own].strip()
    given = environ.get(_ENDPOINT, "").strip()
    return (_ENDPOINT if given else "the default"), f"{(given or _DEFAULT).rstrip('/')}/v1/{signal}"


def _check_endpoint(signal: str, environ: Mapping[str, str]) -> Check:
    name = f"OTLP {signal}"
    variable, url = endpoint_of(signal, environ)
    parts = http_parts(url)
    if parts is None:
        return bad(name, f"{variable} is no address", "Write it as http://collector:4318.")
    way = way_to(url, environ)
    try:
        with requests.Session() as session:
            session.trust_env = False
            answer = session.post(
                url,
                # An empty message is a valid one, with nothing in it.
                data=b"",
                headers={**headers_of(environ), "Content-Type": "application/x-protobuf"},
                proxies={parts.scheme: way.proxy} if way.proxy else {},
                verify=certificate_of(environ),
                timeout=_TIMEOUT,
                allow_redirects=False,
            )
    except (requests.RequestException, OSError, ValueError) as error:
        return _not_reached(name, variable, way, type(error).__name__)
    return _answered(name, variable, way, answer.status_code)


def _not_reached(name: str, variable: str, way: Way, error: str) -> Check:
    text = f"{variable}: not reached {way.words} ({error})"
    if way.variable:
        return bad(
            name,
            text,
            f"The node sends what leaves through its proxy. {_NO_PROXY}",
        )
    return bad(
        name,
        text,
        "A container reaches only what its node links: name the collector in docker_services of "
        "the node's configuration, and let it listen on 0.0.0.0, port 4318.",
    )


def _answered(name: str, variable: str, way: Way, status: int) -> Check:
    text = f"{variable}: answers HTTP {status} {way.words}"
    if status in _OK:
        return good(name, f"{variable}: takes what is sent {way.words}")
    if status == _PROXY_ASKS or (way.variable and status in _REFUSED):
        return bad(
            name,
            text,
            f"The proxy between may have refused. {_NO_PROXY}",
        )
    if status in _REFUSED:
        return bad(name, text, "The backend wants a key: OTEL_EXPORTER_OTLP_HEADERS carries it.")
    if status in _NO_SUCH:
        return bad(
            name, text, f"There is no OTLP over HTTP at this path: {_ENDPOINT} is without /v1/…."
        )
    return bad(name, text, "Look at the collector's log.")
