"""What a container's token opens, asked straight at the server, and what it does not."""

from __future__ import annotations

from collections.abc import Callable

import jwt
import pytest

from tests.contract.asking import UNEXPECTED, Asker
from tests.contract.networks import IMAGE, Network


@pytest.mark.parametrize(
    "path",
    [
        "organization",
        "organization/{organization}",
        "organization/{other}",
        "collaboration/{collaboration}",
        "study/{study}",
        "task",
        "task/{task}",
        "task/{task}/status",
        "run",
        "run/{run}",
        "result",
        "result/{run}",
        "vpn/algorithm/addresses",
        "blobstream/status",
        "health",
        "version",
    ],
)
def test_it_may_read(ask: Asker, network: Network, path: str) -> None:
    response = ask.server("GET", path.format(**_ids(ask, network)))
    assert response.status_code == 200, response.text


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("GET", "node", None),
        ("GET", "node/{node}", None),
        ("GET", "node/999999", None),
        ("GET", "study", None),
        ("GET", "collaboration", None),
        ("GET", "user", None),
        ("GET", "role", None),
        ("GET", "rule", None),
        ("PATCH", "run/{run}", {"status": "completed"}),
        ("PATCH", "organization/{organization}", {"public_key": "eA=="}),
        ("DELETE", "task/{task}", None),
        ("POST", "kill/task", {"id": 1}),
    ],
)
def test_it_may_not(
    ask: Asker, network: Network, method: str, path: str, body: dict[str, object] | None
) -> None:
    """The server fails instead of refusing: its own check raises something unexpected."""
    response = ask.server(method, path.format(**_ids(ask, network)), json=body)
    assert (response.status_code, response.json()) == (500, UNEXPECTED)


def test_it_sees_what_others_do_in_its_collaboration(
    ask: Asker, network: Network, running: list[int]
) -> None:
    foreign = network.researcher.create_task(IMAGE, "echo", [1], organizations=running[1:2])
    network.researcher.wait(foreign["id"])
    assert ask.proxy("GET", f"task/{foreign['id']}").status_code == 200
    [run] = ask.rows("run", task_id=foreign["id"])
    assert run["organization"]["id"] == running[1]


def test_it_may_not_ask_for_another_collaboration(ask: Asker) -> None:
    response = ask.server("GET", "organization", params={"collaboration_id": 999_999})
    expected = "You lack the permission to get all organizations in your collaboration!"
    assert (response.status_code, response.json()) == (401, {"msg": expected})


@pytest.mark.parametrize(
    ("path", "message"),
    [
        ("task/999999", "task id=999999 is not found"),
        ("task/999999/status", "Task id=999999 not found"),
        ("run/999999", "Run id=999999 not found!"),
        ("result/999999", "Run id=999999 not found!"),
        ("organization/999999", "Organization id=999999 not found!"),
        ("study/999999", "Study with id=999999 not found"),
    ],
)
def test_what_is_not_there_is_a_404_of_the_server(ask: Asker, path: str, message: str) -> None:
    response = ask.server("GET", path)
    assert (response.status_code, response.json()) == (404, {"msg": message})


def test_a_path_that_is_not_there_is_an_html_404(ask: Asker) -> None:
    response = ask.server("GET", "no/such/path")
    assert response.status_code == 404
    assert response.headers["Content-Type"].startswith("text/html")


@pytest.mark.parametrize(
    ("spoil", "status", "message"),
    [
        (lambda _: "", 401, "Missing Authorization Header"),
        (lambda _: "nonsense", 422, "Not enough segments"),
        (
            lambda token: jwt.encode(
                jwt.decode(token, options={"verify_signature": False}), "x" * 32
            ),
            422,
            "Signature verification failed",
        ),
    ],
    ids=["missing", "nonsense", "signed by another"],
)
def test_a_bad_token(ask: Asker, spoil: Callable[[str], str], status: int, message: str) -> None:
    token = spoil(ask.container.token)
    for path in (f"organization/{ask.container.organization_id}", "task/1"):
        response = ask.server("GET", path, token=token)
        assert (response.status_code, response.json()) == (status, {"msg": message})


def test_another_scheme_is_refused(ask: Asker) -> None:
    headers = {"Authorization": f"Basic {ask.container.token}"}
    response = ask.server("GET", "organization", headers=headers)
    assert response.status_code == 401


def _ids(ask: Asker, network: Network) -> dict[str, object]:
    [study] = network.researcher.request("GET", "study", params={"name": "two"})["data"]
    return {
        "organization": network.organizations[0].id,
        "other": network.organizations[-1].id,
        "node": network.organizations[0].node_id,
        "collaboration": network.collaboration_id,
        "study": study["id"],
        "task": ask.container.task_id,
        "run": ask.container.run_id,
    }
