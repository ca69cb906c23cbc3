"""Is what ``deploy/kubernetes`` gives to a cluster valid, hardened and complete?

No cluster is at hand: an API server's own code judges it.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Final

import pytest

from tests.deploy.building import (
    BASE,
    KUBERNETES,
    REMOTE,
    built,
    judged,
    planted,
)
from tests.deploy.cluster import Cluster
from tests.deploy.faults import dangling, unhardened, unlabelled


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
            "mountPath: /badger\n          name: other",
            "Not found",
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
        (
            unlabelled,
            "matchLabels:",
            "matchLabels:\n      app.kubernetes.io/version: v1",
            "selector",
        ),
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
