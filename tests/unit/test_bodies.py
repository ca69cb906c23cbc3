"""Bodies of requests: a long text that is there fifty times is held once."""

from __future__ import annotations

import base64
import json
import tracemalloc

import pytest
from hypothesis import given
from hypothesis import strategies as st

from v6client import InvalidArgument
from v6client.http import body
from v6client.http.body import Ascii, Pieces, Stream, encode, size_of
from v6client.payload.codec import encode_input
from v6client.tasks.creation import Asked, Origin, task_body
from v6client.tasks.history import Kind

texts = st.binary(max_size=50).map(base64.b64encode)


@given(
    inputs=st.lists(texts, max_size=5), name=st.text(), others=st.dictionaries(st.text(), st.text())
)
@pytest.mark.parametrize("short", [0, 1 << 20])
def test_the_body_is_the_json_of_the_document(
    inputs: list[bytes], name: str, others: dict[str, str], short: int
) -> None:
    document = {"name": name, "others": others, "organizations": [{"input": one} for one in inputs]}
    held = {**document, "organizations": [{"input": Ascii(one)} for one in inputs]}
    readable = {**document, "organizations": [{"input": one.decode()} for one in inputs]}
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(body, "_SHORT", short)
        encoded = encode(held)
    whole = encoded if isinstance(encoded, bytes) else b"".join(encoded)
    assert json.loads(whole) == readable
    assert len(encoded) == size_of(encoded) == len(whole)


def test_an_input_for_fifty_organizations_is_held_once() -> None:
    origin = Origin("image", 1, None, None, ())
    input_ = encode_input({"method": "x", "kwargs": {"weights": "x" * 3_000_000}})
    tracemalloc.start()
    try:
        encoded = encode(
            task_body(origin, Asked("a", "b", input_, Kind("a", "x")), tuple(range(1, 51)))
        )
        grown = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert isinstance(encoded, Pieces)
    assert len(encoded) > 50 * 4_000_000
    assert grown < 1_000_000
    # It can be sent again from the start.
    assert [len(part) for part in encoded] == [len(part) for part in encoded]


def test_a_stream_starts_anew_and_has_no_empty_part() -> None:
    stream = Stream(lambda: iter([b"a", b"", b"b"]))
    assert [*stream] == [*stream] == [b"a", b"b"]
    assert size_of(stream) is None
    assert size_of(None) is None


def test_what_json_cannot_hold_is_told() -> None:
    for wrong in ({"a": {1}}, {("a",): 1}):
        with pytest.raises(InvalidArgument, match="JSON"):
            encode(wrong)  # type: ignore[arg-type]
