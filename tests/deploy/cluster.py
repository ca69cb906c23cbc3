"""The manifests of ``deploy/kubernetes`` as they reach a cluster, and what can be wrong with them.

Each check is a pure function of the manifests that gives the faults. A test holds it empty for what
is there, and shows with planted mistakes that it is not empty by itself.
"""

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

COMMON_LABELS: Final = ("part-of", "managed-by")
LABELS: Final = ("name", "instance", "component", *COMMON_LABELS)

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

    def files(self, name: str) -> dict[str, str]:
        """Give the files of configuration that a workload sees, by path."""
        maps, found = self.of_kind("ConfigMap"), {}
        for volume, folder in self._volumes(name):
            if "configMap" in volume:
                data = _data(maps.get(volume["configMap"]["name"], {}))
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


def _data(config_map: Object) -> dict[str, str]:
    return dict(config_map.get("data") or {})


def unhardened(cluster: Cluster) -> list[str]:
    """Give what a pod could do that it need not."""
    faults = []
    for name, one in cluster.sets.items():
        pod, container = one["spec"]["template"]["spec"], cluster.container(name)
        own = container.get("securityContext", {})
        shared = pod.get("securityContext", {})
        resources = container.get("resources", {})
        _, _, tag = container["image"].partition(":")
        good = {
            "one pod": one["spec"]["replicas"] == 1,
            "no token": pod.get("automountServiceAccountToken") is False,
            "no addresses of others in variables": pod.get("enableServiceLinks") is False,
            "not root": shared.get("runAsNonRoot") is True and shared.get("runAsUser", 0) > 0,
            "files of its group": shared.get("fsGroup") == shared.get("runAsGroup"),
            "seccomp": shared.get("seccompProfile") == {"type": "RuntimeDefault"},
            "read-only root": own.get("readOnlyRootFilesystem") is True,
            "no capabilities": own.get("capabilities") == {"drop": ["ALL"]},
            "no new privileges": own.get("allowPrivilegeEscalation") is False,
            "nothing of the machine's": not pod.keys() & {"hostNetwork", "hostPID", "hostIPC"}
            and not any("hostPath" in volume for volume in pod.get("volumes", [])),
            "a release": tag.lstrip("v").count(".") == 2,
            "requests": {"cpu", "memory"} <= resources.get("requests", {}).keys(),
            "limits": {"cpu", "memory"} <= resources.get("limits", {}).keys(),
            "probes": {"readinessProbe", "livenessProbe"} <= container.keys(),
        }
        faults += [f"{name}: {what}" for what, is_so in good.items() if not is_so]
    return faults


def unlabelled(cluster: Cluster) -> list[str]:
    """Give what lacks a label that Kubernetes recommends.

    https://kubernetes.io/docs/concepts/overview/working-with-objects/common-labels/
    """
    faults: list[str] = []

    def check(what: str, labels: Mapping[str, str], wanted: tuple[str, ...]) -> None:
        lacking = [one for one in wanted if f"app.kubernetes.io/{one}" not in labels]
        faults.extend(f"{what}: {one}" for one in lacking)

    for one in cluster.objects:
        named = f"{one['kind']} {one['metadata']['name']}"
        wanted = LABELS if one["kind"] in {"Service", "StatefulSet"} else COMMON_LABELS
        check(named, one["metadata"].get("labels", {}), wanted)
    for name, one in cluster.sets.items():
        for what, metadata in (
            ("set", one["metadata"]),
            ("pod", one["spec"]["template"]["metadata"]),
        ):
            check(f"{what} of {name}", metadata["labels"], (*LABELS, "version"))
            _, _, tag = cluster.container(name)["image"].partition(":")
            if metadata["labels"].get("app.kubernetes.io/version") != tag:
                faults.append(f"{what} of {name}: another version than its image")
    return faults


def dangling(cluster: Cluster) -> list[str]:
    """Give what refers to something that there is not, or that nothing refers to."""
    return [
        *_dangling_maps(cluster),
        *(fault for name in cluster.sets for fault in _dangling_within(cluster, name)),
        *(fault for name in cluster.of_kind("Service") for fault in _misled(cluster, name)),
    ]


