"""A few hundred broken payloads for each reader; ``make fuzz`` feeds a million."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.fuzz.targets import EDITS, TARGETS, Edit, Target, edited, shorten


@pytest.fixture(scope="module", autouse=True)
def _short() -> object:
    with pytest.MonkeyPatch.context() as patch:
        shorten(patch.setattr)
        yield


@pytest.mark.parametrize("target", TARGETS, ids=lambda one: one.name)
@settings(max_examples=300)
@given(which=st.integers(0, 100), edits=EDITS, size=st.integers(1, 40))
def test_a_value_or_one_of_our_errors(
    target: Target, which: int, edits: Sequence[Edit], size: int
) -> None:
    payload = target.payloads[which % len(target.payloads)]
    target.check(edited(payload, edits), size)


@pytest.mark.parametrize("target", TARGETS, ids=lambda one: one.name)
def test_sound_payloads_pass(target: Target) -> None:
    for payload in target.payloads:
        target.check(payload, 7)
