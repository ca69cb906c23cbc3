"""The node's configuration of ``deploy/node``, at the sandbox's node: it encodes as real ones."""

from __future__ import annotations

import re
from pathlib import Path

from tests.observability.jobs import ALGORITHMS, IMAGE
from tests.observability.stack import DEPLOY
from tests.telemetry.collector import collector
from v6client.sandbox import Sandbox

FILE = DEPLOY / "node" / "node-telemetry.yaml"
# A host that is not one of the proxy's exceptions, and where nobody listens.
SQUID = "http://127.0.0.1:9"


def mapping(name: str) -> dict[str, str]:
    """Read a mapping of texts: the only kind of thing that the file has."""
    block = re.search(rf"^{name}:\n((?:(?:  .*)?\n)+)", FILE.read_text("utf-8"), re.MULTILINE)
    assert block is not None
    lines = [line for line in block[1].splitlines() if line.strip() and "#" not in line]
    found = [re.fullmatch(r'  ([\w-]+): "?(.*?)"?', line) for line in lines]
    return {one[1]: one[2] for one in found if one is not None}


def test_each_value_is_a_text() -> None:
    text = FILE.read_text("utf-8")
    values = re.findall(r"^  [A-Za-z_]+: (.*)$", text, re.MULTILINE)
    assert len(values) == len(mapping("algorithm_env"))
    assert all(value.startswith('"') and value.endswith('"') for value in values)


def test_the_collector_has_the_name_that_the_node_links() -> None:
    [(alias, container)] = mapping("docker_services").items()
    variables = mapping("algorithm_env")
    assert variables["OTEL_EXPORTER_OTLP_ENDPOINT"] == f"http://{alias}:4318"
    for name in ("NO_PROXY", "no_proxy"):
        assert alias in variables[name].split(",")
    compose = (DEPLOY / "compose" / "compose.yaml").read_text("utf-8")
    assert f"container_name: {container}\n" in compose


def test_a_container_of_a_node_with_it_exports_past_the_whitelist() -> None:
    # There is no such host here: its name becomes the fake collector's address.
    with collector() as backend:
        variables = {
            name: value.replace("http://otel-collector:4318", backend.endpoint).replace(
                "otel-collector", "127.0.0.1"
            )
            for name, value in mapping("algorithm_env").items()
        }
        by_node = {"HTTP_PROXY": SQUID, "http_proxy": SQUID}
        with Sandbox(
            1, algorithm_env={**by_node, **variables}, python_path=[ALGORITHMS]
        ) as sandbox:
            task = sandbox.researcher.create_task(IMAGE, "busy", [0.1], organizations=[1])
            assert sandbox.researcher.wait(task["id"])["status"] == "completed"
    assert {one.name for one in backend.spans()} >= {"algorithm", "organization.get"}
    assert {one.name for one in backend.metrics()} >= {"http.client.request.duration"}
    for resource in backend.resources("traces"):
        assert resource["deployment.environment.name"] == "production"


def test_the_same_container_without_the_exception_reaches_nobody() -> None:
    with collector() as backend:
        variables = {
            "OTEL_EXPORTER_OTLP_ENDPOINT": backend.endpoint,
            "HTTP_PROXY": SQUID,
            "http_proxy": SQUID,
            "NO_PROXY": "localhost,proxyserver",
            "no_proxy": "localhost,proxyserver",
        }
        with Sandbox(1, algorithm_env=variables, python_path=[ALGORITHMS]) as sandbox:
            task = sandbox.researcher.create_task(IMAGE, "busy", [0.1], organizations=[1])
            assert sandbox.researcher.wait(task["id"])["status"] == "completed"
    assert backend.spans() == []


def test_the_dockerfile_has_what_a_container_needs() -> None:
    text = (DEPLOY / "node" / "Dockerfile.example").read_text("utf-8")
    assert 'pip install --no-cache-dir "v6client[otlp]"' in text
    assert 'CMD ["python", "-m", "v6client"]' in text
    assert "otlp = [" in Path(DEPLOY.parent / "pyproject.toml").read_text("utf-8")
