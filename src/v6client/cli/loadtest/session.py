"""One run of the command: its network, its processes, what they counted."""

from __future__ import annotations

import contextlib
import dataclasses
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from v6client.cli.loadtest.network import METHOD, Outage, Restart, loaded_sandbox, restarting
from v6client.cli.loadtest.plan import Plan
from v6client.cli.loadtest.processes import free_port, patience, running
from v6client.cli.loadtest.target import Target, target_of
from v6client.errors import ConfigurationError
from v6client.identity import Identity

_PORTS = range(1, 65536)


@dataclass(frozen=True)
class Options:
    """What the command line says, besides the plan."""

    plan: Plan
    address: str | None
    token_file: Path | None
    method: str | None
    is_owned: bool
    restart_at: float
    restart_for: float
    role: str
    workers: int
    listen: str
    master: str
    web: int
    folder: Path


class Session:
    """Runs a load test once.

    Parameters
    ----------
    options
        What the command line says.

    Raises
    ------
    ConfigurationError
        When the options do not go together, or the address is not to be loaded.
    """

    def __init__(self, options: Options) -> None:
        self._options = options
        self._target = self._wanted_target()
        if options.role and self._target is None:
            raise ConfigurationError("--role goes with --address: the sandbox is on this machine")
        if options.restart_at and self._target is not None:
            raise ConfigurationError("--restart-at is for the sandbox: it restarts that one alone")
        if options.role == "master" and not options.workers:
            raise ConfigurationError("--role master: say how many --workers will come")
        method = options.method or ("work" if self._target else METHOD)
        self._plan = dataclasses.replace(options.plan, method=method)

    def run(self) -> tuple[dict[str, Any], tuple[float, float] | None, str]:
        """Make the load: what was counted, when the proxy was away, what was loaded."""
        options = self._options
        options.folder.mkdir(parents=True, exist_ok=True)
        with self._network() as (target, outage):
            configurations = self._configurations(target)
            with running(configurations, self._variables()) as processes:
                counts = processes[0].counts(patience(self._plan.seconds))
        where = "A proxy by its address" if options.address else "The sandbox's proxy"
        away = (outage.began, outage.ended) if outage.began else None
        return counts, away, where

    def _wanted_target(self) -> Target | None:
        options = self._options
        if options.address is None:
            if options.token_file or options.method:
                raise ConfigurationError("--token-file and --method go with --address")
            return None
        if options.token_file is None:
            raise ConfigurationError("--address needs --token-file, with a container's token")
        try:
            token = options.token_file.read_text("utf-8").strip()
        except (OSError, UnicodeError):
            raise ConfigurationError("--token-file: the file cannot be read") from None
        target = target_of(options.address, token, is_owned=options.is_owned)
        # Refused here, once, and not by each container.
        Identity.of(token)
        return target

    @contextlib.contextmanager
    def _network(self) -> Iterator[tuple[Target, Outage]]:
        if self._target is not None:
            yield self._target, Outage()
            return
        options = self._options
        restart = Restart(options.restart_at, options.restart_for) if options.restart_at else None
        with (
            loaded_sandbox() as (sandbox, target),
            restarting(sandbox, restart) as outage,
        ):
            yield target, outage

    def _configurations(self, target: Target) -> list[Mapping[str, Any]]:
        options = self._options
        common = {"plan": self._plan.to_json(), "target": target.to_json()}
        first = {**common, "web": options.web}
        if options.role == "worker":
            return [{**common, "role": "worker", "master": _place("--master", options.master)}]
        if not options.workers:
            return [{**first, "role": "alone"}]
        master = {**first, "role": "master", "workers": options.workers}
        if options.role == "master":
            return [{**master, "listen": _place("--listen", options.listen)}]
        place = ("127.0.0.1", free_port())
        worker = {**common, "role": "worker", "master": place}
        return [{**master, "listen": place}, *([worker] * options.workers)]

    def _variables(self) -> dict[str, str]:
        """Switch telemetry on, as it is in a container, and its log lines down."""
        variables = {"V6CLIENT_LOG_LEVEL": "ERROR", "V6CLIENT_PROGRESS": "never"}
        traces = self._options.folder.absolute() / "traces"
        if not any(name.startswith("OTEL_EXPORTER_OTLP") for name in os.environ):
            traces.mkdir(exist_ok=True)
            variables["V6CLIENT_TRACE_FILE"] = str(traces)
        return {name: text for name, text in variables.items() if name not in os.environ}


def _place(option: str, text: str) -> tuple[str, int]:
    host, _, port = text.rpartition(":")
    if not host or not port.isdecimal() or int(port) not in _PORTS:
        raise ConfigurationError(f"{option}: write it as 10.0.0.5:5557")
    return host, int(port)
