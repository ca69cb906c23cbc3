"""The public interface, name by name, against the one that vantage6 documents."""

from __future__ import annotations

import inspect
import pickle
from typing import Any

import jwt
import pytest

import v6client
from tests.conftest import container_token
from v6client import AlgorithmClient, ConfigurationError, InvalidArgument, V6ClientError, errors
from v6client.base import ClientBase

SIGNATURES = {
    "AlgorithmClient.authenticate": ["credentials=None", "path=None"],
    "AlgorithmClient.generate_path_to": ["endpoint", "is_for_algorithm_store"],
    "AlgorithmClient.refresh_token": [],
    "AlgorithmClient.request": [
        *("endpoint", "json=None", "method='get'", "params=None", "headers=None"),
        *("first_try=True", "retry=True", "attempts_on_timeout=None"),
        "is_for_algorithm_store=False",
    ],
    "AlgorithmClient.setup_encryption": ["private_key_file"],
    "AlgorithmClient.wait_for_results": ["task_id", "interval=1"],
    "AlgorithmClient.Collaboration.get": [],
    "AlgorithmClient.Node.get": [],
    "AlgorithmClient.Organization.get": ["id_"],
    "AlgorithmClient.Organization.list": [],
    "AlgorithmClient.Result.from_task": ["task_id"],
    "AlgorithmClient.Result.get": ["id_"],
    "AlgorithmClient.Run.from_task": ["task_id"],
    "AlgorithmClient.Run.get": ["id_"],
    "AlgorithmClient.Study.get": ["id_"],
    "AlgorithmClient.Study.list": [],
    "AlgorithmClient.Task.create": [
        *("input_", "organizations=None", "name='subtask'", "description=None"),
    ],
    "AlgorithmClient.Task.get": ["task_id"],
    "AlgorithmClient.VPN.get_addresses": [
        *("only_children=False", "only_parent=False", "only_siblings=False", "only_self=False"),
        *("include_children=False", "include_parent=False", "label=None"),
    ],
    "AlgorithmClient.VPN.get_child_addresses": [],
    "AlgorithmClient.VPN.get_own_address": [],
    "AlgorithmClient.VPN.get_parent_address": [],
    "AlgorithmClient.VPN.get_sibling_addresses": [],
}


def client(path: str = "", **claims: object) -> AlgorithmClient:
    return AlgorithmClient(container_token(**claims), "http://localhost", 8080, path)


@pytest.mark.parametrize("name", SIGNATURES)
def test_every_method_takes_what_upstreams_takes(name: str) -> None:
    method: object = v6client
    for part in name.split("."):
        method = getattr(method, part)
    assert callable(method)
    assert inspect.getdoc(method)
    parameters = list(inspect.signature(method).parameters.values())[1:]
    positional = [one for one in parameters if one.kind is not one.KEYWORD_ONLY]
    wanted = SIGNATURES[name]
    shown = [
        one.name if one.default is one.empty else f"{one.name}={one.default!r}"
        for one in positional
    ]
    # generate_path_to has a default more than upstream's.
    assert [
        one.removesuffix("=False") if "=" not in want else one
        for one, want in zip(shown, wanted, strict=True)
    ] == wanted


def test_every_sub_client_is_an_attribute_and_a_nested_class() -> None:
    this = client()
    for name in ("Collaboration", "Node", "Organization", "Result", "Run", "Study", "Task", "VPN"):
        part = getattr(this, name.lower())
        assert isinstance(part, getattr(AlgorithmClient, name))
        assert isinstance(part, AlgorithmClient.SubClient)
        assert part.parent is this
        assert getattr(AlgorithmClient, name)(part).parent is this
    assert isinstance(this, ClientBase)


def test_what_algorithms_read() -> None:
    this = client(study_id=4, store_id=5)
    token = this.token
    assert token
    assert this._access_token == token
    assert this.headers == {"Authorization": f"Bearer {token}"}
    assert this.image == "harbor.example/average"
    assert this.databases == [{"label": "default"}]
    ids = (this.node_id, this.collaboration_id, this.study_id, this.store_id)
    assert ids == (3, 1, 4, 5)
    assert (this.organization_id, this.task_id) == (2, 7)
    assert (this.host, this.port, this.path) == ("http://localhost", 8080, "")
    assert this.base_path == "http://localhost:8080"
    assert this.name == "algorithm container of task 7 (organization 2, node 3)"
    this.log.debug("%s", "an algorithm's own message")
    assert token not in f"{this!r} {this}"


@pytest.mark.parametrize("path", ["/api", "api", "/api/"])
def test_a_path_is_written_one_way(path: str) -> None:
    assert client(path).base_path == "http://localhost:8080/api"
    assert client(path).generate_path_to("task/1", False) == "http://localhost:8080/api/task/1"
    assert client(path).generate_path_to("/task/1", False) == "http://localhost:8080/api/task/1"


def test_the_port_of_the_environment_is_a_str() -> None:
    this = AlgorithmClient(container_token(), "http://localhost", "8080", "")
    assert this.port == 8080
    assert AlgorithmClient(container_token(), "https://v6.example", None).base_path == (
        "https://v6.example/api"
    )


def test_what_a_container_cannot_do() -> None:
    with pytest.raises(NotImplementedError, match="token"):
        client().authenticate({"username": "x"}, "token/user")
    with pytest.raises(NotImplementedError, match="expire"):
        client().refresh_token()
    with pytest.raises(ConfigurationError, match="store"):
        client().generate_path_to("algorithm", True)
    this = client()
    this._access_token = None
    with pytest.raises(AssertionError) as caught:
        this.setup_encryption("key.pem")
    assert isinstance(caught.value, V6ClientError)


