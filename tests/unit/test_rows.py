"""A page of results that is decoded while it comes: the same as json.loads, whatever the parts."""

from __future__ import annotations

import base64
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from v6client import ResultError
from v6client.http.reader import Json
from v6client.payload import base64_text, rows
from v6client.payload.codec import decode_result
from v6client.payload.content import Base64Content, Skipped
from v6client.payload.rows import ResultRows, RunRows, input_weight, weight
from v6client.tasks.results import decode_row


@pytest.fixture
def short(monkeypatch: pytest.MonkeyPatch) -> None:
    """Make what is long, and what is gathered, a few letters long."""
    monkeypatch.setattr(rows, "_LONG", 8)
    monkeypatch.setattr(rows, "_STEP", 1)


def read(document: bytes, *, part: int) -> Any:
    reader = ResultRows()
    for start in range(0, len(document), part):
        reader.feed(document[start : start + part])
    return reader.close()


def plain(page: Any) -> Any:
    """Give the page with what its long results decode to, as json.loads gives all of them."""
    for row in page["data"]:
        if isinstance(row["result"], Base64Content):
            row["result"] = row["result"].load()
        elif isinstance(row["result"], str) and row["result"]:
            row["result"] = json.loads(base64.b64decode(row["result"]))
    return page


VALUES = st.recursive(
    st.none() | st.integers() | st.text() | st.just("result") | st.just('"result": "x'),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)


@given(
    results=st.lists(st.none() | VALUES, max_size=5),
    others=st.dictionaries(st.text(), VALUES, max_size=3),
    part=st.integers(1, 60),
    compact=st.booleans(),
)
def test_a_page_is_what_json_makes_of_it(
    results: list[Any], others: dict[str, Any], part: int, compact: bool
) -> None:
    # A fixture would be shared by all examples, which is what is wanted.
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(rows, "_LONG", 8)
        patch.setattr(rows, "_STEP", 1)
        data = [
            {
                **others,
                "id": number,
                "result": base64.b64encode(json.dumps(one).encode()).decode(),
                "log": '"result": "AAAAAAAAAAAAAAAAAAAAAAAA"',
            }
            for number, one in enumerate(results)
        ]
        separators = (",", ":") if compact else None
        document = json.dumps({"data": data, "links": {}}, separators=separators).encode()
        page = plain(read(document, part=part))
    assert page == {
        "data": [{**row, "result": one} for row, one in zip(data, results, strict=True)],
        "links": {},
    }


@pytest.mark.usefixtures("short")
@pytest.mark.parametrize("part", [1, 3, 7, 1000])
def test_a_long_result_is_not_kept_as_text(part: int) -> None:
    text = base64.b64encode(b'["a long result"]').decode()
    page = read(json.dumps({"data": [{"id": 1, "result": text}]}).encode(), part=part)
    content = page["data"][0]["result"]
    assert isinstance(content, Base64Content)
    assert (content.size, weight(page["data"][0])) == (17, len(text))
    assert decode_row(page["data"][0], 5, 1, 10) == ["a long result"]
    with pytest.raises(ResultError, match="fetch it again"):
        content.load()


@pytest.mark.usefixtures("short")
@pytest.mark.parametrize(
    "document",
    [
        b"",
        b'{"data": [{"result": "AAAAAAAAAAAAAAAA',
        b'{"data": [{"result": "AAAAAAAAAAAAAAAA"',
        b'{"data": {}, "result": "AAAAAAAAAAAAAAAA"}',
        b'[{"result": "AAAAAAAAAAAAAAAA"}]',
        b'{"data": [[{"result": "AAAAAAAAAAAAAAAA"}]]}',
        b'{"data": [{"result": {"result": "AAAAAAAAAAAAAAAA"}}]}',
        b'{"data": [{"result": {"long": []}}, [{"result": "AAAAAAAAAAAAAAAA"}]]}',
        b'{"data": [{"result": "AAAAAAAAAAAAAAAA", "result": "AAAAAAAAAAAAAAAA"}]}',
    ],
)
@pytest.mark.parametrize("part", [1, 1000])
def test_a_long_result_elsewhere_is_no_page(document: bytes, part: int) -> None:
    with pytest.raises(ValueError):  # noqa: PT011 - json's, or ours
        read(document, part=part)


@pytest.mark.usefixtures("short")
def test_a_number_that_stands_for_nothing_is_no_result() -> None:
    document = (
        b'{"data": [{"id": 1, "result": {"long": 0}}, {"id": 2, "result": "AAAAAAAAAAAAAAAA"}]}'
    )
    # No row can have the result of another by what it says itself.
    first, second = read(document, part=1000)["data"]
    assert first["result"] == {"long": 0}
    assert second["result"].size == 12
    for row in ({"id": 1, "result": {"long": 0}}, {"id": 1, "result": 5}):
        assert weight(row) == 0
        with pytest.raises(ResultError, match="no result"):
            decode_row(row, 5, 1, 10)


