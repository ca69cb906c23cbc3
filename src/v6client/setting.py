"""One setting: its unit and bounds, its environment variable, and whether a value is allowed."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping
from dataclasses import field
from typing import Any, Final, TypeVar

from v6client.errors import ConfigurationError

PREFIX = "V6CLIENT_"
_SWITCH: Final = {"true": True, "1": True, "yes": True, "false": False, "0": False, "no": False}

Kind = TypeVar("Kind")


def setting(  # noqa: PLR0913 - the columns of a table
    default: float | str | None,
    *,
    unit: str = "",
    text: str,
    low: float = 0,
    high: float = 1,
    optional: bool = False,
    words: tuple[str, ...] = (),
) -> Any:  # noqa: ANN401 - dataclasses.field is typed as what it stands for
    """Declare a field of a settings class.

    Parameters
    ----------
    default
        Its default.
    unit, text
        What the documents say of it.
    low, high
        The bounds of a number, both allowed.
    optional
        Whether ``None``, as a variable ``none``, is allowed.
    words
        What a text may be; anything where there are none. A variable may have it in any case.
    """
    return field(
        default=default,
        metadata={
            "unit": unit,
            "low": low,
            "high": high,
            "text": text,
            "optional": optional,
            "words": words,
        },
    )


def switch(default: bool, *, text: str) -> Any:  # noqa: ANN401 - the same
    """Declare a field that is true or false."""
    return setting(default, text=text)


def read(kind: type[Kind], environ: Mapping[str, str]) -> Kind:
    """Read a settings class from environment variables; what is not set keeps its default.

    Raises
    ------
    ConfigurationError
        When a variable's value is not allowed.
    """
    values: dict[str, Any] = {
        one.name: _parse(one, environ[variable_of(one.name)])
        for one in dataclasses.fields(kind)  # type: ignore[arg-type]  # both are dataclasses
        if variable_of(one.name) in environ
    }
    return kind(**values)


def variable_of(name: str) -> str:
    """Name the environment variable of a setting."""
    return PREFIX + name.upper()


def allowed(one: dataclasses.Field[Any]) -> str:
    """Say in words which values a setting takes."""
    facts = one.metadata
    if _is_switch(one):
        return "'true' or 'false'"
    if facts["words"]:
        return f"one of {', '.join(facts['words'])}"
    if _is_text(one):
        return "a text"
    kind = "a whole number" if _is_integer(one) else "a number"
    unit = "" if facts["unit"] == "1" else f" ({facts['unit']})"
    none = ", or 'none'" if facts["optional"] else ""
    return f"{kind} from {facts['low']:g} to {facts['high']:g}{unit}{none}"


def _is_integer(one: dataclasses.Field[Any]) -> bool:
    return str(one.type) in {"int", "int | None"}


def _is_switch(one: dataclasses.Field[Any]) -> bool:
    return str(one.type) == "bool"


def _is_text(one: dataclasses.Field[Any]) -> bool:
    return str(one.type) == "str"


def _parse(one: dataclasses.Field[Any], text: str) -> float | str | None:
    if _is_text(one):
        given = text.strip()
        words: tuple[str, ...] = one.metadata["words"]
        return next((word for word in words if word.lower() == given.lower()), given)
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


def check(name: str, value: object, one: dataclasses.Field[Any]) -> None:
    """Check one value.

    Raises
    ------
    ConfigurationError
        When it is not allowed: names the variable, the value and what is allowed.
    """
    if value is None and one.metadata["optional"]:
        return
    if _is_switch(one):
        if not isinstance(value, bool):
            raise _refusal(name, value, one)
        return
    if _is_text(one):
        words = one.metadata["words"]
        if not isinstance(value, str) or (words and value not in words):
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
        f"{one.metadata['text']}. Its default is {one.default!r}."
    )
