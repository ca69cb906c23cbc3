from __future__ import annotations

import base64
import contextlib
import json
import math
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from v6client import InvalidArgument, ResultError
from v6client.payload.codec import decode_result, encode_input
from v6client.payload.cryptor import encrypt, new_private_key

json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
)


def _decode(text: str | bytes) -> object:
    text = text.decode() if isinstance(text, bytes) else text
    return decode_result(text, task_id=1, run_id=2, organization_id=3)


@given(st.dictionaries(st.text(), json_values))
def test_what_is_encoded_comes_back(value: dict[str, object]) -> None:
    assert _decode(encode_input(value)) == value


def test_nan_and_the_infinities_come_back() -> None:
    text = encode_input({"values": [math.nan, math.inf, -math.inf]})
    assert json.loads(base64.b64decode(text)) is not None
    decoded = _decode(text)
    assert isinstance(decoded, dict)
    nan, plus, minus = decoded["values"]
    assert math.isnan(nan)
    assert (plus, minus) == (math.inf, -math.inf)


def test_bytes_are_base64_already() -> None:
    assert encode_input(b"eyJhIjogMX0=") == b"eyJhIjogMX0="
    for wrong in (b"{}", b"eyJ", "ä".encode()):
        with pytest.raises(InvalidArgument, match="base64"):
            encode_input(wrong)


@pytest.mark.parametrize("encode", [bytes, base64.b64encode])
def test_an_encrypted_input_is_never_encrypted_twice(encode: Callable[[bytes], bytes]) -> None:
    message = encrypt(b'{"method": "echo"}', new_private_key(2048).public_key())
    with pytest.raises(InvalidArgument, match="encrypted already"):
        encode_input(encode(message.encode()))


@pytest.mark.parametrize("wrong", [None, "text", 5, ["list"], (1,), {1, 2}])
def test_an_input_is_a_dict_or_bytes(wrong: object) -> None:
    with pytest.raises(InvalidArgument, match="dict"):
        encode_input(wrong)


def test_the_error_says_where_but_not_what() -> None:
    secret = {"kwargs": {"canary-key": [0, {"canary-other"}]}}
    with pytest.raises(InvalidArgument) as caught:
        encode_input(secret)
    assert "['kwargs'][…][1] is a set" in str(caught.value)
    assert "canary" not in str(caught.value)
    assert caught.value.__context__ is None


def test_keys_circles_and_depth_are_told() -> None:
    with pytest.raises(InvalidArgument, match="key of type tuple"):
        encode_input({("a", "b"): 1})
    circle: dict[str, object] = {}
    circle["a"] = [circle, circle]
    with pytest.raises(InvalidArgument, match="contains itself"):
        encode_input(circle)
    deep: list[object] = []
    for _ in range(100_000):
        deep = [deep]
    with pytest.raises(InvalidArgument, match="too deep"):
        encode_input({"deep": deep})


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("not base64!", "base64"),
        ("e30", "base64"),
        (base64.b64encode(b"\xff\xff").decode(), "UTF-8"),
        (base64.b64encode(b"canary{").decode(), "JSON"),
        (base64.b64encode(b"[" * 100_000).decode(), "JSON"),
        (base64.b64encode(b"").decode(), "JSON"),
    ],
)
def test_a_result_that_cannot_be_decoded_is_never_none(text: str, reason: str) -> None:
    with pytest.raises(ResultError, match=reason) as caught:
        _decode(text)
    error = caught.value
    assert (error.task_id, error.run_id, error.organization_id) == (1, 2, 3)
    # JSONDecodeError.doc would hold the whole result.
    assert error.__context__ is None
    assert "canary" not in str(error)


def test_null_is_none() -> None:
    assert _decode(base64.b64encode(b"null").decode()) is None


@given(st.text())
def test_any_text_decodes_or_raises_ours(text: str) -> None:
    with contextlib.suppress(ResultError):
        _decode(text)
