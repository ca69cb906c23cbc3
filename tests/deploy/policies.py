"""What a cluster's network policies let through: Kubernetes' rules as a pure function.

https://kubernetes.io/docs/concepts/services-networking/network-policies/
"""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

Labels = Mapping[str, str]
Policy = Mapping[str, Any]

# Each namespace has its name as a label.
NAMESPACE_LABEL: Final = "kubernetes.io/metadata.name"


@dataclass(frozen=True)
class End:
    """One end of a connection: a pod, or an address outside of the cluster.

    Parameters
    ----------
    name
        What the test calls it.
    namespace, labels
        Of a pod.
    address
        Of what is outside; it has no namespace.
    """

    name: str
    namespace: str = ""
    labels: Labels = field(default_factory=dict)
    address: str = ""


def lets_through(
    policies: Iterable[Policy], source: End, target: End, protocol: str, port: int
) -> bool:
    """Say whether a connection is let out where it leaves and in where it arrives.

    Parameters
    ----------
    policies
        Of all namespaces.
    source, target
        Its ends.
    protocol
        ``TCP`` or ``UDP``.
    port
        The target's, as the pod has it.

    Raises
    ------
    NotImplementedError
        A policy names a port by its name.
    """
    every = list(policies)
    out = any(
        _is_peer(rule.get("to"), target, source.namespace) and _is_port(rule, protocol, port)
        for rule in _rules(every, source, "Egress")
    )
    return out and any(
        _is_peer(rule.get("from"), source, target.namespace) and _is_port(rule, protocol, port)
        for rule in _rules(every, target, "Ingress")
    )


def chosen(selector: Mapping[str, Any], labels: Labels) -> bool:
    """Say whether a label selector chooses something with these labels.

    Raises
    ------
    NotImplementedError
        An operator that there is not.
    """
    wanted = selector.get("matchLabels") or {}
    if any(labels.get(key) != value for key, value in wanted.items()):
        return False
    for one in selector.get("matchExpressions") or []:
        has, among = one["key"] in labels, labels.get(one["key"]) in one.get("values", [])
        match one["operator"]:
            case "In":
                good = among
            case "NotIn":
                good = not among
            case "Exists":
                good = has
            case "DoesNotExist":
                good = not has
            case other:
                raise NotImplementedError(other)
        if not good:
            return False
    return True


def _rules(policies: list[Policy], end: End, direction: str) -> list[Mapping[str, Any]]:
    applying = [
        one["spec"]
        for one in policies
        if one["metadata"]["namespace"] == end.namespace
        and direction in one["spec"]["policyTypes"]
        and chosen(one["spec"]["podSelector"], end.labels)
    ]
    # Where no policy applies, everything is allowed; else what any of them allows.
    if not applying:
        return [{}]
    return [rule for one in applying for rule in one.get(direction.lower()) or []]


def _is_peer(peers: list[Mapping[str, Any]] | None, end: End, namespace: str) -> bool:
    # No peers are all peers.
    return not peers or any(_is(peer, end, namespace) for peer in peers)


def _is(peer: Mapping[str, Any], end: End, namespace: str) -> bool:
    if "ipBlock" in peer:
        if not end.address:
            return False
        address, block = ipaddress.ip_address(end.address), peer["ipBlock"]
        return address in ipaddress.ip_network(block["cidr"]) and not any(
            address in ipaddress.ip_network(one) for one in block.get("except", [])
        )
    if not end.namespace:
        return False
    if "namespaceSelector" in peer:
        if not chosen(peer["namespaceSelector"], {NAMESPACE_LABEL: end.namespace}):
            return False
    elif end.namespace != namespace:
        return False
    return chosen(peer.get("podSelector", {}), end.labels)


def _is_port(rule: Mapping[str, Any], protocol: str, port: int) -> bool:
    # No ports are all ports.
    ports = rule.get("ports")
    return not ports or any(
        one.get("protocol", "TCP") == protocol and _in_range(one, port) for one in ports
    )


def _in_range(one: Mapping[str, Any], port: int) -> bool:
    first = one.get("port")
    if isinstance(first, str):
        raise NotImplementedError(f"the port {first} by its name")
    return first is None or first <= port <= one.get("endPort", first)
