"""Fail-open: a collector that is away, silent, failing or slow costs the algorithm nothing.

What is waited for at the end is compared with what the SDK would wait for; no test asserts a time
that a busy machine could not keep.
"""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.peer import answer
from tests.telemetry.collector import collector
from tests.telemetry.containers import Ended, proxy, run, start

LIST = answer({"data": [{"id": 2, "name": "canary-name"}], "links": {}})
# Were the end not bounded, a silent collector would keep it for as long.
SDK_WAITS = 55
MUCH_LESS = 25


@contextmanager
def nobody() -> Iterator[str]:
    """Give an endpoint where nobody listens."""
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        yield f"http://127.0.0.1:{bound.getsockname()[1]}"


@contextmanager
def endpoint(manner: str) -> Iterator[str]:
    """Give the endpoint of a collector that behaves so."""
    if manner == "refused":
        with nobody() as where:
            yield where
    elif manner == "unresolvable":
        yield "http://collector.invalid:4318"
    else:
        with collector(manner) as backend:  # type: ignore[arg-type]  # one of its manners
            yield backend.endpoint


def ended_with(tmp_path: Path, manner: str, **more: str) -> Ended:
    with endpoint(manner) as where, proxy(LIST) as server:
        return run(
            tmp_path,
            "organizations",
            port=server.port,
            OTEL_EXPORTER_OTLP_ENDPOINT=where,
            OTEL_EXPORTER_OTLP_TIMEOUT=str(SDK_WAITS),
            V6CLIENT_EXPORT_LOGS="1",
            **more,
        )


@pytest.mark.parametrize("manner", ["refused", "unresolvable", "silent", "failing"])
def test_a_dead_collector_is_told_once_and_delays_the_end_a_little(
    tmp_path: Path, manner: str
) -> None:
    ended = ended_with(tmp_path, manner, V6CLIENT_FLUSH_SECONDS="0.5")
    assert (ended.status, ended.output, ended.errors) == (0, "[2]", "")
    assert ended.seconds < MUCH_LESS
    [lost] = ended.named("telemetry.lost")
    assert lost["level"] == "warning"
    assert lost["signal"] in {"traces", "metrics", "logs"}
    assert "Traceback" not in ended.log
    assert len(ended.events) == len(ended.log.splitlines()) == 3


def test_a_slow_collector_gets_everything(tmp_path: Path) -> None:
    ended = ended_with(tmp_path, "slow", V6CLIENT_FLUSH_SECONDS="20")
    assert not ended.named("telemetry.lost")
    assert ended.status == 0


def test_a_run_that_is_terminated_ends_soon_as_well(tmp_path: Path) -> None:
    with endpoint("silent") as where:
        container = start(
            tmp_path,
            "sleep",
            50,
            OTEL_EXPORTER_OTLP_ENDPOINT=where,
            OTEL_EXPORTER_OTLP_TIMEOUT=str(SDK_WAITS),
            V6CLIENT_FLUSH_SECONDS="0.5",
        )
        container.wait_until_ready()
        container.process.send_signal(signal.SIGTERM)
        ended = container.ended()
    assert (ended.status, ended.errors) == (143, "")
    assert ended.seconds < MUCH_LESS
    assert len(ended.named("telemetry.lost")) == 1


def test_a_silent_collector_blocks_no_request(tmp_path: Path) -> None:
    algorithm = """
from v6client import algorithm_client

@algorithm_client
def many(client):
    # Full queues, several times.
    return sum(len(client.organization.list()) for _ in range(700))
"""
    with endpoint("silent") as where, proxy(*[LIST] * 700) as server:
        ended = run(
            tmp_path,
            "many",
            port=server.port,
            algorithm=algorithm,
            OTEL_EXPORTER_OTLP_ENDPOINT=where,
            OTEL_EXPORTER_OTLP_TIMEOUT=str(SDK_WAITS),
            V6CLIENT_FLUSH_SECONDS="0.1",
        )
    assert (ended.status, ended.output, ended.errors) == (0, "700", "")
    assert ended.named("run.finished")[0]["requests"] == 700
    assert len(ended.named("telemetry.lost")) == 1


@pytest.mark.skipif(sys.platform != "linux", reason="the peak is in other units elsewhere")
def test_a_dead_collector_makes_the_process_no_bigger() -> None:
    with nobody() as where:
        measured = subprocess.run(
            [sys.executable, "-m", "tests.telemetry.memory", "20000"],
            env={
                **os.environ,
                "OTEL_EXPORTER_OTLP_ENDPOINT": where,
                "V6CLIENT_EXPORT_LOGS": "1",
                "V6CLIENT_FLUSH_SECONDS": "0",
            },
            cwd=Path(__file__).parents[2],
            capture_output=True,
            text=True,
            timeout=120,
            check=True,
        )
    # 20,000 requests emit 60,000 spans and lines, each of a kilobyte and more.
    assert int(measured.stderr) < 5_000_000
