"""What the server takes as a new task from a container, and what it refuses."""

from __future__ import annotations

from typing import Any

import pytest

from tests.contract.asking import MASK, UNEXPECTED, Asker, encoded
from tests.contract.networks import IMAGE, Network

LABEL = {"label": "default"}


@pytest.mark.parametrize(
    "changes",
    [
        {"name": "x" * 128},
        {"name": "4 you"},
        {"description": "x" * 1024},
        {"description": ""},
        {"databases": None},
        {"databases": [LABEL, LABEL]},
        {"databases": [{"label": "unknown"}]},
        {"databases": [{**LABEL, "query": "q", "sheet_name": "s", "preprocessing": []}]},
        {"image": f"x{IMAGE}"},
    ],
    ids=lambda changes: str(changes)[:40],
)
def test_taken(ask: Asker, offline: int, changes: dict[str, Any]) -> None:
    response = ask.server("POST", "task", json=ask.task([offline], **changes))
    assert response.status_code == 201, response.text
    # Only the end of an image is compared, and the parent's is taken.
    assert response.json()["image"] == IMAGE


@pytest.mark.parametrize(
    ("changes", "errors"),
    [
        ({"name": ""}, {"name": ["Name cannot be empty"]}),
        ({"name": "x" * 129}, {"name": ["Name cannot be longer than 128 characters"]}),
        ({"name": "123"}, {"name": ["Name cannot a number"]}),
        ({"description": "x" * 1025}, {"description": ["Longer than maximum length 1024."]}),
        ({"description": None}, {"description": ["Field may not be null."]}),
        ({"key": "x"}, {"key": ["Unknown field."]}),
        ({"parent_id": 1}, {"parent_id": ["Unknown field."]}),
        ({"study_id": None}, {"study_id": ["Field may not be null."]}),
        ({"store_id": None}, {"store_id": ["Field may not be null."]}),
        ({"databases": "default"}, {"databases": ["Not a valid list."]}),
        ({"databases": ["default"]}, {"databases": {"0": ["Not a valid mapping type."]}}),
        ({"organizations": []}, {"organizations": ["At least one organization is required"]}),
        (
            {"organizations": [{"input": ""}]},
            {"organizations": ["Organization id is required for each organization"]},
        ),
    ],
    ids=lambda value: str(value)[:40],
)
def test_refused_by_the_schema(
    ask: Asker, offline: int, changes: dict[str, Any], errors: dict[str, Any]
) -> None:
    response = ask.server("POST", "task", json=ask.task([offline], **changes))
    assert response.status_code == 400
    assert response.json() == {"msg": "Request body is incorrect", "errors": errors}


def test_a_database_may_have_no_other_field(ask: Asker, offline: int) -> None:
    databases = [{**LABEL, "x": 1}]
    response = ask.server("POST", "task", json=ask.task([offline], databases=databases))
    assert response.status_code == 400
    [error] = response.json()["errors"]["databases"]
    # The allowed keys follow, in an order that changes.
    assert error.startswith(f"Database {databases[0]} contains unknown keys. Allowed keys are")


def test_an_organization_may_have_more_fields_and_they_are_dropped(
    ask: Asker, offline: int
) -> None:
    entry = {"id": offline, "input": encoded("echo"), "key": "canary"}
    response = ask.server("POST", "task", json=ask.task([], organizations=[entry]))
    assert response.status_code == 201
    runs = ask.proxy("GET", "run", params={"task_id": response.json()["id"]})
    assert "canary" not in response.text + runs.text


def test_the_same_organization_twice_is_refused(ask: Asker, offline: int) -> None:
    response = ask.server("POST", "task", json=ask.task([offline, offline]))
    expected = (
        "Cannot create this task because there are no nodes registered for the following"
        " organization(s): ."
    )
    assert (response.status_code, response.json()) == (400, {"msg": expected})


def test_an_organization_outside_is_refused(ask: Asker) -> None:
    response = ask.server("POST", "task", json=ask.task([999_999]))
    expected = "At least one of the supplied organizations in not within the collaboration."
    assert (response.status_code, response.json()) == (400, {"msg": expected})


def test_another_collaboration_is_refused(ask: Asker, offline: int) -> None:
    body = ask.task([offline], collaboration_id=999_999)
    response = ask.server("POST", "task", json=body)
    expected = {"msg": "Collaboration id=999999 not found!"}
    assert (response.status_code, response.json()) == (404, expected)


def test_another_image_is_refused(ask: Asker, offline: int) -> None:
    for image in ("harbor.example/other", f"{IMAGE}:latest", f"{IMAGE}@sha256:0"):
        response = ask.server("POST", "task", json=ask.task([offline], image=image))
        expected = {"msg": "Container-token is not valid"}
        assert (response.status_code, response.json()) == (401, expected)


@pytest.mark.parametrize("input_", [None, "{not base64", 5], ids=["none", "text", "number"])
def test_an_input_that_is_not_base64_makes_the_server_fail(
    ask: Asker, offline: int, input_: object
) -> None:
    entry = {"id": offline, "input": input_}
    response = ask.server("POST", "task", json=ask.task([], organizations=[entry]))
    assert (response.status_code, response.json()) == (500, UNEXPECTED)


def test_an_input_that_is_no_text_is_refused_where_nothing_is_encrypted(
    ask: Asker, offline: int
) -> None:
    entry = {"id": offline, "input": "//79/A=="}
    response = ask.server("POST", "task", json=ask.task([], organizations=[entry]))
    assert response.status_code == 400
    assert response.json()["msg"].startswith("Your task's input cannot be parsed.")


def test_a_study_takes_its_members_alone(ask: Asker, network: Network, offline: int) -> None:
    [study] = network.researcher.request("GET", "study", params={"name": "two"})["data"]
    response = ask.server("POST", "task", json=ask.task([offline], study_id=study["id"]))
    expected = "At least one of the supplied organizations in not within the specified study."
    assert (response.status_code, response.json()) == (400, {"msg": expected})
    member = network.organizations[0].id
    response = ask.server("POST", "task", json=ask.task([member], study_id=study["id"]))
    assert (response.status_code, response.json()["study"]["id"]) == (201, study["id"])


def test_a_container_that_has_finished_creates_nothing(network: Network, offline: int) -> None:
    with network.open_container(image=IMAGE) as held:
        late = Asker(network, held)
        assert late.server("POST", "task", json=late.task([offline])).status_code == 201
    network.researcher.wait(held.task_id)
    response = late.server("POST", "task", json=late.task([offline]))
    expected = {"msg": "Container-token is not valid"}
    assert (response.status_code, response.json()) == (401, expected)
    assert late.proxy("POST", "task", json=late.task([offline])).json() == MASK
    # It still reads.
    assert late.proxy("GET", f"task/{held.task_id}").json()["status"] == "completed"
