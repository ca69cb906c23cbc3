"""The stack of ``deploy/`` as children of the test, on 127.0.0.1 and in a folder of the test's.

The files are those of ``deploy/``; only addresses are others, and time is short: 30 seconds of the
rules are one here.
"""

from __future__ import annotations

import re
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import requests

from tests.observability.install import ROOT
from tests.observability.processes import (
    child,
    end,
    free_ports,
    get_json,
    program,
    wait_until_up,
)

DEPLOY = ROOT / "deploy"
SHORTER = 30

# The zeros stand for so many scrapes that a machine that is busy may miss some.
SCRAPE = "1s"
# How many times as often as deploy/prometheus scrapes.
QUICKER = 10
BURST_WAIT = "4700ms"
BURST_INTERVAL = "6100ms"

# A busy machine may miss a scrape or two.
LEAST_HOLD = 5

_SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86400}


def shorter(rules: str) -> str:
    """Give rules whose times are all a thirtieth."""

    def scaled(found: re.Match[str]) -> str:
        seconds = round(int(found["number"]) * _SECONDS[found["unit"]] / SHORTER)
        if found["before"] == "for: ":
            seconds = max(seconds, LEAST_HOLD)
        return f"{found['before']}{seconds}s"

    return re.sub(r"(?P<before>\[|offset |for: )(?P<number>\d+)(?P<unit>[smhd])\b", scaled, rules)


@dataclass
class Collector:
    """A collector that runs.

    Parameters
    ----------
    ports
        By what listens there.
    process, folder
        The child, and where its files are.
    """

    ports: Mapping[str, int]
    process: subprocess.Popen[bytes]
    folder: Path

    @property
    def endpoint(self) -> str:
        """Where containers send to."""
        return f"http://127.0.0.1:{self.ports['otlp']}"

    def own(self) -> dict[str, float]:
        """Give its own figures, by name with labels."""
        url = f"http://127.0.0.1:{self.ports['self']}/metrics"
        lines = requests.get(url, timeout=30).text.splitlines()
        pairs = [line.rsplit(" ", 1) for line in lines if line and not line.startswith("#")]
        return {name: float(value) for name, value in pairs}

    def send(self, signal: str, body: bytes) -> None:
        """Send an OTLP request as it is."""
        requests.post(
            f"{self.endpoint}/v1/{signal}",
            data=body,
            headers={"Content-Type": "application/x-protobuf"},
            timeout=30,
        ).raise_for_status()


@contextmanager
def collector(
    folder: Path, *configurations: str, traces_port: int = 1, **more: str
) -> Iterator[Collector]:
    """Run the real collector with configurations of ``deploy/collector``."""
    names = ("otlp", "late", "remote", "health", "metrics", "gauges", "self")
    ports = dict(zip(names, free_ports(len(names)), strict=True))
    addresses = {
        f"V6CLIENT_{name.upper()}_ADDRESS": f"127.0.0.1:{port}" for name, port in ports.items()
    }
    files = [DEPLOY / "collector" / one for one in ("privacy.yaml", *configurations)]
    arguments = [part for one in files for part in ("--config", str(one))]
    environ = {
        **addresses,
        "V6CLIENT_SELF_PORT": str(ports["self"]),
        "V6CLIENT_TRACES_ENDPOINT": f"http://127.0.0.1:{traces_port}",
        "V6CLIENT_TELEMETRY_FOLDER": str(folder),
        "V6CLIENT_LOG_FILE": str(folder / "logs.jsonl"),
        "V6CLIENT_BURST_INTERVAL": BURST_INTERVAL,
        "V6CLIENT_BURST_WAIT": BURST_WAIT,
        **more,
    }
    with child(
        "collector", str(program("collector")), *arguments, folder=folder, environ=environ
    ) as process:
        url = f"http://127.0.0.1:{ports['health']}/"
        wait_until_up(url, process, folder / "collector.log")
        yield Collector(ports, process, folder)


@dataclass
class Stack:
    """Everything that runs."""

    collector: Collector
    prometheus: str
    alertmanager: str
    jaeger: str

    def query(self, expression: str, **parameters: str) -> list[tuple[dict[str, str], float]]:
        """Ask Prometheus for a vector."""
        found = get_json(f"{self.prometheus}/api/v1/query", query=expression, **parameters)
        return [(one["metric"], float(one["value"][1])) for one in found["data"]["result"]]

    def number(self, expression: str, **parameters: str) -> float:
        """Ask Prometheus for one number; 0 for nothing."""
        return sum(value for _, value in self.query(expression, **parameters))

    def firing(self) -> set[tuple[str, str]]:
        """Give the alerts that Alertmanager has, each with its organization."""
        found = get_json(f"{self.alertmanager}/api/v2/alerts")
        return {
            (one["labels"]["alertname"], one["labels"].get("v6client_organization_id", ""))
            for one in found
        }

    def services(self) -> list[str]:
        """Give the services that the trace store knows."""
        return list(get_json(f"{self.jaeger}/api/v3/services")["services"])

    def trace(self, trace_id: str) -> list[dict[str, Any]]:
        """Give the spans of a trace from the trace store."""
        response = requests.get(f"{self.jaeger}/api/v3/traces/{trace_id}", timeout=30)
        if response.status_code == requests.codes.not_found:
            return []
        response.raise_for_status()
        return [
            span
            for of_resource in response.json()["result"]["resourceSpans"]
            for scope in of_resource["scopeSpans"]
            for span in scope["spans"]
        ]


