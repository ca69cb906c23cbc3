"""The networks of the contract: each test runs against the sandbox and against the real one."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from tests.contract.asking import Asker
from tests.contract.networks import (
    BLOBS,
    ENCRYPTED,
    IMAGE,
    OLD,
    PLAIN,
    STARTS,
    Container,
    Network,
    Start,
    older_is_wanted,
    why_not,
)
from v6client import AlgorithmClient, Settings

CLIENT = Settings(
    request_deadline=30,
    create_deadline=30,
    wait_timeout=60,
    backoff_base=0.05,
    # On a busy machine one slow poll would put off the next by twenty times as long.
    poll_cap=1,
)


def pytest_configure(config: pytest.Config) -> None:
    """Register the marks that choose the networks of a test."""
    for line in (
        "also_encrypted: runs on encrypted networks, too",
        "only_encrypted: runs on encrypted networks alone",
        "only_blobs: runs on networks with a blob store alone, encrypted ones among them",
        "also_older: runs against the oldest supported vantage6, too, where CONTRACT_OLDER is set",
        "not_older(reason): cannot hold against the oldest supported vantage6",
    ):
        config.addinivalue_line("markers", line)


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Run a test that needs a network once on each kind that its marks ask for."""
    if "start" not in metafunc.fixturenames:
        return
    marks = {mark.name: mark for mark in metafunc.definition.iter_markers()}
    kinds: list[object] = [] if marks.keys() & {"only_encrypted", "only_blobs"} else list(PLAIN)
    if "only_blobs" in marks:
        kinds += BLOBS
    if marks.keys() & {"also_encrypted", "only_encrypted"}:
        kinds += ENCRYPTED
    if "also_older" in marks and older_is_wanted():
        reason = marks["not_older"].args[0] if "not_older" in marks else ""
        skipped = [pytest.mark.skip(reason=reason)] if reason else []
        kinds.append(pytest.param(OLD, marks=skipped))
    metafunc.parametrize("start", kinds, indirect=True, scope="session")


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Put the tests of one network together: each is started once."""
    order = list(STARTS)
    places = [place for place, item in enumerate(items) if _kind(item) in order]
    ours = sorted((items[place] for place in places), key=lambda item: order.index(_kind(item)))
    for place, item in zip(places, ours, strict=True):
        items[place] = item


def _kind(item: pytest.Item) -> str:
    call = getattr(item, "callspec", None)
    return str(call.params.get("start", "")) if call else ""


@pytest.fixture(scope="session")
def start(request: pytest.FixtureRequest) -> Start:
    """Start a network of one kind."""
    reason = why_not(request.param)
    if reason:
        pytest.skip(reason)
    return STARTS[request.param]


@pytest.fixture(scope="session")
def network(start: Start, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Network]:
    """Four organizations, of which the last has no running node; two of them in a study."""
    people = tmp_path_factory.mktemp("data") / "people.csv"
    people.write_text("age\n41\n")
    with start(
        4,
        nodes=3,
        studies={"two": [0, 1]},
        databases={"default": people},
        algorithm_env={
            "DIFFICULT": "a=b; 'c' $D\n",
            "EIGHT": "ABCDEFGH",
            "V6CLIENT_POLL_CAP": "1",
        },
    ) as this:
        yield this


@pytest.fixture(scope="session")
def running(network: Network) -> list[int]:
    """The ids of the organizations whose node runs."""
    return [one.id for one in network.organizations[:3]]


@pytest.fixture(scope="session")
def offline(network: Network) -> int:
    """The id of the organization whose node never ran."""
    return int(network.organizations[-1].id)


ClientOf = Callable[[Container], AlgorithmClient]


def client_of(container: Container, settings: Settings = CLIENT) -> AlgorithmClient:
    """Make the client of a container."""
    return AlgorithmClient(
        container.token, container.host, container.port, container.path, settings=settings
    )


@pytest.fixture
def container(network: Network) -> Iterator[Container]:
    """A container of the first organization, whose part the test plays."""
    with network.open_container(image=IMAGE) as held:
        yield held


@pytest.fixture
def client(container: Container) -> AlgorithmClient:
    """The client of that container."""
    return client_of(container)


@pytest.fixture(scope="module")
def ask(network: Network) -> Iterator[Asker]:
    """Plain requests of a container, which stays the same for a whole module."""
    with network.open_container(image=IMAGE) as held:
        yield Asker(network, held)
