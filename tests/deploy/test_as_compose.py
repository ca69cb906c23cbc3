"""Is the stack in a cluster the one of ``deploy/compose``?"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any, Final
from urllib.parse import urlsplit

import pytest
import yaml

from tests.deploy.building import (
    BASE,
    DEPLOY,
    REMOTE,
    built,
    planted,
)
from tests.deploy.cluster import Cluster, service_pod


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
    number, unit = re.split(r"(?<=\d)(?=\D)", text)
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