def _dangling_maps(cluster: Cluster) -> Iterator[str]:
    maps = cluster.of_kind("ConfigMap")
    used = set()
    for name, one in cluster.sets.items():
        for volume in one["spec"]["template"]["spec"]["volumes"]:
            if "configMap" not in volume:
                continue
            source = volume["configMap"]
            used.add(source["name"])
            if source["name"] not in maps:
                yield f"{name}: no ConfigMap {source['name']}"
                continue
            keys = _data(maps[source["name"]]).keys()
            taken = {item["key"] for item in source.get("items", [])} or keys
            yield from (f"{name}: {source['name']} and {key}" for key in sorted(keys ^ taken))
    yield from (f"nobody reads {one}" for one in maps.keys() - used)


def _dangling_within(cluster: Cluster, name: str) -> Iterator[str]:
    service = cluster.sets[name]["spec"]["serviceName"]
    if service not in cluster.of_kind("Service"):
        yield f"{name}: no service {service}"
    container, ports, files = cluster.container(name), cluster.ports(name), cluster.files(name)
    for probe in ("startupProbe", "readinessProbe", "livenessProbe"):
        if probe in container and container[probe]["httpGet"]["port"] not in ports:
            yield f"{name}: {probe} at {container[probe]['httpGet']['port']}"
    for argument in container.get("args", []):
        option, _, value = argument.partition("=")
        if option in {"--config", "--config.file"} and value not in files:
            yield f"{name}: no file {value}"


def _misled(cluster: Cluster, name: str) -> Iterator[str]:
    spec = cluster.of_kind("Service")[name]["spec"]
    pods = _behind(cluster, name)
    if len(pods) != 1:
        yield f"the service {name} leads to {pods}"
        return
    ports = cluster.ports(pods[0])
    for port in spec["ports"]:
        if port["targetPort"] not in ports:
            yield f"the service {name}: no port {port['targetPort']}"
        elif spec.get("clusterIP") == "None" and ports[port["targetPort"]] != port["port"]:
            # Its name is the pod's own address, so nobody changes the number on the way.
            yield f"the service {name}: {port['port']} is not the pod's"


def _behind(cluster: Cluster, service: str) -> list[str]:
    selector = {"matchLabels": cluster.of_kind("Service")[service]["spec"]["selector"]}
    return [one for one in cluster.sets if chosen(selector, cluster.end(one).labels)]


def settings(cluster: Cluster, name: str) -> list[Any]:
    """Give a workload's configuration, with its variables filled in."""
    environment = cluster.environment(name)

    def filled(found: re.Match[str]) -> str:
        return environment.get(found["name"], found["default"] or "")

    return [
        yaml.safe_load(_VARIABLE.sub(filled, text))
        for path, text in sorted(cluster.files(name).items())
        if path in " ".join(cluster.container(name).get("args", []))
    ]


def listening(cluster: Cluster, name: str) -> set[int]:
    """Give the ports at which a workload's configuration makes it listen for others."""
    if name in DEFAULT_PORTS:
        return {DEFAULT_PORTS[name]}
    return {port for one in settings(cluster, name) for port in _endpoints(one)}


def _endpoints(node: Any) -> Iterator[int]:
    if isinstance(node, list):
        for one in node:
            yield from _endpoints(one)
    if not isinstance(node, dict):
        return
    if {"host", "port"} <= node.keys() and node["host"] != "127.0.0.1":
        yield int(node["port"])
    for key, value in node.items():
        found = _HOST_PORT.match(value) if key == "endpoint" and isinstance(value, str) else None
        if found and found["host"] != "127.0.0.1":
            yield int(found["port"])
        else:
            yield from _endpoints(value)


def connections(cluster: Cluster) -> set[Connection]:
    """Give the connections that the configuration makes, within the cluster."""
    traces = urlsplit(cluster.environment("otel-collector")["V6CLIENT_TRACES_ENDPOINT"])
    called = [("otel-collector", traces.netloc)]
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
    """Give the workload that a service's name leads to."""
    [name] = _behind(cluster, host)
    return name
