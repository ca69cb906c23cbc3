from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from v6client.errors import InvalidArgument
from v6client.http import shapes
from v6client.http.endpoint import checked, identifier, template_of
from v6client.http.outcome import Kind, classify

MASK = b'{"msg": "Request failed, see node logs"}'


@pytest.mark.parametrize(
    ("status", "body", "kind"),
    [
        (200, b'{"id": 1}', Kind.SUCCESS),
        (201, b'{"id": 1}', Kind.SUCCESS),
        (200, b'{"id": "1"}', Kind.INVALID),
        (200, b"[]", Kind.INVALID),
        (200, b"", Kind.INVALID),
        (200, b"<html></html>", Kind.INVALID),
        (200, b"\xff\xfe", Kind.INVALID),
        (200, b"[" * 100_000, Kind.INVALID),
        (302, b"", Kind.REFUSED),
        (404, b'{"id": 1}', Kind.REFUSED),
        (408, b"", Kind.OVERLOADED),
        (429, b"", Kind.OVERLOADED),
        (500, MASK, Kind.MASKED),
        (500, b"<html>Internal Server Error</html>", Kind.FAILED),
        (501, b"", Kind.FAILED),
        (502, MASK, Kind.OVERLOADED),
        (503, b"", Kind.OVERLOADED),
        (504, b"", Kind.OVERLOADED),
    ],
)
def test_every_answer_is_one_kind(status: int, body: bytes, kind: Kind) -> None:
    outcome = classify(status, {}, body, shapes.resource)
    assert outcome.kind is kind
    assert (outcome.body is not None) == (kind is Kind.SUCCESS)
    assert outcome.size == len(body)


@given(st.integers(100, 599), st.binary())
def test_only_a_documented_body_is_a_success(status: int, body: bytes) -> None:
    outcome = classify(status, {}, body, shapes.resource)
    if outcome.kind is Kind.SUCCESS:
        assert 200 <= status < 300
        assert isinstance(json.loads(body)["id"], int)
    else:
        assert outcome.body is None
        assert outcome.error_type


@given(
    st.recursive(
        st.none() | st.integers() | st.text(), lambda x: st.lists(x) | st.dictionaries(st.text(), x)
    )
)
def test_shapes_never_raise(body: object) -> None:
    for shape in (shapes.page, shapes.run_page, shapes.resource, shapes.task_status):
        assert shape(body) in {True, False}


@pytest.mark.parametrize(
    ("endpoint", "template"),
    [
        ("task/12/status", "/task/{id}/status"),
        ("/organization/3", "/organization/{id}"),
        ("blobstream/1b4e28ba-2fa1-11d2-883f-0016d3cca427", "/blobstream/{uuid}"),
        ("secret-name/12", "/{segment}/{id}"),
    ],
)
def test_a_template_holds_only_what_is_known(endpoint: str, template: str) -> None:
    assert template_of(checked(endpoint)) == template


@given(st.text())
def test_an_endpoint_that_passes_stays_below_the_api(text: str) -> None:
    try:
        path = checked(text)
    except InvalidArgument:
        return
    assert ".." not in path.split("/")
    assert not set(path) & set("?#%\\: \n\r\t")
    assert not path.startswith("/")


@given(st.one_of(st.integers(max_value=0), st.floats(), st.text(), st.booleans(), st.none()))
def test_an_id_that_is_none_is_refused(value: object) -> None:
    with pytest.raises(InvalidArgument):
        identifier(value, "task id")


@given(st.integers(1, 2**63 - 1))
def test_an_id_is_itself(value: int) -> None:
    assert identifier(value, "task id") == value


def test_an_id_of_numpy_is_an_id() -> None:
    numpy = pytest.importorskip("numpy")
    assert type(identifier(numpy.int64(5), "task id")) is int
