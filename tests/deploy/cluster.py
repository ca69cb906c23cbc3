"""The manifests of ``deploy/kubernetes``, and what the programs in them do."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import PurePosixPath
from typing import Any, Final
from urllib.parse import urlsplit

import yaml

from tests.deploy.policies import End, chosen

Object = Mapping[str, Any]
Connection = tuple[str, str, str, int]  # who, whom, protocol, port

# What the programs listen at where nothing else is said.
DEFAULT_PORTS: Final = {"prometheus": 9090, "alertmanager": 9093, "grafana": 3000}

_VARIABLE: Final = re.compile(r"\$\{env:(?P<name>\w+)(?::-(?P<default>[^}]*))?\}")
_HOST_PORT: Final = re.compile(r"(?P<host>[\w.]+):(?P<port>\d+)\Z")


@dataclass(frozen=True)
class Cluster:
    """Manifests.

    Parameters
    ----------
    text
        What ``kustomize build`` gives.
    """

    text: str

    @cached_property
    def objects(self) -> list[Object]:
        """All of them."""
        return [one for one in yaml.safe_load_all(self.text) if one]

    def of_kind(self, kind: str) -> dict[str, Object]:
        """Give the objects of a kind, by name."""
        return {one["metadata"]["name"]: one for one in self.objects if one["kind"] == kind}

    @property
    def namespace(self) -> str:
        """The one that everything is in."""
        [name] = self.of_kind("Namespace")
        return name

    @property
    def sets(self) -> dict[str, Object]:
        """The workloads, by name."""
        return self.of_kind("StatefulSet")

    def container(self, name: str) -> dict[str, Any]:
        """Give the one container of a workload."""
        [one] = self.sets[name]["spec"]["template"]["spec"]["containers"]
        return dict(one)

    def environment(self, name: str) -> dict[str, str]:
        """Give the variables of a workload."""
        return {one["name"]: one["value"] for one in self.container(name).get("env", [])}

    def ports(self, name: str) -> dict[str, int]:
        """Give a workload's ports, by their names."""
        return {one["name"]: one["containerPort"] for one in self.container(name)["ports"]}

    def end(self, name: str) -> End:
        """Give a workload's pod as an end of connections."""
        template = self.sets[name]["spec"]["template"]
        return End(name, self.namespace, template["metadata"]["labels"])

    def data(self, name: str) -> dict[str, str]:
        """Give what is in a ConfigMap; nothing where there is none."""
        return dict(self.of_kind("ConfigMap").get(name, {}).get("data") or {})

    def behind(self, service: str) -> list[str]:
        """Give the workloads that a service's name leads to."""
        selector = {"matchLabels": self.of_kind("Service")[service]["spec"]["selector"]}
        return [one for one in self.sets if chosen(selector, self.end(one).labels)]

    def files(self, name: str) -> dict[str, str]:
        """Give the files of configuration that a workload sees, by path."""
        found: dict[str, str] = {}
        for volume, folder in self._volumes(name):
            if "configMap" in volume:
                data = self.data(volume["configMap"]["name"])
                items = volume["configMap"].get("items")
                paths = (
                    {one["key"]: one["path"] for one in items} if items else {k: k for k in data}
                )
                pairs = ((path, data[key]) for key, path in paths.items() if key in data)
                found.update({str(folder / path): text for path, text in pairs})
        return found

    def secrets(self) -> dict[str, set[str]]:
        """Give the secrets that workloads see, with the paths of their files."""
        found: dict[str, set[str]] = {}
        for name in self.sets:
            for volume, folder in self._volumes(name):
                if "secret" in volume:
                    paths = {str(folder / one["path"]) for one in volume["secret"]["items"]}
                    found.setdefault(volume["secret"]["secretName"], set()).update(paths)
        return found

    def writable(self, name: str) -> set[str]:
        """Give the folders that a workload may write to."""
        mounts = self.container(name)["volumeMounts"]
        return {one["mountPath"] for one in mounts if not one.get("readOnly")}

    def _volumes(self, name: str) -> Iterator[tuple[dict[str, Any], PurePosixPath]]:
        spec = self.sets[name]["spec"]
        volumes = {one["name"]: one for one in spec["template"]["spec"].get("volumes", [])}
        volumes |= {one["metadata"]["name"]: {} for one in spec.get("volumeClaimTemplates", [])}
        for mount in self.container(name)["volumeMounts"]:
            yield volumes[mount["name"]], PurePosixPath(mount["mountPath"])


def settings(cluster: Cluster, name: str) -> list[Any]:
    """Give a workload's configuration, with its variables filled in."""
    environment = cluster.environment(name)

    def filled(found: re.Match[str]) -> str:
        return environment.get(found["name"], found["default"] or "")

    files = cluster.files(name)
    named = [one.partition("=")[2] for one in cluster.container(name).get("args", [])]
    return [yaml.safe_load(_VARIABLE.sub(filled, files[one])) for one in named if one in files]


def listening(cluster: Cluster, name: str) -> set[int]:
    """Give the ports at which a workload's configuration makes it listen for others."""
    if name in DEFAULT_PORTS:
        return {DEFAULT_PORTS[name]}
    found = [_HOST_PORT.match(one) for one in _addresses(settings(cluster, name))]
    return {int(one["port"]) for one in found if one and one["host"] != "127.0.0.1"}


def _addresses(node: Any) -> Iterator[str]:
    """Give the addresses in a configuration of the collector's kind, where it listens or sends."""
    if isinstance(node, list):
        for one in node:
            yield from _addresses(one)
    if not isinstance(node, dict):
        return
    if {"host", "port"} <= node.keys():
        yield f"{node['host']}:{node['port']}"
    for key, value in node.items():
        if key == "endpoint":
            yield value
        else:
            yield from _addresses(value)


def connections(cluster: Cluster) -> set[Connection]:
    """Give the connections that the configuration makes, within the cluster."""
    called = [
        (name, url.netloc)
        for name in ("otel-collector", "jaeger")
        for url in map(urlsplit, _addresses(settings(cluster, name)))
        if url.netloc and url.hostname != "127.0.0.1"
    ]
    [scrapes] = settings(cluster, "prometheus")
    groups = [*scrapes["scrape_configs"], *scrapes["alerting"]["alertmanagers"]]
    for group in groups:
        for static in group["static_configs"]:
            called += [("prometheus", one) for one in static["targets"]]
    files = cluster.files("grafana")
    sources = yaml.safe_load(files["/etc/grafana/provisioning/datasources/v6client.yaml"])
    called += [("grafana", urlsplit(one["url"]).netloc) for one in sources["datasources"]]
    return {
        (who, service_pod(cluster, host), "TCP", int(port))
        for who, (host, _, port) in ((who, whom.partition(":")) for who, whom in called)
    }


def service_pod(cluster: Cluster, host: str) -> str:
    """Give the one workload that a service's name leads to."""
    [name] = cluster.behind(host)
    return name
