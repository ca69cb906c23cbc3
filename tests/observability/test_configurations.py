"""What the programs themselves say of the files in ``deploy/``: is each one valid?"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.observability.install import ALERTMANAGER_VERSION
from tests.observability.processes import program, said
from tests.observability.stack import DEPLOY, shorter

COLLECTOR = DEPLOY / "collector"
PROMETHEUS = DEPLOY / "prometheus"
COMPOSE = DEPLOY / "compose"


@pytest.mark.parametrize(
    "files",
    [
        ("gateway.yaml",),
        ("gateway.yaml", "gateway-tls.yaml"),
        ("node-file.yaml",),
        ("node-gateway.yaml",),
    ],
    ids=" ".join,
)
def test_the_collector_takes_its_configurations(tmp_path: Path, files: tuple[str, ...]) -> None:
    arguments = [part for one in ("privacy.yaml", *files) for part in ("--config", one)]
    done = said(
        *(program("collector"), "validate", *arguments),
        folder=COLLECTOR,
        environ={
            "V6CLIENT_TELEMETRY_FOLDER": str(tmp_path),
            "V6CLIENT_GATEWAY": "https://telemetry.example:4318",
        },
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_a_collector_without_the_barrier_is_not_valid() -> None:
    done = said(program("collector"), "validate", "--config", "gateway.yaml", folder=COLLECTOR)
    assert done.returncode != 0
    assert "filter/schema" in done.stdout + done.stderr


def test_the_versions_are_one() -> None:
    text = (COLLECTOR / "builder.yaml").read_text("utf-8")
    [version] = [line.split()[1] for line in text.splitlines() if line.startswith("  version: ")]
    modules = [line.split() for line in text.splitlines() if "gomod:" in line]
    stable = ("confmap",)
    assert {number for _, _, name, number in modules if not any(one in name for one in stable)} == {
        f"v{version}"
    }
    compose = (COMPOSE / "compose.yaml").read_text("utf-8")
    assert f"image: otel/opentelemetry-collector-contrib:{version}\n" in compose
    assert f"image: prom/alertmanager:{ALERTMANAGER_VERSION}\n" in compose


def test_prometheus_takes_its_configuration_and_rules() -> None:
    # The rules come along: the configuration names them.
    done = said(program("promtool"), "check", "config", PROMETHEUS / "prometheus.yml")
    assert done.returncode == 0, done.stderr
    assert "SUCCESS: 2 rule files found" in done.stdout


def test_the_rules_do_as_their_tests_say() -> None:
    done = said(program("promtool"), "test", "rules", PROMETHEUS / "tests" / "alerts.test.yml")
    assert done.returncode == 0, done.stdout + done.stderr


def names_of_alerts() -> list[str]:
    lines = (PROMETHEUS / "rules" / "alerts.yml").read_text("utf-8").splitlines()
    return [line.split()[-1] for line in lines if line.startswith("      - alert: ")]


def test_each_alert_has_a_runbook_and_tests_on_both_sides() -> None:
    runbooks = (DEPLOY.parent / "docs" / "runbooks.md").read_text("utf-8")
    rules = (PROMETHEUS / "rules" / "alerts.yml").read_text("utf-8")
    tests = (PROMETHEUS / "tests" / "alerts.test.yml").read_text("utf-8")
    assert len(names_of_alerts()) == 8
    for name in names_of_alerts():
        assert f"\n## {name}\n" in runbooks
        assert f"runbook: docs/runbooks.md#{name.lower()}\n" in rules
        assert f"- alertname: {name}\n" in tests  # it fires
        assert f"{{alertname: {name}, " in tests  # it is silent
    headings = [line[3:] for line in runbooks.splitlines() if line.startswith("## V6client")]
    assert headings == names_of_alerts()


def test_alertmanager_takes_its_configuration(tmp_path: Path) -> None:
    # It says so when it starts.
    text = (PROMETHEUS / "alertmanager.yml").read_text("utf-8")
    broken = tmp_path / "broken.yml"
    broken.write_text(text.replace("receiver: nobody", "receiver: somebody", 1))
    done = said(
        program("alertmanager"),
        f"--config.file={broken}",
        f"--storage.path={tmp_path}",
        "--web.listen-address=127.0.0.1:0",
        "--cluster.listen-address=",
    )
    # test_run.py starts it with the right one.
    assert done.returncode != 0
    assert "somebody" in done.stderr


@pytest.mark.parametrize(
    ("rules", "expected"),
    [
        ("increase(x[5m]) > 30", "increase(x[10s]) > 30"),
        ("x[1d] offset 15m", "x[2880s] offset 30s"),
        ("for: 1m\n", "for: 5s\n"),
        ("for: 5m\n", "for: 10s\n"),
        ("http_5m_total", "http_5m_total"),
    ],
)
def test_times_are_made_shorter(rules: str, expected: str) -> None:
    assert shorter(rules) == expected


# ------------------------------------------------------------------------------------- compose


def composed(*files: str) -> dict[str, Any]:
    """Read compose files as ``docker compose`` does, which refuses what is not specified."""
    done = said(program("compose"), "--format", "json", *files, folder=COMPOSE)
    assert done.returncode == 0, done.stderr
    model: dict[str, Any] = json.loads(done.stdout)
    return model


def test_a_compose_file_with_a_mistake_is_refused(tmp_path: Path) -> None:
    text = (COMPOSE / "compose.yaml").read_text("utf-8")
    assert "mem_limit:" in text
    file = tmp_path / "compose.yaml"
    file.write_text(text.replace("mem_limit:", "memory:"))
    done = said(program("compose"), file, folder=tmp_path)
    assert done.returncode != 0
    assert "memory" in done.stderr


def test_a_service_waits_for_services_that_there_are() -> None:
    services = composed("compose.yaml")["services"]
    for name, service in services.items():
        for other, how in service.get("depends_on", {}).items():
            assert other in services, f"{name} waits for {other}"
            if how["condition"] == "service_healthy":
                assert "healthcheck" in services[other]


def test_services_are_pinned_hardened_and_looked_after() -> None:
    model = composed("compose.yaml")
    services = model["services"]
    probed = {"otel-collector": "collector-health", "jaeger": "jaeger-health"}
    for name, service in services.items():
        _, _, tag = service["image"].partition(":")
        assert tag.lstrip("v").count(".") == 2, f"{name}: {service['image']} names no release"
        assert service["cap_drop"] == ["ALL"]
        assert service["read_only"] is True
        assert "no-new-privileges:true" in service["security_opt"]
        assert "privileged" not in service
        if name != "prepare":
            assert service["restart"] == "unless-stopped"
            assert services[probed.get(name, name)]["healthcheck"]["test"]


def test_nothing_listens_outside_this_machine() -> None:
    for name, service in composed("compose.yaml")["services"].items():
        for port in service.get("ports", []):
            assert port["host_ip"] == "127.0.0.1", f"{name}: {port}"


def test_only_the_door_with_certificates_is_opened_for_other_machines() -> None:
    services = composed("compose.yaml", "compose.remote.yaml")["services"]
    outside = {
        (name, port["target"])
        for name, service in services.items()
        for port in service.get("ports", [])
        if port.get("host_ip") != "127.0.0.1"
    }
    assert outside == {("otel-collector", 4320)}
    assert "--config=/etc/otelcol/gateway-tls.yaml" in services["otel-collector"]["command"]


def environment_of(service: dict[str, Any]) -> dict[str, str]:
    """Give the variables, which are a list where several files were merged."""
    given = service.get("environment") or {}
    if isinstance(given, list):
        return dict(one.split("=", 1) for one in given)
    return dict(given)


def test_no_password_is_in_the_files() -> None:
    model = composed("compose.yaml", "compose.remote.yaml")
    assert all(set(one) <= {"name", "file"} for one in model["secrets"].values())
    for service in model["services"].values():
        for name, value in environment_of(service).items():
            if "PASSWORD" in name or "SECRET" in name or "TOKEN" in name:
                assert name.endswith("__FILE")
                assert value.startswith("/run/secrets/")
    ignored = (COMPOSE / "secrets" / ".gitignore").read_text("utf-8").splitlines()
    assert ignored == ["*", "!.gitignore"]


def test_each_file_that_is_mounted_is_there() -> None:
    model = composed("compose.yaml", "compose.remote.yaml")
    for name, service in model["services"].items():
        for one in service.get("volumes", []):
            if one["type"] == "bind":
                assert Path(one["source"]).exists(), f"{name}: {one['source']}"
                assert one["read_only"] is True
            else:
                assert one["source"] in model["volumes"]
