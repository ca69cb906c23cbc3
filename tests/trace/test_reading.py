"""Trace files: whole, cut, broken, foreign and hostile."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.trace.files import Trace, message, two_rounds
from v6client.cli.trace.reading import read_files
from v6client.cli.trace.texts import plain, seconds
from v6client.errors import ConfigurationError

WHOLE = len(two_rounds().spans)


def test_a_message_a_line_is_read(tmp_path: Path) -> None:
    reading = read_files([two_rounds().write(tmp_path / "t.jsonl")])
    assert (len(reading.records), reading.problems) == (WHOLE, [])


def one_message() -> dict[str, object]:
    return {"resourceSpans": [one["resourceSpans"][0] for one in two_rounds().messages()]}


@pytest.mark.parametrize("indent", [None, 2])
def test_one_message_a_file_is_read(tmp_path: Path, indent: int | None) -> None:
    (tmp_path / "t.json").write_text(json.dumps(one_message(), indent=indent))
    reading = read_files([tmp_path / "t.json"])
    assert (len(reading.records), reading.problems) == (WHOLE, [])


def test_messages_over_many_lines_behind_each_other_are_read(tmp_path: Path) -> None:
    text = "\n".join(json.dumps(one, indent=1) for one in two_rounds().messages())
    (tmp_path / "t.json").write_text(text)
    assert len(read_files([tmp_path / "t.json"]).records) == WHOLE


@pytest.mark.parametrize("indent", [None, 1])
def test_a_file_cut_anywhere_gives_what_is_before_the_cut(
    tmp_path: Path, indent: int | None
) -> None:
    text = json.dumps(one_message(), indent=indent)
    path = tmp_path / "t.json"
    sizes = []
    for cut in range(len(text) // 10, len(text), 997):
        path.write_text(text[:cut])
        reading = read_files([path])
        assert "cut or broken" in reading.problems[0]
        sizes.append(len(reading.records))
    assert sizes == sorted(sizes)
    assert sizes[-1] >= WHOLE - 3
    # Whose container it was is read before the spans, so the tree stands.
    assert {one.task_id for one in reading.records.values()} >= {1, 2}


def test_a_file_of_lines_cut_in_the_middle_of_one_gives_the_spans_of_that_line(
    tmp_path: Path,
) -> None:
    text = two_rounds().write(tmp_path / "t.jsonl").read_text()
    first = text.index("\n")
    (tmp_path / "t.jsonl").write_text(text[: first - 200])
    reading = read_files([tmp_path / "t.jsonl"])
    spans_of_root = len(two_rounds().messages()[0]["resourceSpans"][0]["scopeSpans"][0]["spans"])
    assert len(reading.records) == spans_of_root - 1
    assert reading.problems == [
        f"t.jsonl, line 1: cut or broken; {spans_of_root - 1} spans of it read"
    ]


@pytest.mark.parametrize("broken", ['{"resourceSpans": [', "not json", '"text"', "[1, 2]", "{}"])
@pytest.mark.parametrize("place", [0, 2])
def test_a_broken_line_is_said_and_the_others_are_read(
    tmp_path: Path, broken: str, place: int
) -> None:
    lines = [json.dumps(one) for one in two_rounds().messages()]
    lines.insert(place, broken)
    (tmp_path / "t.jsonl").write_text("\n".join(lines))
    reading = read_files([tmp_path / "t.jsonl"])
    assert len(reading.records) == WHOLE
    [problem] = reading.problems
    assert problem.startswith(f"t.jsonl, line {place + 1}: ")


def test_many_broken_lines_are_told_in_few(tmp_path: Path) -> None:
    text = two_rounds().write(tmp_path / "t.jsonl").read_text()
    (tmp_path / "t.jsonl").write_text(text + "broken\n" * 50)
    problems = read_files([tmp_path / "t.jsonl"]).problems
    assert len(problems) == 4
    assert problems[-1] == "t.jsonl: 47 more such lines"


def test_a_folder_is_read_with_files_that_have_a_number_behind(tmp_path: Path) -> None:
    messages = two_rounds().messages()
    for number, one in enumerate(messages):
        (tmp_path / f"v6client.jsonl.{number:08x}").write_text(json.dumps(one))
    (tmp_path / "notes.txt").write_text("not for us")
    assert len(read_files([tmp_path]).records) == WHOLE


def test_a_span_that_was_sent_twice_counts_once(tmp_path: Path) -> None:
    path = two_rounds().write(tmp_path / "t.jsonl")
    path.write_text(path.read_text() * 2)
    assert len(read_files([path]).records) == WHOLE


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("notes.md", "# Notes\n", "is no trace"),
        ("empty.jsonl", "", "is empty"),
        ("binary.jsonl", "\x00\x01\x02", "is no trace"),
        ("12", None, "type --job 12"),
        ("gone.jsonl", None, "there is no file gone.jsonl"),
    ],
)
def test_what_is_no_trace_is_said_to_be_none(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, content: str | None, said: str
) -> None:
    monkeypatch.chdir(tmp_path)
    if content is not None:
        Path(name).write_text(content)
    with pytest.raises(ConfigurationError, match=said):
        read_files([Path(name)])


def test_an_empty_file_of_a_killed_container_hides_no_other(tmp_path: Path) -> None:
    two_rounds().write(tmp_path / "t.jsonl")
    (tmp_path / "killed.jsonl").write_text("")
    (tmp_path / "notes.json").write_text("{}")
    reading = read_files([tmp_path])
    assert len(reading.records) == WHOLE
    assert reading.problems == ["killed.jsonl is empty", "notes.json is no trace"]


def test_an_empty_folder_is_said_to_be_one(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="holds no"):
        read_files([tmp_path])


@pytest.mark.parametrize(
    "wrong",
    [
        {"traceId": "zz"},
        {"traceId": 5},
        {"spanId": "\x1b[31m0000000000"},
        {"startTimeUnixNano": "x"},
        {"startTimeUnixNano": True},
        {"endTimeUnixNano": "9" * 5000},
        {"endTimeUnixNano": -1},
        {"startTimeUnixNano": 2**64},
    ],
)
def test_a_span_without_a_proper_id_or_time_is_left_out(
    tmp_path: Path, wrong: dict[str, object]
) -> None:
    trace = two_rounds()
    trace.spans[0][1].update(wrong)
    reading = read_files([trace.write(tmp_path / "t.jsonl")])
    assert len(reading.records) == WHOLE - 1
    assert reading.problems == ["1 span left out: without a proper id or time"]


@pytest.mark.parametrize("wrong", [None, 5, "text", [], [5, None, "x"], {"a": {}}])
@pytest.mark.parametrize("key", ["resource", "scopeSpans", "attributes", "events", "status"])
def test_a_message_of_any_shape_is_survived(tmp_path: Path, key: str, wrong: object) -> None:
    trace = two_rounds()
    messages = trace.messages()
    resource = messages[0]["resourceSpans"][0]
    if key in resource:
        resource[key] = wrong
    else:
        for span in resource["scopeSpans"][0]["spans"]:
            span[key] = wrong
    lines = [json.dumps(one) for one in messages]
    (tmp_path / "t.jsonl").write_text("\n".join(lines))
    read_files([tmp_path / "t.jsonl"])


def test_spans_of_others_and_fields_of_others_are_not_shown(tmp_path: Path) -> None:
    trace = Trace()
    trace.add("SELECT * FROM patients", 0, 1, {})
    trace.add("{method} {url.template}", 0, 1, {})
    trace.add("GET /run?name=Jane", 0, 1, {"http.request.method": "GET"})
    trace.add(
        "run",
        0,
        1,
        {
            "v6client.task.id": 2,
            "v6client.organization.id": 3,
            "v6client.run.status": "<script>alert(1)</script>",
            "error.type": "\x1b]0;title\x07",
            "patient.name": "Jane",
        },
    )
    reading = read_files([trace.write(tmp_path / "t.jsonl")])
    [record] = reading.records.values()
    assert record.attributes == {"v6client.task.id": 2, "v6client.organization.id": 3}
    assert len(reading.foreign) == 3


def test_deep_json_is_broken_json(tmp_path: Path) -> None:
    (tmp_path / "t.jsonl").write_text(json.dumps(message([])) + "\n" + "[" * 100_000)
    reading = read_files([tmp_path / "t.jsonl"])
    assert "line 2" in reading.problems[0]


def test_a_name_that_is_printed_does_nothing() -> None:
    assert plain("a\x1b[31mb\x00\u202ec\u2028d\ne") == "a?[31mb??c?d?e"
    assert plain("x" * 500) == "x" * 200 + "…"
    assert plain("Größe für 日本.jsonl") == "Größe für 日本.jsonl"


@pytest.mark.parametrize(
    ("length", "text"),
    [
        (0, "0 s"),
        (0.004, "4.0 ms"),
        (0.5, "0.50 s"),
        (0.996, "1.0 s"),
        (9.94, "9.9 s"),
        (9.96, "10 s"),
        (59.4, "59 s"),
        (61, "1 min 01 s"),
        (3599, "59 min 59 s"),
        (3600, "1 h 00 min"),
        (90000, "1 d 01 h"),
    ],
)
def test_a_duration_has_the_unit_that_fits(length: float, text: str) -> None:
    assert seconds(length * 1e9) == text
