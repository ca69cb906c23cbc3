"""The schema: one place for every name, and its document."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest
from opentelemetry.trace import SpanKind

import v6client
from tests.telemetry import document
from v6client.telemetry import schema
from v6client.telemetry.entries import Attribute

SOURCES = sorted(Path(v6client.__file__).parent.rglob("*.py"))
ALL = [*schema.ATTRIBUTES.values(), *schema.FIELDS.values()]


@pytest.mark.skipif(not document.PATH.is_file(), reason="the docs are in the source folder alone")
def test_the_document_is_the_schema() -> None:
    assert document.PATH.read_text("utf-8") == document.document(), (
        "write it again: python -m tests.telemetry.document"
    )


def test_a_text_is_from_an_enumeration_or_fits_a_pattern() -> None:
    for one in ALL:
        assert (one.type == "string") == bool(one.values or one.pattern), one.key
        assert not (one.values and one.pattern), one.key


def test_what_an_entry_refers_to_is_there() -> None:
    for span in schema.SPANS.values():
        assert span.attributes <= schema.ATTRIBUTES.keys()
        assert span.events <= schema.SPAN_EVENTS.keys()
    for event in schema.SPAN_EVENTS.values():
        assert event.attributes <= schema.ATTRIBUTES.keys()
    for metric in schema.METRICS.values():
        assert metric.attributes <= schema.ATTRIBUTES.keys()
        assert bool(metric.buckets) == (metric.kind == "histogram")
    for line in schema.EVENTS.values():
        assert line.fields <= schema.FIELDS.keys()
    assert schema.ATTRIBUTES.keys() >= schema.RESOURCE


def test_metrics_have_no_id_but_the_organizations() -> None:
    ids = {key for key in schema.ATTRIBUTES if key.endswith(".id")}
    for metric in schema.METRICS.values():
        assert metric.attributes & ids <= {schema.ORGANIZATION_ID}, metric.name


def test_kinds_are_those_of_the_design() -> None:
    kinds = {name: span.kind for name, span in schema.SPANS.items()}
    assert kinds.pop(schema.ATTEMPT_SPAN) is SpanKind.CLIENT
    assert kinds.pop(schema.TASK_CREATE) is SpanKind.PRODUCER
    assert kinds.pop(schema.RUN) is SpanKind.CONSUMER
    assert set(kinds.values()) == {SpanKind.INTERNAL}


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: path.stem)
def test_attributes_and_events_are_named_by_the_schema(path: Path) -> None:
    # A name that is written out at its place could be any.
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if (
            isinstance(node, ast.Call)
            and isinstance(node.func, ast.Attribute)
            and node.func.attr in {"set_attribute", "add_event", "update_name", "set_attributes"}
        ):
            assert node.func.attr != "update_name"
            # spans.add_event(span, name) checks what it is given, whatever its name is called.
            is_checked = ast.unparse(node.func) == "spans.add_event"
            first = node.args[1 if is_checked else 0]
            names = first.keys if isinstance(first, ast.Dict) else [first]
            for name in map(ast.unparse, filter(None, names)):
                assert name.startswith("schema.") or path.stem == "spans", ast.unparse(node)


@pytest.mark.parametrize(
    ("kind", "right", "wrong"),
    [
        ("int", [0, -1, 2**62], [True, 1.0, "1", None, [1]]),
        ("double", [0, 1.5], [True, "1", None]),
        ("boolean", [True, False], [0, 1, "true", None]),
        ("int[]", [[], [1, 2], (3,)], [1, "12", b"12", [True], ["1"], [1] * 1001, None]),
    ],
)
def test_a_value_has_to_be_of_the_type(kind: str, right: list[object], wrong: list[object]) -> None:
    one = Attribute("key", kind, "")
    assert all(one.fits(value) for value in right)
    assert not any(one.fits(value) for value in wrong)


@pytest.mark.parametrize(
    ("key", "right", "wrong"),
    [
        (schema.HTTP_METHOD, ["GET"], ["get", "canary", ""]),
        (schema.URL_TEMPLATE, ["/task/{id}/status", "/task"], ["/task/5", "/a?b=c", "task", ""]),
        (schema.SERVER_ADDRESS, ["localhost", "10.0.0.1", "[::1]"], ["a b", "http://a/b", ""]),
        (schema.ERROR_TYPE, ["503", "ValueError", "read_timeout"], ["a b", "no: canary", "", "7"]),
        (schema.SERVICE_NAME, ["my service/1.0"], ["a=b", "<a>", "", "x" * 101, "name\n"]),
        (schema.RUN_STATUS, ["crashed", "other"], ["canary", ""]),
    ],
)
def test_a_text_has_to_be_known(key: str, right: list[str], wrong: list[object]) -> None:
    one = schema.ATTRIBUTES[key]
    assert all(one.fits(value) for value in right)
    assert not any(one.fits(value) for value in [*wrong, 5, None, b"GET"])


def test_a_status_of_another_version_is_other() -> None:
    assert schema.known_status("active") == "active"
    assert schema.known_status("canary") == schema.known_status(None) == "other"
    assert schema.fitting("status", "canary") == "other"
    assert schema.fitting("error_type", "a canary") is None
