"""How often and when a proxy asks: seen from the server's own port, while the server is away."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager
from itertools import pairwise

import pytest
import requests

from tests.contract.asking import MASK, Asker, eventually
from tests.contract.networks import IMAGE, Network, Start
from tests.contract.stand_in import Answer, Asked, Reply, StandIn, html, says, silence

PLAIN_COLLABORATION = says({"id": 1, "encrypted": False})
# The proxy pauses a second after a try without a JSON answer.
PAUSE = 1.0

Stand = Callable[..., AbstractContextManager[StandIn]]


@pytest.fixture(scope="module")
def lonely(start: Start) -> Iterator[Asker]:
    """One organization, and a container that was started before its server went away."""
    with start(1) as network, network.open_container(image=IMAGE) as held:
        yield Asker(network, held)


@pytest.fixture
def stand(lonely: Asker) -> Stand:
    """Put a stand-in where the server was."""

    def put(**answers: Answer) -> StandIn:
        network: Network = lonely.network
        network.stop_server()
        collaboration = f"collaboration/{network.collaboration_id}"
        return StandIn(
            network.server_url,
            {
                collaboration: PLAIN_COLLABORATION,
                **{path.replace("_", "/"): answer for path, answer in answers.items()},
            },
        )

    return put


@pytest.mark.parametrize("status", [400, 401, 404, 429, 500, 503])
def test_an_error_with_json_is_asked_for_three_times_at_once(
    lonely: Asker, stand: Stand, status: int
) -> None:
    with stand(task_1=says({"msg": "no"}, status, Retry_After="7")) as server:
        response = lonely.proxy("GET", "task/1")
    assert (response.status_code, response.json()) == (500, MASK)
    assert "Retry-After" not in response.headers
    pauses = _pauses(server.asked("task/1"))
    assert len(pauses) == 2
    assert min(pauses) < PAUSE


@pytest.mark.parametrize("answer", [html(502), silence], ids=["html", "dropped"])
def test_after_each_try_without_json_it_pauses(lonely: Asker, stand: Stand, answer: Answer) -> None:
    with stand(task_1=answer) as server:
        began = time.monotonic()
        response = lonely.proxy("GET", "task/1")
        assert time.monotonic() - began >= 3 * PAUSE
    assert (response.status_code, response.json()) == (500, MASK)
    pauses = _pauses(server.asked("task/1"))
    assert len(pauses) == 2
    assert min(pauses) >= PAUSE


def test_a_success_ends_the_tries(lonely: Asker, stand: Stand) -> None:
    answers = [Reply(503), Reply(200, b'{"status": "active"}'), Reply(503)]
    with stand(task_1_status=lambda _: answers.pop(0)) as server:
        response = lonely.proxy("GET", "task/1/status")
    assert response.json() == {"status": "active"}
    assert len(server.asked("task/1/status")) == 2


def test_a_success_is_not_read(lonely: Asker, stand: Stand) -> None:
    with stand(task_1=html(200)):
        response = lonely.proxy("GET", "task/1")
    assert (response.status_code, response.text) == (200, "<!doctype html>")


def test_only_the_authorization_is_forwarded(lonely: Asker, stand: Stand) -> None:
    sent = {"traceparent": "00-0", "Idempotency-Key": "k", "User-Agent": "v6client", "Accept": "a"}
    with stand(task_1=says({})) as server:
        lonely.proxy("GET", "task/1", headers=sent)
    [asked] = server.asked("task/1")
    assert asked.headers["Authorization"] == f"Bearer {lonely.container.token}"
    forwarded = {name.lower(): value for name, value in asked.headers.items()}
    assert forwarded.keys().isdisjoint({"traceparent", "idempotency-key"})
    assert "python-requests" in forwarded["user-agent"]


def test_a_query_is_forwarded(lonely: Asker, stand: Stand) -> None:
    with stand(run=says({})) as server:
        lonely.proxy("GET", "run", params={"task_id": 1, "state": "open"})
    [asked] = server.asked("run")
    assert asked.query == "task_id=1&state=open"


def test_a_json_content_type_on_a_get_reaches_no_server(lonely: Asker, stand: Stand) -> None:
    with stand(task_1=says({})) as server:
        lonely.proxy("GET", "task/1", headers={"Content-Type": "application/json"})
    assert server.asked("task/1") == []


@pytest.mark.parametrize(
    ("statuses", "seen"), [([500, 201], 201), ([500, 500, 500], 500)], ids=["two", "three"]
)
def test_a_task_is_posted_again_like_the_rest_so_it_may_be_there_more_than_once(
    lonely: Asker, stand: Stand, statuses: list[int], seen: int
) -> None:
    """A server that commits and then fails keeps a task of each try."""
    answers = [Reply(status, b'{"id": 1}') for status in statuses]
    with stand(task=lambda _: answers.pop(0)) as server:
        response = lonely.proxy("POST", "task", json=lonely.task([1]))
    assert response.status_code == seen
    posted = server.asked("task", "POST")
    assert len(posted) == len(statuses)
    assert len({one.body for one in posted}) == 1


def test_one_request_at_a_time(lonely: Asker, stand: Stand) -> None:
    began, second_came, go_on = threading.Event(), threading.Event(), threading.Event()

    def slow(_: Asked) -> Reply:
        began.set()
        go_on.wait(30)
        return Reply()

    def quick(_: Asked) -> Reply:
        second_came.set()
        return Reply()

    with stand(task_1=slow, task_2=quick):
        threads = [threading.Thread(target=lonely.proxy, args=("GET", "task/1"))]
        threads[0].start()
        assert began.wait(30)
        threads.append(threading.Thread(target=lonely.proxy, args=("GET", "task/2")))
        threads[1].start()
        assert not second_came.wait(0.5)
        go_on.set()
        assert second_came.wait(30)
        for thread in threads:
            thread.join()


def test_what_a_client_abandoned_is_still_carried_out(lonely: Asker, stand: Stand) -> None:
    began, go_on = threading.Event(), threading.Event()

    def slow(_: Asked) -> Reply:
        began.set()
        go_on.wait(30)
        return Reply()

    with stand(task_1=slow, task=says({"id": 9}, 201)) as server:
        first = threading.Thread(target=lonely.proxy, args=("GET", "task/1"))
        first.start()
        assert began.wait(30)
        for _ in range(2):
            with pytest.raises(requests.ReadTimeout):
                lonely.proxy("POST", "task", json=lonely.task([1]), timeout=0.2)
        assert server.asked("task", "POST") == []
        go_on.set()
        first.join()
        eventually(lambda: len(server.asked("task", "POST")) == 2)


def test_without_a_server_a_question_takes_three_pauses(lonely: Asker) -> None:
    lonely.network.stop_server()
    began = time.monotonic()
    response = lonely.proxy("GET", "version")
    assert time.monotonic() - began >= 3 * PAUSE
    assert (response.status_code, response.json()) == (500, MASK)


def test_without_a_server_a_task_waits_until_it_is_back_and_is_created_then(
    lonely: Asker,
) -> None:
    """Before it posts a task the proxy asks for the collaboration, and that has no end."""
    lonely.network.stop_server()
    with pytest.raises(requests.ReadTimeout):
        lonely.proxy(
            "POST", "task", json=lonely.task([lonely.container.organization_id]), timeout=4
        )
    lonely.network.start_server()
    mine = {"parent_id": lonely.container.task_id}
    eventually(lambda: len(lonely.rows("task", **mine)) == 1)


def _pauses(tries: Sequence[Asked]) -> list[float]:
    return [later.moment - earlier.moment for earlier, later in pairwise(tries)]
