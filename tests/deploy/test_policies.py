"""Whether the rules of network policies are applied as Kubernetes applies them."""

from __future__ import annotations

from typing import Any

import pytest

from tests.deploy.policies import End, chosen, lets_through

WEB = End("web", "shop", {"app": "web"})
STORE = End("store", "shop", {"app": "store"})
OTHER = End("other", "office", {"app": "web"})
OUTSIDE = End("outside", address="192.0.2.7")

EVERYTHING: dict[str, Any] = {}


def policy(selector: dict[str, Any], **directions: list[dict[str, Any]]) -> dict[str, Any]:
    return {
        "metadata": {"name": "one", "namespace": "shop"},
        "spec": {
            "podSelector": selector,
            "policyTypes": [one.capitalize() for one in directions],
            **directions,
        },
    }


def of(app: str) -> dict[str, Any]:
    return {"matchLabels": {"app": app}}


def test_without_a_policy_everything_may_talk() -> None:
    assert lets_through([], OUTSIDE, STORE, "TCP", 1)
    assert lets_through([policy(of("web"), ingress=[])], WEB, STORE, "TCP", 1)


def test_a_policy_closes_its_direction_alone() -> None:
    closed = [policy(EVERYTHING, ingress=[])]
    assert not lets_through(closed, WEB, STORE, "TCP", 1)
    assert lets_through(closed, WEB, OUTSIDE, "TCP", 1)


def test_both_sides_have_to_be_open() -> None:
    out = policy(of("web"), egress=[{"to": [{"podSelector": of("store")}]}])
    let_in = policy(of("store"), ingress=[{"from": [{"podSelector": of("web")}]}])
    deny = policy(EVERYTHING, ingress=[], egress=[])
    assert lets_through([deny, out, let_in], WEB, STORE, "TCP", 1)
    assert not lets_through([deny, out], WEB, STORE, "TCP", 1)
    assert not lets_through([deny, let_in], WEB, STORE, "TCP", 1)
    assert not lets_through([deny, out, let_in], STORE, WEB, "TCP", 1)


def test_what_one_policy_allows_no_other_takes_away() -> None:
    open_to_all = policy(of("store"), ingress=[{}])
    assert lets_through([policy(EVERYTHING, ingress=[]), open_to_all], OUTSIDE, STORE, "TCP", 1)


@pytest.mark.parametrize(
    ("peer", "let_in"),
    [
        ({"podSelector": {}}, {"web"}),  # of the policy's namespace
        ({"namespaceSelector": {}}, {"web", "other"}),
        (
            {"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "office"}}},
            {"other"},
        ),
        ({"namespaceSelector": {}, "podSelector": of("store")}, set()),
        ({"ipBlock": {"cidr": "192.0.2.0/24"}}, {"outside"}),
        ({"ipBlock": {"cidr": "192.0.2.0/24", "except": ["192.0.2.0/28"]}}, set()),
    ],
)
def test_a_peer_is_who_is_meant(peer: dict[str, Any], let_in: set[str]) -> None:
    policies = [policy(of("store"), ingress=[{"from": [peer]}])]
    ends = (WEB, OTHER, OUTSIDE)
    assert {one.name for one in ends if lets_through(policies, one, STORE, "TCP", 1)} == let_in


@pytest.mark.parametrize(
    ("ports", "protocol", "port", "open_"),
    [
        ([], "UDP", 7, True),
        ([{"port": 80}], "TCP", 80, True),
        ([{"port": 80}], "UDP", 80, False),
        ([{"port": 80}], "TCP", 81, False),
        ([{"port": 80, "endPort": 90}], "TCP", 90, True),
        ([{"port": 80, "endPort": 90}], "TCP", 91, False),
        ([{"protocol": "UDP"}], "UDP", 7, True),
    ],
)
def test_a_port_is_the_one_that_is_meant(
    ports: list[dict[str, Any]], protocol: str, port: int, open_: bool
) -> None:
    policies = [policy(of("store"), ingress=[{"ports": ports}])]
    assert lets_through(policies, WEB, STORE, protocol, port) is open_


def test_a_port_by_its_name_is_not_guessed_at() -> None:
    policies = [policy(of("store"), ingress=[{"ports": [{"port": "web"}]}])]
    with pytest.raises(NotImplementedError):
        lets_through(policies, WEB, STORE, "TCP", 80)


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        ({"key": "app", "operator": "In", "values": ["web", "store"]}, True),
        ({"key": "app", "operator": "In", "values": ["store"]}, False),
        ({"key": "app", "operator": "NotIn", "values": ["store"]}, True),
        ({"key": "colour", "operator": "NotIn", "values": ["red"]}, True),
        ({"key": "app", "operator": "Exists"}, True),
        ({"key": "colour", "operator": "DoesNotExist"}, True),
        ({"key": "app", "operator": "DoesNotExist"}, False),
    ],
)
def test_an_expression_chooses_by_labels(expression: dict[str, Any], expected: bool) -> None:
    assert chosen({"matchExpressions": [expression]}, {"app": "web"}) is expected
