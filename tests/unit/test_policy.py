"""What a wait does when a run fails: the call, then the settings, then the default."""

from __future__ import annotations

from typing import Any

import pytest

from v6client import Settings
from v6client.tasks.verdict import WaitPolicy, chosen_policy


def chosen(settings: Settings, organizations: int | None = 4, **call: Any) -> WaitPolicy:
    none: dict[str, Any] = dict.fromkeys(("on_failure", "wait_for", "min_results", "grace"))
    return chosen_policy(settings, organizations=organizations, **{**none, **call})


DEFAULT = WaitPolicy(is_general=True)
PARTIAL = WaitPolicy(is_partial=True, stops_at_failure=False, is_general=True)


@pytest.mark.parametrize(
    ("variables", "call", "expected"),
    [
        ({}, {}, DEFAULT),
        ({"ON_FAILURE": "partial"}, {}, PARTIAL),
        ({"ON_FAILURE": "partial"}, {"on_failure": "raise"}, WaitPolicy()),
        ({}, {"on_failure": "partial"}, PARTIAL),
        (
            {"ON_FAILURE": "partial", "WAIT_FOR": "first_failure"},
            {},
            WaitPolicy(is_partial=True, is_general=True),
        ),
        ({"WAIT_FOR": "all"}, {}, WaitPolicy(stops_at_failure=False, is_general=True)),
        ({"WAIT_FOR": "all"}, {"wait_for": "first_failure"}, DEFAULT),
        (
            {"MIN_RESULTS": "3", "GRACE": "60"},
            {},
            WaitPolicy(stops_at_failure=False, min_results=3, grace=60, is_general=True),
        ),
        (
            {"MIN_RESULTS": "3", "GRACE": "60"},
            {"min_results": 2, "grace": 5},
            WaitPolicy(stops_at_failure=False, min_results=2, grace=5),
        ),
        # Whoever asks for "raise" by its name wants all results, whatever is set from outside.
        ({"MIN_RESULTS": "3", "GRACE": "60"}, {"on_failure": "raise"}, WaitPolicy(grace=60)),
    ],
)
def test_the_call_comes_before_the_settings(
    variables: dict[str, str], call: dict[str, Any], expected: WaitPolicy
) -> None:
    named = {f"V6CLIENT_{name}": value for name, value in variables.items()}
    assert chosen(Settings.from_environment(named), **call) == expected
