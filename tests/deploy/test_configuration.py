"""Is the configuration in a cluster that of ``deploy/``, where the programs look for it?"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import yaml

from tests.deploy.building import (
    BASE,
    DEPLOY,
    built,
    planted,
)
from tests.deploy.cluster import Cluster, listening, settings
from tests.observability.install import ROOT
from tests.observability.processes import program, said


def test_the_configuration_is_that_of_deploy_itself(cluster: Cluster) -> None:
    sources = [*DEPLOY.rglob("*.y*ml"), *(ROOT / "dashboards").glob("*.json")]
    texts = {one.read_text("utf-8") for one in sources}
    for name, one in cluster.of_kind("ConfigMap").items():
        assert set((one.get("data") or {}).values()) <= texts, name
    seen = {Path(path).name for name in cluster.sets for path in cluster.files(name)}
    rules = {one.name for one in (DEPLOY / "prometheus" / "rules").iterdir()}
    collector = {"privacy.yaml", "gateway.yaml", "gateway-tls.yaml"}
    assert rules | collector | {"jaeger.yaml", "alertmanager.yml", "prometheus.yml"} <= seen


def test_each_dashboard_is_given_to_the_cluster() -> None:
    folder = ROOT / "dashboards"
    [generator] = yaml.safe_load((folder / "kustomization.yaml").read_text())["configMapGenerator"]
    assert generator["files"] == sorted(one.name for one in folder.glob("*.json"))
    # Where Grafana looks for them.
    files = built(BASE).files("grafana")
    [provider] = yaml.safe_load(files["/etc/grafana/provisioning/dashboards/v6client.yaml"])[
        "providers"
    ]
    mounts = {one["mountPath"] for one in built(BASE).container("grafana")["volumeMounts"]}
    assert provider["options"]["path"] in mounts


def test_prometheus_finds_its_rules(cluster: Cluster) -> None:
    [settings_of] = settings(cluster, "prometheus")
    assert settings_of["rule_files"] == ["rules/*.yml"]
    rules = {one.name for one in (DEPLOY / "prometheus" / "rules").iterdir()}
    folder = "/etc/prometheus/rules"
    assert {f"{folder}/{one}" for one in rules} <= cluster.files("prometheus").keys()


def laid_out(files: Mapping[str, str], folder: str, root: Path) -> None:
    """Write a volume's files as a kubelet does: behind a link that it can turn in one step."""
    data = root / "..2026"
    for path, text in files.items():
        file = data / Path(path).relative_to(folder)
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
        first = file.relative_to(data).parts[0]
        if not (root / first).is_symlink():
            (root / first).symlink_to(Path("..data") / first)
    (root / "..data").symlink_to(data.name)


def test_the_programs_take_the_files_as_a_pod_has_them(cluster: Cluster, tmp_path: Path) -> None:
    metrics, gateway = tmp_path / "prometheus", tmp_path / "otelcol"
    laid_out(cluster.files("prometheus"), "/etc/prometheus", metrics)
    done = said(program("promtool"), "check", "config", metrics / "prometheus.yml")
    assert done.returncode == 0, done.stderr
    assert "SUCCESS: 2 rule files found" in done.stdout

    laid_out(cluster.files("otel-collector"), "/etc/otelcol", gateway)
    arguments = [
        one.replace("/etc/otelcol", str(gateway))
        for one in cluster.container("otel-collector")["args"]
    ]
    environ = cluster.environment("otel-collector")
    done = said(program("collector"), "validate", *arguments, environ=environ)
    assert done.returncode == 0, done.stdout + done.stderr


def test_a_program_may_write_where_it_keeps_its_data(cluster: Cluster) -> None:
    [logs] = [
        one["exporters"]["file/logs"]
        for one in settings(cluster, "otel-collector")
        if "exporters" in one
    ]
    told = {
        "jaeger": cluster.environment("jaeger")["JAEGER_FOLDER"],
        "otel-collector": str(Path(logs["path"]).parent),
        "grafana": "/var/lib/grafana",
    }
    for name in ("prometheus", "alertmanager"):
        [told[name]] = [
            one.partition("=")[2]
            for one in cluster.container(name)["args"]
            if "storage" in one and "path" in one
        ]
    assert told.keys() == cluster.sets.keys()
    for name, folder in told.items():
        assert folder in cluster.writable(name)
        claims = cluster.sets[name]["spec"]["volumeClaimTemplates"]
        [mounted] = [
            one["name"]
            for one in cluster.container(name)["volumeMounts"]
            if one["mountPath"] == folder
        ]
        assert [one["metadata"]["name"] for one in claims] == [mounted]


def test_a_pod_has_the_ports_at_which_its_configuration_listens(cluster: Cluster) -> None:
    for name in cluster.sets:
        assert set(cluster.ports(name).values()) == listening(cluster, name), name


def test_a_port_that_nobody_listens_at_is_found() -> None:
    moved = planted("value: 0.0.0.0:8889", "value: 127.0.0.1:8889")
    assert 8889 not in listening(moved, "otel-collector")
    assert 8889 in moved.ports("otel-collector").values()
