"""Every tunable of v6client: its unit, its default, its environment variable."""

from __future__ import annotations

import dataclasses
import math
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from v6client.errors import ConfigurationError

PREFIX = "V6CLIENT_"
_SWITCH: Final = {"true": True, "1": True, "yes": True, "false": False, "0": False, "no": False}


def _setting(  # noqa: PLR0913 - the columns of a table
    default: float | None,
    *,
    unit: str,
    low: float,
    high: float,
    text: str,
    optional: bool = False,
) -> Any:  # noqa: ANN401 - dataclasses.field is typed as what it stands for
    return field(
        default=default,
        metadata={"unit": unit, "low": low, "high": high, "text": text, "optional": optional},
    )


def _switch(default: bool, *, text: str) -> Any:  # noqa: ANN401 - the same
    return _setting(default, unit="", low=0, high=1, text=text)


@dataclass(frozen=True)
class Settings:
    """All tunables, checked once.

    A field ``read_timeout`` is read from the variable ``V6CLIENT_READ_TIMEOUT`` by
    :meth:`from_environment`.

    Raises
    ------
    ConfigurationError
        When a value is not a number or not in its range: it names the setting, the value and
        what is allowed.
    """

    connect_timeout: float = _setting(
        5.0, unit="s", low=0.001, high=3600, text="until a connection stands"
    )
    read_timeout: float = _setting(
        60.0, unit="s", low=0.001, high=86400, text="between two bytes of the answer to a GET"
    )
    post_read_timeout: float = _setting(
        300.0,
        unit="s",
        low=0.001,
        high=86400,
        text="the same for a POST, PUT, PATCH or DELETE: the proxy serves one request at a time, "
        "and carries out what a client abandoned",
    )
    request_deadline: float = _setting(
        120.0, unit="s", low=0.001, high=86400, text="for one operation with all its attempts"
    )
    create_deadline: float = _setting(
        600.0, unit="s", low=0.001, high=86400, text="the same for an operation that sends a body"
    )
    blob_deadline: float = _setting(
        3600.0, unit="s", low=0.001, high=604800, text="the same for the transfer of one blob"
    )
    outage_budget: float = _setting(
        300.0, unit="s", low=0, high=86400, text="how long a proxy may be unreachable"
    )
    first_contact_budget: float = _setting(
        30.0,
        unit="s",
        low=0,
        high=86400,
        text="the same until the first success, so that a wrong port does not take minutes",
    )
    backoff_base: float = _setting(
        0.5, unit="s", low=0, high=3600, text="full jitter: up to this before the first retry"
    )
    backoff_cap: float = _setting(
        10.0, unit="s", low=0, high=3600, text="the most that a wait between attempts grows to"
    )
    failed_attempts: int = _setting(
        2,
        unit="attempts",
        low=1,
        high=10,
        text="of a GET that the proxy answers with a 500: it has tried three times each",
    )
    retry_budget: int = _setting(
        100, unit="tokens", low=0, high=1000000, text="the most that a client can save for retries"
    )
    retry_cost: int = _setting(
        5, unit="tokens", low=0, high=1000000, text="a retry of something that was sent takes these"
    )
    retry_refund: int = _setting(
        1, unit="tokens", low=0, high=1000000, text="a success gives these back"
    )
    max_response_bytes: int = _setting(
        2**31, unit="B", low=1, high=2**40, text="a longer answer is refused"
    )
    create_once: bool = _switch(
        True,
        text="whether a subtask is marked with a random key in its description, so that it can be "
        "found again when the answer to its creation is lost",
    )
    create_posts: int = _setting(
        4,
        unit="posts",
        low=1,
        high=10,
        text="of one subtask at most, each but the first after it was looked for and not found",
    )
    page_size: int = _setting(
        100, unit="rows", low=1, high=1000, text="asked for in one page of a list"
    )
    wait_timeout: float | None = _setting(
        86400.0,
        unit="s",
        low=0,
        high=31536000,
        optional=True,
        text="for wait_for_results; 'none' for no end",
    )
    poll_growth: float = _setting(
        0.1, unit="1", low=0.001, high=1, text="of the time waited so far: the next poll's distance"
    )
    poll_cap: float = _setting(
        60.0, unit="s", low=0.01, high=3600, text="the longest distance between two polls"
    )
    poll_load: float = _setting(
        20.0,
        unit="1",
        low=0,
        high=1000,
        text="times the last poll's duration: the least distance, so that a busy proxy is spared",
    )

    def __post_init__(self) -> None:
        for one in dataclasses.fields(self):
            _check(one.name, getattr(self, one.name), one)

    @classmethod
    def from_environment(cls, environ: Mapping[str, str] | None = None) -> Settings:
        """Read the settings from environment variables; what is not set keeps its default.

        Parameters
        ----------
        environ
            The (decoded) variables; those of the process by default.

        Returns
        -------
        Settings
            The settings.

        Raises
        ------
        ConfigurationError
            When a variable's value is not a number, or not in its range.
        """
        environ = os.environ if environ is None else environ
        values: dict[str, Any] = {
            one.name: _parse(one, environ[variable_of(one.name)])
            for one in dataclasses.fields(cls)
            if variable_of(one.name) in environ
        }
        return cls(**values)


def variable_of(name: str) -> str:
    """Name the environment variable of a setting."""
    return PREFIX + name.upper()


def allowed(one: dataclasses.Field[Any]) -> str:
    """Say in words which values a setting takes."""
    facts = one.metadata
    if _is_switch(one):
        return "'true' or 'false'"
    kind = "a whole number" if _is_integer(one) else "a number"
    unit = "" if facts["unit"] == "1" else f" ({facts['unit']})"
    none = ", or 'none'" if facts["optional"] else ""
    return f"{kind} from {facts['low']:g} to {facts['high']:g}{unit}{none}"


def _is_integer(one: dataclasses.Field[Any]) -> bool:
    return str(one.type) == "int"


def _is_switch(one: dataclasses.Field[Any]) -> bool:
    return str(one.type) == "bool"


def _parse(one: dataclasses.Field[Any], text: str) -> float | None:
    if one.metadata["optional"] and text.strip().lower() == "none":
        return None
    if _is_switch(one):
        if text.strip().lower() in _SWITCH:
            return _SWITCH[text.strip().lower()]
        raise _refusal(one.name, text, one)
    try:
        return int(text) if _is_integer(one) else float(text)
    except ValueError:
        pass
    raise _refusal(one.name, text, one)


def _check(name: str, value: object, one: dataclasses.Field[Any]) -> None:
    if value is None and one.metadata["optional"]:
        return
    if _is_switch(one):
        if not isinstance(value, bool):
            raise _refusal(name, value, one)
        return
    kinds = (int,) if _is_integer(one) else (int, float)
    if (
        isinstance(value, bool)
        or not isinstance(value, kinds)
        or not math.isfinite(value)
        or not one.metadata["low"] <= value <= one.metadata["high"]
    ):
        raise _refusal(name, value, one)


def _refusal(name: str, value: object, one: dataclasses.Field[Any]) -> ConfigurationError:
    return ConfigurationError(
        f"{variable_of(name)} (setting {name!r}) is {value!r}, but has to be {allowed(one)}: "
        f"{one.metadata['text']}. Its default is {one.default}."
    )
