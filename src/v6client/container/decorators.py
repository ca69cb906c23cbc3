"""``@algorithm_client``: gives a function the client of the container that it runs in."""

from __future__ import annotations

import functools
import os
from collections.abc import Callable
from typing import Any, TypeVar

from v6client.client import AlgorithmClient
from v6client.container.environment import ContainerEnvironment
from v6client.settings import Settings

T = TypeVar("T")


def algorithm_client(function: Callable[..., T]) -> Callable[..., T]:
    """Call the function with an :class:`AlgorithmClient` as its first argument.

    Parameters
    ----------
    function
        A method of an algorithm. The decorated one takes the other arguments, and
        ``mock_client=``, which is given to it instead of a real client (for tests).

    Returns
    -------
    callable
        The decorated function. It raises :class:`v6client.ConfigurationError` where it is
        called outside a container and without ``mock_client``.

    Examples
    --------
    >>> @algorithm_client
    ... def central(client, column):
    ...     ids = [one["id"] for one in client.organization.list()]
    ...     task = client.task.create({"method": "partial", "args": [column]}, ids)
    ...     return client.wait_for_results(task["id"])
    """

    @functools.wraps(function)
    def decorated(*args: Any, mock_client: Any = None, **kwargs: Any) -> T:  # noqa: ANN401 - any algorithm's
        client = container_client() if mock_client is None else mock_client
        return function(client, *args, **kwargs)

    # Upstream's mark; its tools look for it.
    decorated.wrapped_in_algorithm_client_decorator = True  # type: ignore[attr-defined]
    return decorated


def container_client() -> AlgorithmClient:
    """Make the client of the container that this process is.

    Raises
    ------
    ConfigurationError
        When a variable is missing or wrong, or the token file cannot be read.
    """
    environment = ContainerEnvironment.of(os.environ)
    return AlgorithmClient(
        environment.read("TOKEN_FILE").strip(),
        environment["HOST"],
        environment["PORT"],
        environment["API_PATH"],
        settings=Settings.from_environment(environment.variables),
    )