@contextmanager
def stack(folder: Path) -> Iterator[Stack]:
    """Run trace store, collector, Alertmanager and Prometheus."""
    with ExitStack() as running:
        jaeger, traces_port = running.enter_context(_jaeger(folder))
        this = running.enter_context(collector(folder, "gateway.yaml", traces_port=traces_port))
        alertmanager = running.enter_context(_alertmanager(folder))
        prometheus = running.enter_context(_prometheus(folder, this, alertmanager))
        yield Stack(this, prometheus, alertmanager, jaeger)


@contextmanager
def _jaeger(folder: Path) -> Iterator[tuple[str, int]]:
    health, otlp, query, grpc = free_ports(4)
    environ = {
        "JAEGER_HEALTH_ADDRESS": f"127.0.0.1:{health}",
        "JAEGER_OTLP_ADDRESS": f"127.0.0.1:{otlp}",
        "JAEGER_QUERY_ADDRESS": f"127.0.0.1:{query}",
        "JAEGER_QUERY_GRPC_ADDRESS": f"127.0.0.1:{grpc}",
        "JAEGER_FOLDER": str(folder / "jaeger"),
    }
    (folder / "jaeger").mkdir()
    config = DEPLOY / "compose" / "jaeger.yaml"
    with child(
        *("jaeger", str(program("jaeger")), "--config", str(config)), folder=folder, environ=environ
    ) as process:
        url = f"http://127.0.0.1:{health}/status"
        wait_until_up(url, process, folder / "jaeger.log")
        yield f"http://127.0.0.1:{query}", otlp


@contextmanager
def _alertmanager(folder: Path) -> Iterator[str]:
    [port] = free_ports(1)
    text = (DEPLOY / "prometheus" / "alertmanager.yml").read_text("utf-8")
    config = folder / "alertmanager.yml"
    config.write_text(text.replace("group_wait: 30s", "group_wait: 0s"))
    with child(
        "alertmanager",
        str(program("alertmanager")),
        f"--config.file={config}",
        f"--storage.path={folder / 'alertmanager'}",
        f"--web.listen-address=127.0.0.1:{port}",
        "--cluster.listen-address=",
        folder=folder,
    ) as process:
        url = f"http://127.0.0.1:{port}"
        wait_until_up(f"{url}/-/ready", process, folder / "alertmanager.log")
        yield url


@contextmanager
def _prometheus(folder: Path, this: Collector, alertmanager: str) -> Iterator[str]:
    [port] = free_ports(1)
    home = folder / "prometheus"
    (home / "rules").mkdir(parents=True)
    for path in (DEPLOY / "prometheus" / "rules").glob("*.yml"):
        (home / "rules" / path.name).write_text(shorter(path.read_text("utf-8")))
    text = (DEPLOY / "prometheus" / "prometheus.yml").read_text("utf-8")
    for before, after in {
        "scrape_interval: 10s": f"scrape_interval: {SCRAPE}",
        "evaluation_interval: 15s": f"evaluation_interval: {SCRAPE}",
        "otel-collector:8889": f"127.0.0.1:{this.ports['metrics']}",
        "otel-collector:8890": f"127.0.0.1:{this.ports['gauges']}",
        "otel-collector:8888": f"127.0.0.1:{this.ports['self']}",
        "alertmanager:9093": alertmanager.removeprefix("http://"),
    }.items():
        assert before in text, before
        text = text.replace(before, after)
    (home / "prometheus.yml").write_text(text)
    with child(
        "prometheus",
        str(program("prometheus")),
        f"--config.file={home / 'prometheus.yml'}",
        f"--storage.tsdb.path={home / 'data'}",
        f"--web.listen-address=127.0.0.1:{port}",
        folder=folder,
    ) as process:
        url = f"http://127.0.0.1:{port}"
        wait_until_up(f"{url}/-/ready", process, folder / "prometheus.log")
        yield url


def stop_collector(this: Stack) -> None:
    """End the collector alone."""
    end(this.collector.process)


def scraped(this: Stack) -> float:
    """Give the moment of the last scrape of the counters, seconds since 1970."""
    return this.number("max(timestamp(http_client_request_duration_seconds_count))")
