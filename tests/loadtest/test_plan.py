"""The bounds of a load test, and the guard before somebody else's proxy."""

from __future__ import annotations

import socket

import pytest

from v6client.cli.loadtest.plan import MOST_SECONDS, MOST_USERS, Plan, mix_of
from v6client.cli.loadtest.target import is_on_this_machine, target_of
from v6client.errors import ConfigurationError


@pytest.mark.parametrize(
    "wrong",
    [
        {"users": 0},
        {"users": MOST_USERS + 1},
        {"seconds": MOST_SECONDS + 1},
        {"seconds": 0},
        {"seconds": float("nan")},
        {"rate": 0},
        {"rate": float("inf")},
        {"flood": 11},
        {"size": 50_000_001},
        {"pause": -1},
    ],
)
def test_a_run_without_bounds_is_refused(wrong: dict[str, float]) -> None:
    with pytest.raises(ConfigurationError, match=f"--{next(iter(wrong))} .* are allowed"):
        Plan(**wrong)  # type: ignore[arg-type]


def test_the_bounds_themselves_are_allowed() -> None:
    plan = Plan(users=MOST_USERS, seconds=MOST_SECONDS)
    assert Plan(**plan.to_json()) == plan


def test_a_mix_is_read() -> None:
    assert mix_of("short=4, crowd") == {"short": 4, "crowd": 1}


@pytest.mark.parametrize("text", ["", "fast", "short=0", "short=-1", "short=x", "short=1001"])
def test_a_wrong_mix_is_refused(text: str) -> None:
    with pytest.raises(ConfigurationError, match="--mix"):
        mix_of(text)


# TEST-NET-1, which nobody has (RFC 5737).
@pytest.mark.parametrize("host", ["192.0.2.1", "0.0.0.0", "no-such-host.invalid", ""])  # noqa: S104
def test_elsewhere_is_not_this_machine(host: str) -> None:
    resolve = None if host[:1].isdigit() else _nobody
    assert not is_on_this_machine(host, resolve)


def _nobody(_: str) -> list[str]:
    raise socket.gaierror


def test_a_name_is_this_machine_only_with_all_its_addresses() -> None:
    assert is_on_this_machine("127.0.0.1")
    assert is_on_this_machine("name", lambda _: ["127.0.0.1", "127.0.0.2"])
    assert not is_on_this_machine("name", lambda _: ["127.0.0.1", "192.0.2.1"])
    assert not is_on_this_machine("name", lambda _: [])


def test_the_guard_asks_whose_proxy_it_is() -> None:
    with pytest.raises(ConfigurationError, match="--i-own-this-proxy"):
        target_of("http://192.0.2.1:8080", "token", is_owned=False)
    owned = target_of("http://192.0.2.1:8080/path", "token", is_owned=True)
    assert (owned.host, owned.port, owned.path) == ("http://192.0.2.1", 8080, "/path")


@pytest.mark.parametrize("text", ["127.0.0.1:80", "ftp://127.0.0.1", "http://me:secret@127.0.0.1"])
def test_what_is_no_address_is_refused_without_showing_it(text: str) -> None:
    with pytest.raises(ConfigurationError, match="--address") as refused:
        target_of(text, "token", is_owned=True)
    assert "secret" not in str(refused.value)


def test_a_target_does_not_show_its_token() -> None:
    assert "canary" not in repr(target_of("http://127.0.0.1:1", "canary", is_owned=False))
