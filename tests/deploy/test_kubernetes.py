"""Is what ``deploy/kubernetes`` gives to a cluster valid, closed, and the stack of compose?

No cluster is at hand. kustomize builds the manifests, and an API server's own code judges them.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

import pytest
import yaml

from tests.deploy.cluster import (
    Cluster,
    Connection,
    connections,
    dangling,
    listening,
    service_pod,
    settings,
    unhardened,
    unlabelled,
)
from tests.deploy.policies import End, lets_through
from tests.observability.install import ROOT
from tests.observability.processes import program, said

DEPLOY: Final = ROOT / "deploy"
KUBERNETES: Final = DEPLOY / "kubernetes"
BASE: Final = "base"
REMOTE: Final = "overlays/remote"
FOLDERS: Final = (BASE, REMOTE)

DNS: Final = End("dns", "kube-system", {"k8s-app": "kube-dns"})
STRANGERS: Final = (
    End("somebody in the namespace", "v6client-observability", {"app": "else"}),
    End("somebody in another", "default", {"app.kubernetes.io/name": "grafana"}),
    End("somebody beside DNS", "kube-system", {"app": "else"}),
    End("outside", address="198.51.100.7"),
    End("the cloud's metadata", address="169.254.169.254"),
)
DOOR: Final = 4320


@cache
def built(folder: str) -> Cluster:
    return kustomized(KUBERNETES / folder)


def kustomized(folder: Path) -> Cluster:
    # Without a flag: nothing is taken from outside of a kustomization's folder.
    done = said(program("kustomize"), "build", folder)
    assert done.returncode == 0, done.stderr
    return Cluster(done.stdout)


@pytest.fixture(params=FOLDERS)
def cluster(request: pytest.FixtureRequest) -> Cluster:
    return built(request.param)


def planted(before: str, after: str, folder: str = BASE, count: int = 1) -> Cluster:
    text = built(folder).text
    assert before in text, before
    return Cluster(text.replace(before, after, count))


def judged(name: str, *arguments: str, text: str) -> tuple[int, str]:
    done = said(program(name), *arguments, given=text)
    return done.returncode, done.stdout + done.stderr


# --------------------------------------------------------------------------------- the manifests


def test_an_api_server_takes_them_and_admits_the_pods_as_restricted(cluster: Cluster) -> None:
    code, words = judged("kubernetes-checks", text=cluster.text)
    assert code == 0, words
    assert words == f"{len(cluster.objects)} objects are valid\n"
    assert len(cluster.objects) > 20
    labels = cluster.of_kind("Namespace")[cluster.namespace]["metadata"]["labels"]
    assert labels["pod-security.kubernetes.io/enforce"] == "restricted"
    for one in cluster.objects:
        assert one["kind"] == "Namespace" or one["metadata"]["namespace"] == cluster.namespace


@pytest.mark.parametrize(
    ("before", "after", "told"),
    [
        ("readinessProbe:", "readinesProbe:", "unknown field"),
        ("replicas: 1", "replicas: 1\n  replicas: 2", "already set"),
        ("replicas: 1", 'replicas: "1"', "cannot unmarshal string"),
        ("apiVersion: apps/v1", "apiVersion: apps/v1beta3", "no kind"),
        ("runAsNonRoot: true", "runAsNonRoot: false", "not restricted"),
        ("        - ALL", "        - CHOWN", "not restricted"),
        ("type: RuntimeDefault", "type: Unconfined", "not restricted"),
        ("targetPort: query", "targetPort: no_name", "must contain only"),
        ("containerPort: 16686", "containerPort: 166860", "must be between"),
        (
            "mountPath: /badger\n          name: data",
            "mountPath: /badger\n          name: no",
            "no",
        ),
        ("memory: 64Mi", "memory: 64Gi", "must be less than or equal to memory limit"),
        ("protocol: UDP", "protocol: UPD", "Unsupported value"),
    ],
)
def test_a_mistake_is_refused(before: str, after: str, told: str) -> None:
    code, words = judged("kubernetes-checks", text=planted(before, after).text)
    assert code == 1
    assert told in words


# Not applied: `Always` is for tags that move; 472 is the user of Grafana's image; and three of the
# programs have one address that tells how they are.
PASSED_OVER: Final = (
    "container-image-pull-policy",
    "container-security-context-user-group-id",
    "pod-probes-identical",
)


def scored(text: str) -> tuple[int, str]:
    options = [part for one in PASSED_OVER for part in ("--ignore-test", one)]
    return judged("kube-score", "score", "--output-format", "ci", *options, "-", text=text)


def test_kube_score_finds_nothing(cluster: Cluster) -> None:
    code, words = scored(cluster.text)
    assert code == 0, words
    assert words.count("[OK]") >= len(cluster.objects)
    assert "[WARNING]" not in words


def test_kube_score_finds_a_mistake() -> None:
    text = re.sub(r"limits:\n +cpu: .*\n", "limits:\n", built(BASE).text, count=1)
    code, words = scored(text)
    assert code == 1
    assert "CPU limit is not set" in words


# Of a service.
SELECTOR: Final = "  selector:\n    app.kubernetes.io/instance: v6client-observability"

Check = Callable[[Cluster], list[str]]


@pytest.mark.parametrize("check", [unhardened, unlabelled, dangling])
def test_nothing_is_left_open_or_dangling(cluster: Cluster, check: Check) -> None:
    assert check(cluster) == []


@pytest.mark.parametrize(
    ("check", "before", "after", "told"),
    [
        (unhardened, "replicas: 1", "replicas: 2", "one pod"),
        (unhardened, "Token: false", "Token: true", "no token"),
        (unhardened, "ServiceLinks: false", "ServiceLinks: true", "no addresses"),
        (unhardened, "runAsUser: 65534", "runAsUser: 0", "not root"),
        (unhardened, "runAsNonRoot: true", "runAsNonRoot: false", "not root"),
        (unhardened, "fsGroup: 472", "fsGroup: 0", "files of its group"),
        (unhardened, "type: RuntimeDefault", "type: Unconfined", "seccomp"),
        (unhardened, "readOnlyRootFilesystem: true", "procMount: Default", "read-only root"),
        (unhardened, "- ALL", "- CHOWN", "no capabilities"),
        (unhardened, "Escalation: false", "Escalation: true", "no new privileges"),
        (unhardened, "      containers:", "      hostPID: true\n      containers:", "machine's"),
        (unhardened, "emptyDir:", "hostPath:", "machine's"),
        (unhardened, "jaeger:2.13.0", "jaeger:latest", "a release"),
        (unhardened, "jaegertracing/jaeger:2.13.0", "jaegertracing/jaeger", "a release"),
        (unhardened, "requests:\n            cpu", "requests:\n            gpu", "requests"),
        (unhardened, "limits:\n            cpu", "limits:\n            gpu", "limits"),
        (unhardened, "livenessProbe:", "startupProbe:", "probes"),
        (unlabelled, "    app.kubernetes.io/part-of: v6client-observability\n", "", "part-of"),
        (unlabelled, "component: gateway\n    app.kubernetes.io/inst", "a: b\n    c", "component"),
        (unlabelled, "image: grafana/grafana:12.1.0", "image: grafana/grafana:12.1.1", "version"),
        (dangling, "serviceName: jaeger", "serviceName: jaeger-headless", "no service"),
        (dangling, "          name: jaeger-", "          name: jaeger2-", "no ConfigMap"),
        (dangling, "  name: jaeger-", "  name: jaeger2-", "nobody reads"),
        (dangling, "- key: alerts.yml", "- key: alarms.yml", "alarms.yml"),
        (dangling, "recording.yml: |", "recordings.yml: |", "recordings.yml"),
        (dangling, "targetPort: query", "targetPort: queries", "no port queries"),
        (dangling, "- containerPort: 16686", "- containerPort: 16687", "not the pod's"),
        (dangling, "port: health", "port: healthy", "at healthy"),
        (dangling, "=/etc/jaeger/jaeger.yaml", "=/etc/jaeger.yaml", "no file"),
        (
            dangling,
            f"{SELECTOR}\n    app.kubernetes.io/name: jaeger",
            SELECTOR,
            "leads to",
        ),
    ],
)
def test_a_check_finds_what_was_planted(check: Check, before: str, after: str, told: str) -> None:
    assert any(told in one for one in check(planted(before, after)))


def test_no_secret_is_in_the_files(cluster: Cluster) -> None:
    assert not cluster.of_kind("Secret")
    wanted = {"grafana-admin": {"/run/secrets/grafana_admin_password"}}
    if cluster is built(REMOTE):
        names = ("ca.pem", "cert.pem", "key.pem")
        wanted["otel-collector-tls"] = {f"/run/secrets/{one}" for one in names}
    assert cluster.secrets() == wanted
    readme = (KUBERNETES / "README.md").read_text("utf-8")
    for name in wanted:
        assert f"create secret generic {name} " in readme
    for name in cluster.sets:
        for variable, value in cluster.environment(name).items():
            if "PASSWORD" in variable:
                assert variable.endswith("__FILE")
                assert value in wanted["grafana-admin"]


# ------------------------------------------------------------------------------ the configuration


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


# ------------------------------------------------------------------------------------- who may talk


def permitted(cluster: Cluster) -> set[Connection]:
    """Give every connection that the policies let through, from or to one of the pods."""
    pods = [cluster.end(name) for name in cluster.sets]
    ports = {22, 53, 80, 443, 4317, 6443, 8080, 9999, DOOR}
    ports |= {port for name in cluster.sets for port in cluster.ports(name).values()}
    policies = list(cluster.of_kind("NetworkPolicy").values())
    return {
        (source.name, target.name, protocol, port)
        for source in (*pods, DNS, *STRANGERS)
        for target in (*pods, DNS, *STRANGERS)
        if source != target and {source.name, target.name} & cluster.sets.keys()
        for protocol in ("TCP", "UDP")
        for port in ports
        if lets_through(policies, source, target, protocol, port)
    }


def wanted(cluster: Cluster) -> set[Connection]:
    """Give the connections that the configuration makes, and what finding each other takes."""
    inner = connections(cluster)
    names = {(who, DNS.name, protocol, 53) for who, *_ in inner for protocol in ("TCP", "UDP")}
    return inner | names


def test_the_connections_are_read_from_the_configuration() -> None:
    assert connections(built(BASE)) == {
        ("otel-collector", "jaeger", "TCP", 4318),
        ("prometheus", "otel-collector", "TCP", 8888),
        ("prometheus", "otel-collector", "TCP", 8889),
        ("prometheus", "otel-collector", "TCP", 8890),
        ("prometheus", "alertmanager", "TCP", 9093),
        ("grafana", "prometheus", "TCP", 9090),
        ("grafana", "jaeger", "TCP", 16686),
        ("grafana", "alertmanager", "TCP", 9093),
    }


def test_who_has_to_talk_may_and_nobody_else() -> None:
    assert permitted(built(BASE)) == wanted(built(BASE))


def test_from_outside_the_door_with_certificates_is_all_that_opens() -> None:
    cluster = built(REMOTE)
    # From within the namespace nothing leaves that is not wanted.
    others = {one.name for one in (DNS, *STRANGERS) if one.namespace != cluster.namespace}
    door = {(one, "otel-collector", "TCP", DOOR) for one in others}
    assert permitted(cluster) == wanted(cluster) | door
    # What listens there asks for a certificate.
    [http] = [
        one["receivers"]["otlp/remote"]["protocols"]["http"]
        for one in settings(cluster, "otel-collector")
        if "otlp/remote" in one.get("receivers", {})
    ]
    assert http["endpoint"].endswith(f":{DOOR}")
    assert set(http["tls"].values()) == cluster.secrets()["otel-collector-tls"]
    assert http["tls"]["client_ca_file"] == "/run/secrets/ca.pem"
    # A balancer leads there and nowhere else.
    balanced = {
        service_pod(cluster, name): one["spec"]["ports"]
        for name, one in cluster.of_kind("Service").items()
        if one["spec"].get("type", "ClusterIP") != "ClusterIP"
    }
    assert balanced.keys() == {"otel-collector"}
    [port] = balanced["otel-collector"]
    assert cluster.ports("otel-collector")[port["targetPort"]] == DOOR


FROM: Final = "  ingress:\n  - from:\n    - podSelector:"
ANYBODY: Final = "  ingress:\n  - from:\n    - namespaceSelector: {}"


@pytest.mark.parametrize(
    ("before", "after"),
    [
        # A default that is gone, a peer that is anybody, a port that is another's.
        ("  podSelector: {}\n", "  podSelector:\n    matchLabels:\n      a: b\n"),
        (f"{FROM}\n        matchLabels:\n          app.kubernetes.io/name: grafana", ANYBODY),
        ("    - port: 16686\n", "    - port: 16687\n"),
        ("    - port: 8890\n", ""),
        ("          k8s-app: kube-dns", "          k8s-app: coredns"),
        ("      - grafana\n", ""),
    ],
)
def test_a_policy_that_opens_more_or_less_is_found(before: str, after: str) -> None:
    cluster = planted(before, after)
    assert permitted(cluster) != wanted(cluster)


def test_a_connection_that_the_configuration_gets_has_to_be_opened() -> None:
    cluster = planted("http://jaeger:4318", "http://jaeger:4317")
    assert ("otel-collector", "jaeger", "TCP", 4317) in wanted(cluster) - permitted(cluster)


# -------------------------------------------------------------------------------------- as compose


def composed(*files: str) -> dict[str, Any]:
    merged: dict[str, Any] = {}
    for file in files:
        model = yaml.safe_load((DEPLOY / "compose" / file).read_text("utf-8"))
        for name, service in model["services"].items():
            known = merged.setdefault(name, {})
            variables = {**known.get("environment", {}), **service.get("environment", {})}
            known.update(service)
            if variables:
                known["environment"] = variables
    return merged


# What compose needs besides, because nobody else asks programs how they are, or owns a new volume.
COMPOSE_ALONE: Final = {"collector-health", "jaeger-health", "prepare"}
HEALTH: Final = {"otel-collector": "collector-health", "jaeger": "jaeger-health"}
_MEBIBYTES: Final = {"m": 1, "g": 1024, "Mi": 1, "Gi": 1024}


def mebibytes(text: str) -> int:
    number, unit = re.fullmatch(r"(\d+)(\D+)", text).groups()  # type: ignore[union-attr]
    return int(number) * _MEBIBYTES[unit]


def drift(cluster: Cluster, services: Mapping[str, dict[str, Any]]) -> Iterator[str]:
    if cluster.sets.keys() != services.keys() - COMPOSE_ALONE:
        yield "other programs"
    for name in cluster.sets:
        here, there = cluster.container(name), services[name]
        if here["image"] != there["image"]:
            yield f"{name}: image"
        if here.get("args") != there.get("command"):
            yield f"{name}: command"
        if cluster.environment(name) != there.get("environment", {}):
            yield f"{name}: environment"
        limit = there.get("mem_limit")
        if limit and mebibytes(limit) != mebibytes(here["resources"]["limits"]["memory"]):
            yield f"{name}: memory"
        [test] = [
            one for one in services[HEALTH.get(name, name)]["healthcheck"]["test"] if "://" in one
        ]
        probe = here["readinessProbe"]["httpGet"]
        if (urlsplit(test).path, urlsplit(test).port) != (
            probe["path"],
            cluster.ports(name)[probe["port"]],
        ):
            yield f"{name}: health"
        for port in there.get("ports", []):
            outer, inner = port.split(":")[-2:]
            if not any(
                str(one["port"]) == outer and str(cluster.ports(name)[one["targetPort"]]) == inner
                for other, service in cluster.of_kind("Service").items()
                if service_pod(cluster, other) == name
                for one in service["spec"]["ports"]
            ):
                yield f"{name}: port {port}"


def test_it_is_the_stack_of_compose() -> None:
    assert list(drift(built(BASE), composed("compose.yaml"))) == []
    both = composed("compose.yaml", "compose.remote.yaml")
    assert list(drift(built(REMOTE), both)) == []


@pytest.mark.parametrize(
    ("before", "after", "told"),
    [
        ("grafana/grafana:12.1.0", "grafana/grafana:12.1.1", "grafana: image"),
        ("retention.time=90d", "retention.time=9d", "prometheus: command"),
        ('value: "true"', 'value: "false"', "grafana: environment"),
        ("memory: 600Mi", "memory: 700Mi", "otel-collector: memory"),
        ("path: /api/health", "path: /health", "grafana: health"),
        ("port: 16686", "port: 16687", "jaeger: port 127.0.0.1:16686:16686"),
    ],
)
def test_a_drift_from_compose_is_found(before: str, after: str, told: str) -> None:
    # Of several places that are alike, the first may be another's.
    cluster = planted(before, after, count=-1)
    assert told in list(drift(cluster, composed("compose.yaml")))


# --------------------------------------------------------------------------------- as it is told


def blocks_of_readme() -> list[str]:
    text = (KUBERNETES / "README.md").read_text("utf-8")
    return re.findall(r"^```yaml\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)


def test_the_changes_that_the_readme_names_are_taken(tmp_path: Path) -> None:
    [mail] = [one for one in blocks_of_readme() if one.startswith("# mail.yaml\n")]
    overlay = os.path.relpath(KUBERNETES / REMOTE, tmp_path.resolve())
    given = [one for one in blocks_of_readme() if "patches:\n" in one]
    assert len(given) == 3
    results = []
    for block in given:
        model = yaml.safe_load(block)
        added = [one for one in model.get("resources", []) if one == "mail.yaml"]
        model["resources"] = [overlay, *added]
        (tmp_path / "mail.yaml").write_text(mail)
        (tmp_path / "kustomization.yaml").write_text(yaml.safe_dump(model))
        cluster = kustomized(tmp_path)
        code, words = judged("kubernetes-checks", text=cluster.text)
        assert code == 0, words
        assert unhardened(cluster) == []
        results.append(permitted(cluster))
    door = ("outside", "otel-collector", "TCP", DOOR)
    hospitals, passed_on, mailed = results
    assert door in permitted(built(REMOTE))
    assert door not in hospitals | passed_on
    assert door in mailed
    assert {one for one in mailed - permitted(built(REMOTE)) if one[1] == DNS.name} == {
        ("alertmanager", DNS.name, protocol, 53) for protocol in ("TCP", "UDP")
    }
