"""What can be wrong with the manifests of ``deploy/kubernetes``.

Each check is a pure function of the manifests that gives the faults. A test holds it empty for what
is there, and shows with planted mistakes that it is not empty by itself.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Final

from tests.deploy.cluster import Cluster

COMMON_LABELS: Final = ("part-of", "managed-by")
LABELS: Final = ("name", "instance", "component", *COMMON_LABELS)


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
    """Give what lacks a label that Kubernetes recommends, or has it where it does harm.

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
        if "app.kubernetes.io/version" in one["spec"]["selector"]["matchLabels"]:
            faults.append(f"{name}: a selector cannot change, and its version will")
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
            keys = cluster.data(source["name"]).keys()
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
    pods = cluster.behind(name)
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
