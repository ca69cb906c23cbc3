"""Do the network policies open what the configuration connects, and nothing else?"""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import Final

import pytest
import yaml

from tests.deploy.building import (
    BASE,
    KUBERNETES,
    REMOTE,
    built,
    judged,
    kustomized,
    planted,
)
from tests.deploy.cluster import Cluster, Connection, connections, service_pod, settings
from tests.deploy.faults import unhardened
from tests.deploy.policies import End, lets_through

DNS: Final = End("dns", "kube-system", {"k8s-app": "kube-dns"})
STRANGERS: Final = (
    End("somebody in the namespace", "v6client-observability", {"app": "else"}),
    End("somebody in another", "default", {"app.kubernetes.io/name": "grafana"}),
    End("somebody beside DNS", "kube-system", {"app": "else"}),
    End("outside", address="198.51.100.7"),
    End("the cloud's metadata", address="169.254.169.254"),
)
DOOR: Final = 4320


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
    # Nobody is told, so Alertmanager has nobody to talk to.
    [alertmanager] = settings(built(BASE), "alertmanager")
    assert alertmanager["receivers"] == [{"name": "nobody"}]


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
