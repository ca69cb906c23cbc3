from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.node import encoded
from v6client import ConfigurationError
from v6client.container.environment import (
    MARK,
    ContainerEnvironment,
    decode_environment,
    decode_in_place,
)


@given(
    st.sampled_from(["HOST", "TOKEN_FILE", "DEFAULT_DATABASE_URI", "OTEL_X", "V6CLIENT_X"]),
    st.text(),
)
def test_the_nodes_variables_are_decoded(name: str, text: str) -> None:
    assert decode_environment({name: encoded(text)}) == {name: text}


@given(st.dictionaries(st.sampled_from(["HOST", "MY_VARIABLE", "PORT"]), st.text()))
def test_nothing_is_decoded_twice(variables: dict[str, str]) -> None:
    environ = {name: encoded(text) for name, text in variables.items()}
    decode_in_place(environ)
    once = dict(environ)
    decode_in_place(environ)
    assert environ == once
    assert environ[MARK]


def test_what_is_never_encoded_stays() -> None:
    plain = {
        "PKG_NAME": "NBSWY3DP",  # also base32 for "hello"
        "RUN_CONTEXT_FILE": "NBSWY3DP",
        "PATH": "/usr/bin:/bin",
        "HOSTNAME": "3f2a9c1b7d5e",
        "HOST": "http://localhost",
        "PORT": "8080",
        "API_PATH": "",
        "V6CLIENT_POLL_CAP": "30",
        "SOMETHING": "ABCDEFGH",  # base32, but of no text
    }
    assert decode_environment(plain) == plain


def test_a_variable_of_algorithm_env_is_decoded_where_it_is_text() -> None:
    environ = {"MODEL": encoded("cox"), "EMPTY": "", "PADDED": encoded("\x00any")}
    assert decode_environment(environ) == {"MODEL": "cox", "EMPTY": "", "PADDED": "\x00any"}


def test_a_missing_variable_is_named() -> None:
    environment = ContainerEnvironment.of({})
    with pytest.raises(ConfigurationError, match=r"TOKEN_FILE is not set.*sandbox"):
        environment["TOKEN_FILE"]
    with pytest.raises(ConfigurationError, match=r"PKG_NAME is not set.*Dockerfile"):
        environment["PKG_NAME"]


def test_an_empty_path_is_a_path() -> None:
    assert ContainerEnvironment.of({"API_PATH": ""})["API_PATH"] == ""
    with pytest.raises(ConfigurationError, match="HOST"):
        ContainerEnvironment.of({"HOST": ""})["HOST"]


def test_a_file_that_is_not_there_is_told(tmp_path: Path) -> None:
    environment = ContainerEnvironment.of({"TOKEN_FILE": str(tmp_path / "none")})
    with pytest.raises(ConfigurationError, match="TOKEN_FILE") as caught:
        environment.read("TOKEN_FILE")
    assert caught.value.__context__ is None