@pytest.mark.usefixtures("short")
@pytest.mark.parametrize("part", [1, 1000])
@pytest.mark.parametrize("text", ["&" * 5000, "=" * 5000, f"{'A' * 400}$AAAA$" + "A" * 5000])
def test_what_cannot_be_decoded_weighs_what_came(text: str, part: int) -> None:
    """Pages of damaged results, and of results for somebody else, are no lighter than others."""
    [row] = read(json.dumps({"data": [{"id": 1, "result": text}]}).encode(), part=part)["data"]
    assert weight(row) == len(text)
    # And nothing of it is held.
    assert row["result"].size == 0


@pytest.mark.usefixtures("short")
@pytest.mark.parametrize("part", [1, 5, 1000])
def test_of_a_long_input_only_the_length_is_kept(part: int) -> None:
    runs: list[dict[str, Any]] = [
        {"id": 1, "input": "A" * 500, "log": '"input": "AAAAAAAAAAAAAAAAA', "status": "active"},
        {"id": 2, "input": "A$", "result": "B" * 500},
        {"id": 3, "input": None},
    ]
    document = {"data": runs, "links": {}}
    reader = RunRows()
    text = json.dumps(document).encode()
    for start in range(0, len(text), part):
        reader.feed(text[start : start + part])
    found = reader.close()
    assert [input_weight(row) for row in found["data"]] == [500, 2, 0]
    assert isinstance(found["data"][0].pop("input"), Skipped)
    del runs[0]["input"]
    assert found == document


def load(text: bytes, *, part: int) -> Any:
    content = Base64Content()
    for start in range(0, len(text), part):
        content.add_encoded(text[start : start + part])
    content.finish()
    return decode_result(content, task_id=1, run_id=2, organization_id=3)


@given(st.binary(max_size=60) | st.text("AYR+/=").map(str.encode), st.integers(1, 9))
def test_a_text_in_parts_is_judged_like_the_whole(text: bytes, part: int) -> None:
    def outcome(content: Any) -> Any:
        try:
            return decode_result(content, task_id=1, run_id=2, organization_id=3)
        except ResultError as error:
            return str(error)

    content = Base64Content()
    for start in range(0, len(text), part):
        content.add_encoded(text[start : start + part])
    content.finish()
    assert repr(outcome(content)) == repr(outcome(text.decode("latin-1")))


@given(st.binary(max_size=200), st.binary(max_size=2), st.integers(0, 250))
def test_pybase64_decodes_what_python_does(data: bytes, damage: bytes, place: int) -> None:
    pytest.importorskip("pybase64", reason="the extra fast is not installed")
    text = base64.b64encode(data)
    for one in (text, text[:place] + damage + text[place:], text[:place], data):
        outcomes = []
        for library in (base64, base64_text._library):
            with pytest.MonkeyPatch.context() as patch:
                patch.setattr(base64_text, "_library", library)
                try:
                    outcomes.append(base64_text.decode(one))
                except ValueError:
                    outcomes.append(b"refused")
        assert outcomes[0] == outcomes[1]
        assert base64.b64encode(data) == base64_text.encode(data)


@pytest.mark.parametrize(
    ("document", "value"),
    [
        (b"[NaN, -Infinity]", "[nan, -inf]"),
        (str(2**200).encode(), str(2**200)),
        (b"18446744073709551616", "18446744073709551616"),
        (b'{"a": 1, "a": 2}', "{'a': 2}"),
        (b'"\\ud800"', "'\\ud800'"),
        (b'"\xed\xa0\x80"', "'\\ud800'"),
        ('"ä"'.encode("utf-16"), "'ä'"),
        (b"\xef\xbb\xbf1", "1"),
        (b"1", "1"),
        (b'"' + b"x" * 70_000 + b'"', repr("x" * 70_000)),
    ],
)
@pytest.mark.parametrize("part", [1, 1000, 10**6])
def test_values_that_libraries_disagree_about(document: bytes, value: str, part: int) -> None:
    """Python's JSON stays: orjson reads large integers as floats, and no NaN at all."""
    text = base64.b64encode(document)
    whole = decode_result(text.decode(), task_id=1, run_id=2, organization_id=3)
    assert repr(whole) == repr(load(text, part=part)) == value


@pytest.mark.parametrize("reader", [Json, ResultRows])
def test_both_readers_read_the_same(reader: type[Json | ResultRows]) -> None:
    document = json.dumps({"data": [{"id": 1, "result": "e30="}], "links": {}}).encode()
    this = reader()
    for place in range(len(document)):
        this.feed(document[place : place + 1])
    assert this.close() == json.loads(document)
