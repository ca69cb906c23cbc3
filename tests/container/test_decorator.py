from __future__ import annotations

import pytest

from v6client import AlgorithmClient, ConfigurationError, algorithm_client


@algorithm_client
def method(client: object, *args: object, **kwargs: object) -> tuple[object, ...]:
    """Do something."""
    return client, args, kwargs


def test_a_mock_client_is_given_to_the_function() -> None:
    mock = object()
    assert method(1, 2, a=3, mock_client=mock) == (mock, (1, 2), {"a": 3})


def test_the_decorated_function_is_marked_and_keeps_its_name() -> None:
    assert method.wrapped_in_algorithm_client_decorator is True  # type: ignore[attr-defined]
    assert (method.__name__, method.__doc__) == ("method", "Do something.")


def test_outside_a_container_it_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("TOKEN_FILE", raising=False)
    with pytest.raises(ConfigurationError, match=r"TOKEN_FILE.*v6client sandbox"):
        method()


def test_the_class_is_the_public_one() -> None:
    assert AlgorithmClient.__module__ == "v6client.client"
