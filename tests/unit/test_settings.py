from __future__ import annotations

import dataclasses
import math
from typing import Any

import pytest

from v6client import ConfigurationError, Settings
from v6client.setting import variable_of
from v6client.settings import TelemetrySettings

FIELDS = dataclasses.fields(Settings) + dataclasses.fields(TelemetrySettings)


NUMBERS = [one for one in FIELDS if one.type not in {"bool", "str"}]


def kind_of(field: dataclasses.Field[object]) -> type[Settings | TelemetrySettings]:
    return Settings if hasattr(Settings, field.name) else TelemetrySettings


@pytest.mark.parametrize("field", NUMBERS, ids=lambda one: one.name)
def test_every_number_is_read_and_checked(field: dataclasses.Field[object]) -> None:
    variable = variable_of(field.name)
    low, high = field.metadata["low"], field.metadata["high"]
    kind = int if str(field.type).startswith("int") else float
    settings = kind_of(field).from_environment({variable: str(kind(high))})
    assert getattr(settings, field.name) == high
    for wrong in ("", "many", "nan", "inf", str(kind(low) - 1), str(kind(high) + 1)):
        with pytest.raises(ConfigurationError) as caught:
            kind_of(field).from_environment({variable: wrong})
        assert variable in str(caught.value)
        assert "but has to be" in str(caught.value)
        assert f"from {low:g} to {high:g}" in str(caught.value)
        assert caught.value.__context__ is None


def test_a_switch_is_read_and_checked() -> None:
    for text, value in {"true": True, "1": True, "False": False, "no": False}.items():
        assert Settings.from_environment({"V6CLIENT_CREATE_ONCE": text}).create_once is value
    for wrong in ("", "maybe", "2"):
        with pytest.raises(ConfigurationError, match=r"V6CLIENT_CREATE_ONCE.*'true' or 'false'"):
            Settings.from_environment({"V6CLIENT_CREATE_ONCE": wrong})


@pytest.mark.parametrize("field", FIELDS, ids=lambda one: one.name)
def test_a_wrong_argument_is_told_as_well(field: dataclasses.Field[object]) -> None:
    wrong: Any
    text = 5 if field.type == "str" else "5"
    for wrong in (text, 1 if field.type == "bool" else True, math.nan, [], -1):
        with pytest.raises(ConfigurationError, match=field.name):
            kind_of(field)(**{field.name: wrong})


def test_a_word_is_read_and_checked() -> None:
    variable = "V6CLIENT_LOG_LEVEL"
    assert TelemetrySettings.from_environment({variable: " debug"}).log_level == "DEBUG"
    for wrong in ("", "LOUD", "10"):
        with pytest.raises(ConfigurationError, match=f"{variable}.*one of DEBUG, INFO"):
            TelemetrySettings.from_environment({variable: wrong})


def test_a_text_is_read_as_it_is() -> None:
    read = TelemetrySettings.from_environment({"V6CLIENT_TRACE_FILE": "/tmp/a file"})  # noqa: S108
    assert read.trace_file == "/tmp/a file"  # noqa: S108 - a name, no file


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
