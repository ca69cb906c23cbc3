"""What the body of ``POST /task`` may hold: pure checks, messages as the real server's schema."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping

NAME_LENGTH = 128
DESCRIPTION_LENGTH = 1024
_DATABASE_KEYS = {"label", "arguments", "preprocessing", "query", "sheet_name"}
_REQUIRED = "Missing data for required field."
_URL = re.compile(r"(https?|ftps?)://[^\s/]+\.[^\s/]+(:\d+)?(/\S*)?$", re.IGNORECASE)

Errors = dict[str, object]
# A field's check answers nothing, a message, or messages by position in a list.
_Check = Callable[[object], "str | Errors | None"]


def task_errors(body: object) -> Errors:
    """Give what is wrong with the body of a new task, by field; empty if nothing is."""
    if not isinstance(body, Mapping):
        return {"_schema": ["Invalid input type."]}
    errors: Errors = {}
    for name in _FIELDS:
        error = _field_error(body, name)
        if error:
            errors[name] = [error] if isinstance(error, str) else error
    errors.update({name: ["Unknown field."] for name in body if name not in _FIELDS})
    if not errors and "collaboration_id" not in body and "study_id" not in body:
        return {"_schema": ["Collaboration_id or study_id is required"]}
    return errors


def _field_error(body: Mapping[str, object], name: str) -> str | Errors | None:
    if name not in body:
        return _REQUIRED if name in ("image", "organizations") else None
    if body[name] is None:
        return None if name == "databases" else "Field may not be null."
    return _FIELDS[name](body[name])


def _name(value: object) -> str | None:
    if not isinstance(value, str):
        return "Not a valid string."
    if not value:
        return "Name cannot be empty"
    if value.isnumeric():
        return "Name cannot a number"
    if len(value) > NAME_LENGTH:
        return f"Name cannot be longer than {NAME_LENGTH} characters"
    return None


def _description(value: object) -> str | None:
    if not isinstance(value, str):
        return "Not a valid string."
    if len(value) > DESCRIPTION_LENGTH:
        return f"Longer than maximum length {DESCRIPTION_LENGTH}."
    return None


def _image(value: object) -> str | None:
    if not isinstance(value, str):
        return "Not a valid string."
    return None if value else "Shorter than minimum length 1."


def identifier_error(value: object) -> str | None:
    """Say what is wrong with an id; like the real server's, ``"1"`` passes."""
    if isinstance(value, bool) or not isinstance(value, (int, float, str)):
        return "Not a valid integer."
    try:
        number = int(value)
    except ValueError:
        return "Not a valid integer."
    return None if number >= 1 else "Must be greater than or equal to 1."


def _server_url(value: object) -> str | None:
    return None if isinstance(value, str) and _URL.match(value) else "Not a valid URL."


def _mappings(value: object) -> str | Errors | None:
    if not isinstance(value, list):
        return "Not a valid list."
    wrong: Errors = {
        str(position): ["Not a valid mapping type."]
        for position, entry in enumerate(value)
        if not isinstance(entry, Mapping)
    }
    return wrong or None


def _organizations(value: object) -> str | Errors | None:
    error = _mappings(value)
    if error or not isinstance(value, list):
        return error
    if not value:
        return "At least one organization is required"
    if any("id" not in entry for entry in value):
        return "Organization id is required for each organization"
    return None


def _databases(value: object) -> str | Errors | None:
    error = _mappings(value)
    if error or not isinstance(value, list):
        return error
    return next(filter(None, map(_database, value)), None)


def _database(entry: Mapping[str, object]) -> str | None:
    if "label" not in entry:
        return "Database label is required for each database"
    if "preprocessing" in entry:
        steps = entry["preprocessing"]
        if not isinstance(steps, list):
            return "Database preprocessing must be a list of dictionaries"
        for step in steps:
            if "function" not in step:
                return f"Database preprocessing {step} is missing a 'function'"
    if not isinstance(entry.get("arguments", {}), Mapping):
        return "Database arguments must be a dict"
    if not set(entry) <= _DATABASE_KEYS:
        return f"Database {entry} contains unknown keys. Allowed keys are {_DATABASE_KEYS}."
    return None


_FIELDS: Mapping[str, _Check] = {
    "name": _name,
    "description": _description,
    "image": _image,
    "collaboration_id": identifier_error,
    "study_id": identifier_error,
    "store_id": identifier_error,
    "server_url": _server_url,
    "organizations": _organizations,
    "databases": _databases,
}