@pytest.mark.parametrize(
    ("host", "port", "path"),
    [
        *[(host, 8080, "") for host in ("localhost", "", "ftp://x", "http://", "http://u:p@x")],
        *[("http://x/path", 80, ""), (None, 80, ""), ("http://x?q", 80, "")],
        *[("http://x", port, "") for port in ("http", 0, -1, 65536, 80.5, True, "80a")],
        *[("http://x", 80, path) for path in (None, "/a/../b", "/a?b", "/a b", 5)],
    ],
)
def test_an_address_that_cannot_be_right(host: object, port: object, path: object) -> None:
    with pytest.raises(ConfigurationError):
        AlgorithmClient(container_token(), host, port, path)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "token",
    [
        None,
        "",
        b"bytes",
        "canary-token",
        "canary.canary.canary",
        jwt.encode({"sub": "a user"}, "k" * 32),
        jwt.encode({"no": "sub"}, "k" * 32),
        container_token(task_id=None),
        container_token(organization_id="2"),
        container_token(image=None),
        container_token(databases="default"),
    ],
)
def test_a_token_that_is_no_containers(token: object) -> None:
    with pytest.raises(ConfigurationError, match="TOKEN_FILE") as caught:
        AlgorithmClient(token, "http://localhost", 8080)  # type: ignore[arg-type]
    assert "canary" not in str(caught.value)
    assert caught.value.__context__ is None


@pytest.mark.parametrize(
    "organizations", [None, [], (), "12", {2: 3}, [0], ["2"], [2, 2], [True], 5, [2.0], [None]]
)
def test_organizations_that_cannot_be_meant(organizations: object) -> None:
    with pytest.raises(InvalidArgument, match="Nothing was sent"):
        client().task.create({"method": "x"}, organizations)  # type: ignore[arg-type]


@pytest.mark.parametrize("name", ["", "x" * 129, "123", None, 5])
def test_names_that_the_server_refuses(name: object) -> None:
    with pytest.raises(InvalidArgument, match="name"):
        client().task.create({"method": "x"}, [2], name=name)  # type: ignore[arg-type]


@pytest.mark.parametrize("description", ["x" * 1025, 5, b"x"])
def test_descriptions_that_the_server_refuses(description: object) -> None:
    with pytest.raises(InvalidArgument, match="description"):
        client().task.create({"method": "x"}, [2], description=description)  # type: ignore[arg-type]


@pytest.mark.parametrize("bad", ["1/../../user", "1", 1.0, None, True, 0, -1, 2**63])
def test_an_id_that_is_no_integer_never_reaches_the_wire(bad: Any) -> None:
    this = client()  # nobody listens: a request would raise ConnectionFailed
    for call in (
        this.task.get,
        this.run.get,
        this.run.from_task,
        this.result.get,
        this.result.from_task,
        this.organization.get,
        this.study.get,
        this.wait_for_results,
    ):
        with pytest.raises(InvalidArgument, match="Nothing was sent"):
            call(bad)


@pytest.mark.parametrize("seconds", [-1, "1", None, True, float("nan")])
def test_an_interval_that_cannot_be_meant(seconds: object) -> None:
    with pytest.raises(InvalidArgument, match="seconds"):
        client().wait_for_results(1, seconds)  # type: ignore[arg-type]


def test_what_is_exported_is_sorted_and_complete() -> None:
    assert v6client.__all__ == sorted(v6client.__all__)
    for name in v6client.__all__:
        assert hasattr(v6client, name)
    every_error = {
        name
        for name, one in vars(errors).items()
        if isinstance(one, type) and issubclass(one, V6ClientError)
    }
    assert every_error <= set(v6client.__all__)


def test_the_tree_of_errors_is_drawn_as_it_is() -> None:
    drawn = errors.__doc__ or ""
    for name in v6client.__all__:
        one = getattr(v6client, name)
        if isinstance(one, type) and issubclass(one, V6ClientError):
            assert name in drawn
            assert one.__doc__


@pytest.mark.parametrize(
    "error",
    [
        errors.ConnectionFailed("m", sent=True, method="GET", template="/x", attempts=2),
        errors.MaskedServerError("m", status=500, elapsed=1.5),
        errors.TaskFailed("m", task_id=1, statuses={1: "crashed"}, results={2: [1]}),
        errors.TaskTimeout("m", task_id=1, organization_ids=(1, 2)),
        errors.ResultError("m", run_id=4),
        errors.InvalidArgument("m"),
        errors.NotAuthenticated("m"),
    ],
)
def test_errors_survive_pickling(error: V6ClientError) -> None:
    again = pickle.loads(pickle.dumps(error))  # noqa: S301 - our own
    assert type(again) is type(error)
    assert (str(again), vars(again)) == (str(error), vars(error))


def test_a_token_in_the_wrong_place_is_not_printed() -> None:
    with pytest.raises(ConfigurationError) as caught:
        AlgorithmClient(container_token(), "http://localhost", container_token())
    assert "eyJ" not in str(caught.value)


def test_organizations_may_be_an_array() -> None:
    numpy = pytest.importorskip("numpy")
    with pytest.raises(InvalidArgument, match="empty"):
        client().task.create({"method": "x"}, numpy.array([], dtype=int))
    with pytest.raises(InvalidArgument, match="more than once"):
        client().task.create({"method": "x"}, numpy.array([2, 2]))
