"""Reading trace files: OTLP in JSON, whole or cut, with what cannot be read said and left out.

Ours and the collector's file exporter write a message a line; other tools write one message a
file, over many lines. https://opentelemetry.io/docs/specs/otlp/#json-protobuf-encoding
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, TextIO

from v6client.cli.trace.record import LATEST, SPAN_ID, TRACE_ID, Record, Value, entry_of
from v6client.cli.trace.texts import count, plain
from v6client.errors import ConfigurationError
from v6client.telemetry import schema

_KINDS: Final = ("resourceSpans", "resourceMetrics", "resourceLogs")
_SUFFIXES: Final = frozenset({".json", ".jsonl", ".ndjson"})
_SPANS: Final = re.compile(r'"spans"\s*:\s*\[')
_BETWEEN: Final = re.compile(r"[\s,]*")
_RESOURCE: Final = re.compile(r'"resource"\s*:\s*')
_ERROR: Final = 2
_DIGITS: Final = 19
_decoder: Final = json.JSONDecoder()

Object = Mapping[str, Any]


@dataclass
class Reading:
    """What was found in the files.

    Parameters
    ----------
    records
        The spans, each once, by trace and span id.
    problems
        What is wrong with the files, for people.
    foreign
        The trace and span ids of spans that are not of v6client.
    malformed, messages
        How many spans were left out, and how many messages of OTLP there were.
    """

    records: dict[tuple[str, str], Record] = field(default_factory=dict)
    problems: list[str] = field(default_factory=list)
    foreign: set[tuple[str, str]] = field(default_factory=set)
    malformed: int = 0
    messages: int = 0

    def add(self, records: Iterable[Record]) -> None:
        """Add spans; of the same one twice, the first stays: exporters send again what was lost."""
        for record in records:
            self.records.setdefault((record.trace_id, record.span_id), record)


def read_files(paths: Iterable[Path]) -> Reading:
    """Read trace files, and the folders that hold some.

    Parameters
    ----------
    paths
        Files, or folders whose ``.json``, ``.jsonl`` and ``.ndjson`` files are read; names that go
        on after that, as of a trace file that was there already, count too.

    Returns
    -------
    Reading
        All spans that could be read.

    Raises
    ------
    ConfigurationError
        When a file is not there, cannot be read, or holds no OTLP message at all.
    """
    reading = Reading()
    for path in paths:
        for file in _files_of(path):
            _read_file(file, reading)
    if not reading.messages:
        raise ConfigurationError(
            f"{reading.problems[0]}: nothing in it is an OTLP message in JSON. Give what "
            "V6CLIENT_TRACE_FILE or the collector's file exporter (format: json) writes."
        )
    if reading.malformed:
        reading.problems.append(
            f"{count(reading.malformed, 'span')} left out: without a proper id or time"
        )
    return reading


def _files_of(path: Path) -> list[Path]:
    name = plain(str(path))
    if path.is_dir():
        found = sorted(
            one for one in path.iterdir() if one.is_file() and _SUFFIXES & set(one.suffixes)
        )
        if not found:
            raise ConfigurationError(
                f"the folder {name} holds no .jsonl or .json file. V6CLIENT_TRACE_FILE names the "
                "folder where containers write theirs."
            )
        return found
    if path.exists():
        return [path]
    hint = f" For job {name} from the server, type --job {name}." if name.isdecimal() else ""
    raise ConfigurationError(f"there is no file {name}.{hint}")


def _read_file(path: Path, reading: Reading) -> None:
    name, before = plain(path.name), reading.messages
    problems: list[str] = []
    try:
        # What is no UTF-8 is broken JSON, and no reason to stop.
        with path.open(encoding="utf-8", errors="replace") as file:
            for number, message in _messages(file, problems):
                _take(message, number, reading, problems)
    except OSError as error:
        raise ConfigurationError(f"{name} cannot be read ({type(error).__name__}).") from None
    if reading.messages == before:
        # Of a container that was killed at once, a file may be there and empty.
        is_empty = not problems
        reading.problems.append(f"{name} is {'empty' if is_empty else 'no trace'}")
        return
    reading.problems += [f"{name}, {one}" for one in problems[:_SHOWN]]
    if len(problems) > _SHOWN:
        reading.problems.append(f"{name}: {len(problems) - _SHOWN} more such lines")


_SHOWN: Final = 3


def _messages(file: TextIO, problems: list[str]) -> Iterator[tuple[int, Object]]:
    """Give the messages with the numbers of their lines; a broken one as far as it goes."""
    waiting: list[str] = []
    number = 0
    while line := waiting.pop() if waiting else file.readline():
        number += 1
        text = line.strip()
        if not text:
            continue
        message = _decoded(text)
        if isinstance(message, dict):
            yield number, message
        elif message is not None:
            problems.append(f"line {number}: no OTLP message")
        elif number > 1:
            yield from _salvaged(text, number, problems)
        else:
            following = file.readline()
            if _decoded(following.strip()) is None:
                # One message over many lines is broken in its first, too.
                yield from _salvaged(line + following + file.read(), number, problems)
                return
            waiting.append(following)
            yield from _salvaged(text, number, problems)


def _decoded(text: str) -> Any:  # noqa: ANN401 - JSON
    """Read JSON; ``None`` where it is none, and for null."""
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return None


def _salvaged(text: str, number: int, problems: list[str]) -> Iterator[tuple[int, Object]]:
    """Read text that is no line of JSON: messages over many lines, or as far as one goes."""
    position = _after(text, 0)
    while position < len(text):
        try:
            message, position = _decoder.raw_decode(text, position)
        except (ValueError, RecursionError):
            break
        if isinstance(message, dict):
            yield number, message
        position = _after(text, position)
    else:
        return
    saved = list(_saved_from(text, position))
    found = sum(len(one["scopeSpans"][0]["spans"]) for one in saved)
    line = number + text.count("\n", 0, position)
    told = f"{count(found, 'span')} of it read" if found else "no span of it read"
    problems.append(f"line {line}: cut or broken; {told}")
    if saved:
        yield number, {"resourceSpans": saved}


def _after(text: str, position: int) -> int:
    """Skip what stands between two values."""
    found = _BETWEEN.match(text, position)
    return found.end() if found else position


def _saved_from(text: str, position: int) -> Iterator[dict[str, Any]]:
    """Give the complete spans of a message that is cut, with who exported them."""
    for found in _SPANS.finditer(text, position):
        spans, at = [], found.end()
        while True:
            at = _after(text, at)
            try:
                span, at = _decoder.raw_decode(text, at)
            except (ValueError, RecursionError):
                break
            spans.append(span)
        if spans:
            yield {
                "resource": _resource_before(text, position, found.start()),
                "scopeSpans": [{"spans": spans}],
            }


def _resource_before(text: str, start: int, end: int) -> Any:  # noqa: ANN401 - JSON
    found = _RESOURCE.match(text, max(start, text.rfind('"resource"', start, end)))
    try:
        return _decoder.raw_decode(text, found.end())[0] if found else {}
    except (ValueError, RecursionError):
        return {}


def _take(message: Object, number: int, reading: Reading, problems: list[str]) -> None:
    if not any(isinstance(message.get(kind), list) for kind in _KINDS):
        problems.append(f"line {number}: no OTLP message")
        return
    reading.messages += 1
    for resource in _objects(message.get("resourceSpans")):
        who = _attributes(_object(resource.get("resource")).get("attributes"), schema.RESOURCE)
        for scope in _objects(resource.get("scopeSpans")):
            reading.add(_records(_objects(scope.get("spans")), who, reading))


def _records(
    spans: Iterable[Object], who: Mapping[str, Value], reading: Reading
) -> Iterator[Record]:
    task, organization = who.get(schema.TASK_ID), who.get(schema.ORGANIZATION_ID)
    for span in spans:
        name = span.get("name")
        attributes = _attributes(span.get("attributes"), _ALL)
        entry = entry_of(name, attributes)
        if entry is None:
            reading.foreign.add((str(span.get("traceId")), str(span.get("spanId"))))
            continue
        trace_id, span_id = span.get("traceId"), span.get("spanId")
        start, end = _time(span.get("startTimeUnixNano")), _time(span.get("endTimeUnixNano"))
        if (
            start is None
            or end is None
            or not isinstance(trace_id, str)
            or not isinstance(span_id, str)
            or not TRACE_ID.fullmatch(trace_id)
            or not SPAN_ID.fullmatch(span_id)
        ):
            reading.malformed += 1
            continue
        parent = span.get("parentSpanId")
        yield Record(
            trace_id,
            span_id,
            parent if isinstance(parent, str) and SPAN_ID.fullmatch(parent) else "",
            entry.name,
            start,
            max(start, end),
            {key: value for key, value in attributes.items() if key in entry.attributes},
            is_error=_object(span.get("status")).get("code") == _ERROR,
            began=_began(span) if entry.name == schema.RUN else None,
            task_id=task if isinstance(task, int) else None,
            organization_id=organization if isinstance(organization, int) else None,
        )


def _began(span: Object) -> int | None:
    for event in _objects(span.get("events")):
        if event.get("name") == schema.RUN_BEGAN:
            return _time(event.get("timeUnixNano"))
    return None


_ALL: Final = frozenset(schema.ATTRIBUTES)


def _attributes(found: object, allowed: frozenset[str]) -> dict[str, Value]:
    """Give the attributes that the schema has, and that fit: anything else is not shown."""
    attributes: dict[str, Value] = {}
    for one in _objects(found):
        key = one.get("key")
        if isinstance(key, str) and key in allowed:
            value = _value(_object(one.get("value")))
            if value is not None and schema.ATTRIBUTES[key].fits(value):
                attributes[key] = value
    return attributes


def _value(value: Object) -> Value | None:
    if "intValue" in value:
        return _whole(value["intValue"])
    for kind, python in (("stringValue", str), ("boolValue", bool), ("doubleValue", (int, float))):
        if kind in value:
            content = value[kind]
            return content if isinstance(content, python) else None
    return None


def _whole(number: object) -> int | None:
    """Read a 64-bit integer, which OTLP writes as a string; but some tools do not."""
    if isinstance(number, str) and len(number) <= _DIGITS and number.isascii():
        number = int(number) if number.isdecimal() else None
    is_whole = isinstance(number, int) and not isinstance(number, bool)
    return number if is_whole and 0 <= number <= LATEST else None  # type: ignore[return-value,operator]


def _time(number: object) -> int | None:
    found = _whole(number)
    return found or None


def _object(value: object) -> Object:
    return value if isinstance(value, dict) else {}


def _objects(value: object) -> Iterator[Object]:
    if isinstance(value, list):
        yield from (one for one in value if isinstance(one, dict))
