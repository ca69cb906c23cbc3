"""Writes deploy/collector/privacy.yaml from the schema: ``python -m tests.observability.barrier``.

The collector's second privacy barrier: an allowlist in the collector's own language (OTTL), so
that what a client of another version, or another library, sends does not leave the gateway.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Final

from v6client.telemetry import schema
from v6client.telemetry.entries import Attribute

FILE: Final = Path(__file__).parents[2] / "deploy" / "collector" / "privacy.yaml"

_HEAD: Final = """\
# The second privacy barrier. Written from src/v6client/telemetry/schema.py by
# `python -m tests.observability.barrier`; a test holds the two together. Do not edit.
#
# It fails closed: what the schema does not name is dropped, and so is a batch in which a rule
# cannot be evaluated (error_mode: propagate).

processors:
"""
_EVERYTHING: Final = '".*"'
_NUMBERS: Final = r"\[[0-9,-]*\]"
_VERSION: Final = r"[0-9A-Za-z.+_-]{1,40}"
_LEVELS: Final = "DEBUG|INFO|WARN|WARNING|ERROR"


def text() -> str:
    """Give the whole file."""
    blocks = [
        ["  filter/schema:", "    error_mode: propagate", *_lists(_filters())],
        ["  transform/schema:", "    error_mode: propagate", *_groups(_statements())],
    ]
    return _HEAD + "\n\n".join("\n".join(block) for block in blocks) + "\n"


def _lists(conditions: Mapping[str, Iterable[str]]) -> Iterator[str]:
    for signal, entries in conditions.items():
        yield f"    {signal}:"
        yield from (f"      - {_quoted(one)}" for one in entries)


def _groups(statements: Mapping[str, Mapping[str, Iterable[str]]]) -> Iterator[str]:
    for signal, groups in statements.items():
        yield f"    {signal}:"
        for context, entries in groups.items():
            # Without a context a whole list has that of its deepest statement, and is not carried
            # out on a span without events, or a point without exemplars.
            yield f"      - context: {context}"
            yield "        statements:"
            yield from (f"          - {_quoted(one)}" for one in entries)


def _filters() -> dict[str, list[str]]:
    """Give what is dropped whole."""
    foreign = f"scope.name != {json.dumps(schema.INSTRUMENTATION)}"
    return {
        "trace_conditions": [
            foreign,
            f"not {_is('span.name', _span_names())}",
            # v6client makes no links, and OTTL cannot look into them.
            "Len(span.links) > 0",
            f"not {_is('spanevent.name', _any_of(schema.SPAN_EVENTS))}",
        ],
        "metric_conditions": [
            foreign,
            f"not {_is('metric.name', _any_of(schema.METRICS))}",
        ],
        "log_conditions": [
            foreign,
            "not IsString(log.body)",
            f"not {_is('log.body', _any_of(schema.EVENTS))}",
        ],
    }


def _statements() -> dict[str, dict[str, Iterable[str]]]:
    """Give what is taken from the rest: by signal and by what is looked at."""
    of_all: dict[str, Iterable[str]] = {
        "resource": list(_kept("resource.attributes", schema.RESOURCE, schema.ATTRIBUTES)),
        "scope": [
            f"delete_matching_keys(scope.attributes, {_EVERYTHING})",
            f'set(scope.version, "") where not {_is("scope.version", _VERSION)}',
        ],
    }
    of_spans = {key for one in schema.SPANS.values() for key in one.attributes}
    of_events = {key for one in schema.SPAN_EVENTS.values() for key in one.attributes}
    of_points = {key for one in schema.METRICS.values() for key in one.attributes}
    return {
        "trace_statements": {
            **of_all,
            "span": [
                'set(span.trace_state, "")',
                'set(span.status.message, "")',
                *_kept("span.attributes", of_spans, schema.ATTRIBUTES),
            ],
            "spanevent": _kept("spanevent.attributes", of_events, schema.ATTRIBUTES),
        },
        "metric_statements": {
            **of_all,
            "metric": [
                f"delete_matching_keys(metric.metadata, {_EVERYTHING})",
                *_of_each_metric("description"),
                *_of_each_metric("unit"),
            ],
            "datapoint": _kept(
                "datapoint.attributes", of_points | {schema.OVERFLOW}, schema.ATTRIBUTES
            ),
            "exemplar": [f"delete_matching_keys(exemplar.filtered_attributes, {_EVERYTHING})"],
        },
        "log_statements": {
            **of_all,
            "log": [
                'set(log.event_name, "")',
                f'set(log.severity_text, "") where not {_is("log.severity_text", _LEVELS)}',
                *_kept("log.attributes", schema.FIELDS, schema.FIELDS),
            ],
        },
    }


def _of_each_metric(field: str) -> Iterator[str]:
    for one in schema.METRICS.values():
        name, value = json.dumps(one.name), json.dumps(getattr(one, field))
        yield f"set(metric.{field}, {value}) where metric.name == {name}"


def _kept(target: str, keys: Iterable[str], entries: Mapping[str, Attribute]) -> Iterator[str]:
    """Keep these keys of a map, each where its value is of the type and text that it may have."""
    known = sorted(keys)
    yield f"keep_keys({target}, {json.dumps(known)})"
    for key in known:
        one = f"{target}[{json.dumps(key)}]"
        yield (
            f"delete_key({target}, {json.dumps(key)}) "
            f"where {one} != nil and not {_fits(one, entries[key])}"
        )


def _fits(value: str, entry: Attribute) -> str:
    if entry.type == "int":
        return f"IsInt({value})"
    if entry.type == "double":
        return f"(IsDouble({value}) or IsInt({value}))"
    if entry.type == "boolean":
        return f"IsBool({value})"
    if entry.type == "int[]":
        return f"(IsList({value}) and {_is(value, _NUMBERS)})"
    pattern = _any_of(entry.values) if entry.pattern is None else entry.pattern.pattern
    return f"(IsString({value}) and {_is(value, pattern)})"


def _is(value: str, pattern: str) -> str:
    # The very end: a $ would let a line break pass.
    whole = rf"^(?:{pattern})\z"
    return f"IsMatch({value}, {json.dumps(whole)})"


def _any_of(words: Iterable[str]) -> str:
    return "|".join(re.escape(one).replace(r"\ ", " ") for one in sorted(words))


def _span_names() -> str:
    template = schema.ATTRIBUTES[schema.URL_TEMPLATE].pattern
    if template is None:
        raise ValueError("url.template has no pattern in telemetry/schema.py")
    attempt = f"(?:{_any_of(schema.METHODS)}) (?:{template.pattern})"
    return f"{_any_of(set(schema.SPANS) - {schema.ATTEMPT_SPAN})}|{attempt}"


def _quoted(statement: str) -> str:
    return "'" + statement.replace("'", "''") + "'"


if __name__ == "__main__":
    FILE.write_text(text(), encoding="utf-8")
