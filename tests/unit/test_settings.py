from __future__ import annotations

import dataclasses
import math
from typing import Any

import pytest

from v6client import ConfigurationError, Settings
from v6client.settings import variable_of

FIELDS = dataclasses.fields(Settings)


CHOICES = [one for one in FIELDS if "options" in one.metadata]
NUMBERS = [one for one in FIELDS if one.type != "bool" and one not in CHOICES]


@pytest.mark.parametrize("field", NUMBERS, ids=lambda one: one.name)
def test_every_number_is_read_and_checked(field: dataclasses.Field[object]) -> None:
    variable = variable_of(field.name)
    low, high = field.metadata["low"], field.metadata["high"]
    kind = int if str(field.type).startswith("int") else float
    settings = Settings.from_environment({variable: str(kind(high))})
    assert getattr(settings, field.name) == high
    for wrong in ("", "many", "nan", "inf", str(kind(low) - 1), str(kind(high) + 1)):
        with pytest.raises(ConfigurationError) as caught:
            Settings.from_environment({variable: wrong})
        assert variable in str(caught.value)
        assert "but has to be" in str(caught.value)
        assert f"from {low:g} to {high:g}" in str(caught.value)
        assert caught.value.__context__ is None


@pytest.mark.parametrize("field", CHOICES, ids=lambda one: one.name)
def test_a_choice_is_read_and_checked(field: dataclasses.Field[object]) -> None:
    variable = variable_of(field.name)
    for option in field.metadata["options"]:
        settings = Settings.from_environment({variable: option.upper()})
        assert getattr(settings, field.name) == option
    for wrong in ("", "maybe"):
        with pytest.raises(ConfigurationError, match=variable) as caught:
            Settings.from_environment({variable: wrong})
        assert all(repr(option) in str(caught.value) for option in field.metadata["options"])


def test_a_switch_is_read_and_checked() -> None:
    for text, value in {"true": True, "1": True, "False": False, "no": False}.items():
        assert Settings.from_environment({"V6CLIENT_CREATE_ONCE": text}).create_once is value
    for wrong in ("", "maybe", "2"):
        with pytest.raises(ConfigurationError, match=r"V6CLIENT_CREATE_ONCE.*'true' or 'false'"):
            Settings.from_environment({"V6CLIENT_CREATE_ONCE": wrong})


@pytest.mark.parametrize("field", FIELDS, ids=lambda one: one.name)
def test_a_wrong_argument_is_told_as_well(field: dataclasses.Field[object]) -> None:
    wrong: Any
    for wrong in ("5", 1 if field.type == "bool" else True, math.nan, [], -1):
        with pytest.raises(ConfigurationError, match=field.name):
            Settings(**{field.name: wrong})


def test_nothing_set_is_all_defaults() -> None:
    assert Settings.from_environment({}) == Settings()
    assert Settings().request_deadline == 120
    assert Settings().create_deadline == 600


def test_no_end_of_a_wait_can_be_asked_for() -> None:
    assert Settings.from_environment({"V6CLIENT_WAIT_TIMEOUT": "none"}).wait_timeout is None
    with pytest.raises(ConfigurationError, match="none"):
        Settings.from_environment({"V6CLIENT_WAIT_TIMEOUT": "never"})


def test_settings_are_frozen() -> None:
    with pytest.raises(dataclasses.FrozenInstanceError):
        Settings().page_size = 5  # type: ignore[misc]
