"""A node's collector and the gateway, with the certificates that the README makes."""

from __future__ import annotations

import re
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest
import requests

from tests.observability.payloads import metrics
from tests.observability.processes import eventually, free_ports
from tests.observability.stack import DEPLOY, Collector, collector
from tests.observability.test_adding_up import by_organization, counters

GATEWAY = ("gateway.yaml", "gateway-tls.yaml")


@dataclass(frozen=True)
class Certificates:
    """The folders of the gateway and of a node."""

    gateway: Path
    node: Path


@pytest.fixture(scope="module")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Certificates:
    """Make them by the commands of deploy/compose/README.md."""
    if shutil.which("openssl") is None:
        pytest.skip("there is no openssl; get it with: apt-get install openssl")
    text = (DEPLOY / "compose" / "README.md").read_text("utf-8")
    block = re.search(r"^cd secrets\n(.+?)^cd \.\.\n", text, re.MULTILINE | re.DOTALL)
    assert block is not None
    commands = block[1].replace("DNS:telemetry.example", "IP:127.0.0.1")
    gateway, node = (tmp_path_factory.mktemp(name) for name in ("gateway", "node"))
    subprocess.run(["bash", "-euc", commands], cwd=gateway, check=True, capture_output=True)  # noqa: S603, S607 - the README's own
    for one, name in {
        "ca.pem": "ca.pem",
        "node-1.pem": "cert.pem",
        "node-1.key": "key.pem",
    }.items():
        shutil.copy(gateway / one, node / name)
    return Certificates(gateway, node)


@contextmanager
def gateway(folder: Path, certificates: Certificates, port: int) -> Iterator[Collector]:
    folder.mkdir()
    with collector(
        folder,
        *GATEWAY,
        V6CLIENT_TLS_FOLDER=str(certificates.gateway),
        V6CLIENT_REMOTE_ADDRESS=f"127.0.0.1:{port}",
        V6CLIENT_BURST_INTERVAL="700ms",
        V6CLIENT_BURST_WAIT="510ms",
    ) as this:
        yield this


@contextmanager
def node(folder: Path, certificates: Certificates, port: int) -> Iterator[Collector]:
    folder.mkdir(exist_ok=True)
    with collector(
        folder,
        "node-gateway.yaml",
        V6CLIENT_TLS_FOLDER=str(certificates.node),
        V6CLIENT_GATEWAY=f"https://127.0.0.1:{port}",
    ) as this:
        yield this


def arrives(at: Collector, value: int) -> bool:
    return bool(eventually(lambda: by_organization(counters(at)) == {1: float(value)}))


def test_a_node_reaches_the_gateway_and_others_do_not(
    tmp_path: Path, certificates: Certificates
) -> None:
    [port] = free_ports(1)
    with (
        gateway(tmp_path / "gateway", certificates, port) as there,
        node(tmp_path / "node", certificates, port) as here,
    ):
        here.send("metrics", metrics(value=3).SerializeToString())
        assert arrives(there, 3)
        url, ca = f"https://127.0.0.1:{port}/v1/metrics", str(certificates.node / "ca.pem")
        with pytest.raises(requests.RequestException):
            requests.post(url, data=b"", verify=ca, timeout=10)
        cert = (str(certificates.node / "cert.pem"), str(certificates.node / "key.pem"))
        headers = {"Content-Type": "application/x-protobuf"}
        answer = requests.post(url, data=b"", verify=ca, cert=cert, headers=headers, timeout=10)
        assert answer.ok


def test_what_the_gateway_missed_waits_at_the_node(
    tmp_path: Path, certificates: Certificates
) -> None:
    [port] = free_ports(1)
    with node(tmp_path / "node", certificates, port) as here:
        here.send("metrics", metrics(value=4).SerializeToString())
        # Taken over from the batch into the queue on the disk.
        assert eventually(lambda: "Will retry" in (tmp_path / "node" / "collector.log").read_text())
    # It is started again, and so is the gateway.
    with (
        gateway(tmp_path / "gateway", certificates, port) as there,
        node(tmp_path / "node", certificates, port),
    ):
        assert arrives(there, 4)
