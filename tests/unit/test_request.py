"""A request as it is built: its query, and its headers."""

from __future__ import annotations

from typing import Any
from urllib.parse import parse_qsl

import hypothesis.strategies as st
import pytest
import requests
from hypothesis import given

from v6client import ConfigurationError, InvalidArgument
from v6client.http import shapes
from v6client.http.request import Request, build, encoded

CANARY = "canary"


def built(params: dict[str, Any] | None = None, headers: dict[str, Any] | None = None) -> Request:
    return build("task", "get", None, params, headers or {}, shapes.anything)


@pytest.mark.parametrize(
    ("params", "query"),
    [
        ({}, ""),
        ({"a": None}, ""),
        ({"a": 1, "b": "x y"}, "a=1&b=x+y"),
        ({"description": "%a_b%"}, "description=%25a_b%25"),
        ({"ids": [1, None, 2]}, "ids=1&ids=2"),
        ({"ids": (n for n in (3, 4))}, "ids=3&ids=4"),
        ({"ids": []}, ""),
        ({"name": "é/?&=#"}, "name=%C3%A9%2F%3F%26%3D%23"),
        ({"name": b"\xff"}, "name=%FF"),
        ({"is": True}, "is=True"),
    ],
)
def test_a_query_is_written_once(params: dict[str, Any], query: str) -> None:
    assert built(params).target == (f"task?{query}" if query else "task")


VALUES = (
    st.none() | st.integers() | st.text(st.characters(exclude_categories=["Cs"])) | st.booleans()
)


@given(st.dictionaries(st.sampled_from(["page", "name", "ids"]), VALUES | st.lists(VALUES)))
def test_a_query_is_what_requests_would_write(params: dict[str, Any]) -> None:
    theirs = requests.Request("GET", "http://x/task", params=params).prepare().url or ""
    ours = encoded(params)
    query = theirs.partition("?")[2]
    assert parse_qsl(ours, keep_blank_values=True) == parse_qsl(query, keep_blank_values=True)


@pytest.mark.parametrize("value", [f"\ud800{CANARY}", 10**5000], ids=["surrogate", "long"])
def test_a_value_that_cannot_be_written_is_told_without_it(value: object) -> None:
    with pytest.raises(InvalidArgument, match="params=") as caught:
        built({"name": value})
    assert CANARY not in str(caught.value)
    assert caught.value.__context__ is None


def test_the_last_header_of_a_name_is_the_only_one() -> None:
    headers = {"x-public-key": "a", "X-PUBLIC-KEY": "b"}
    assert built(headers=headers).headers == {"X-Public-Key": "b"}


@pytest.mark.parametrize(("name", "value"), [("a b", "x"), ("a", "x\r\ny: z"), ("a", 5), (5, "x")])
def test_a_header_that_cannot_be_one_is_told_without_it(name: Any, value: Any) -> None:
    with pytest.raises(ConfigurationError, match="a header cannot be sent"):
        built(headers={name: value})


def test_a_request_shows_neither_query_nor_headers() -> None:
    shown = repr(built({"name": CANARY}, {"Authorization": CANARY}))
    assert CANARY not in shown
