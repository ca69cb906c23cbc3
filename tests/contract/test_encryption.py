"""What is readable in an encrypted collaboration, and for whom."""

from __future__ import annotations

import base64
import json
import subprocess
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import rsa

from tests.contract.asking import HTML, Asker, decoded, encoded, report
from tests.contract.conftest import client_of
from tests.contract.networks import IMAGE, Network
from tests.contract.real.install import cached_venv, is_installed, python_of
from v6client import EncryptionError
from v6client.payload.cryptor import (
    decrypt,
    decrypt_stream,
    encrypt,
    encrypt_stream,
    load_public_key,
    new_private_key,
    private_key_pem,
    public_key_text,
)

encrypted = pytest.mark.only_encrypted


@encrypted
def test_the_collaboration_says_so(ask: Asker) -> None:
    path = f"collaboration/{ask.network.collaboration_id}"
    assert ask.proxy("GET", path).json()["encrypted"] is True


@encrypted
def test_each_organization_has_its_key_at_the_server(ask: Asker, network: Network) -> None:
    keys = [one["public_key"] for one in ask.rows("organization", sort="id")]
    assert len(set(keys)) == len(network.organizations)
    for key in keys:
        assert base64.b64decode(key).startswith(b"-----BEGIN PUBLIC KEY-----")
        assert isinstance(load_public_key(key), rsa.RSAPublicKey)


@pytest.fixture(scope="module")
def finished(ask: Asker, running: list[int]) -> dict[str, Any]:
    """Create a subtask with a word to look for, and wait for its end."""
    organizations = [{"id": one, "input": encoded("echo", "canary")} for one in running]
    task = ask.create([], organizations=organizations)
    ask.network.researcher.wait(task["id"])
    return task


@encrypted
def test_the_proxy_encrypts_the_inputs(ask: Asker, finished: dict[str, Any]) -> None:
    inputs = [run["input"] for run in ask.rows("run", task_id=finished["id"])]
    assert len(set(inputs)) == 3
    for text in inputs:
        key, iv, message = (base64.b64decode(part, validate=True) for part in text.split("$"))
        assert (len(key), len(iv)) == (256, 16)
        assert b"canary" not in message


@encrypted
def test_only_the_list_of_results_is_decrypted(
    ask: Asker, finished: dict[str, Any], running: list[int]
) -> None:
    query = {"task_id": finished["id"]}
    rows = ask.rows("result", **query)
    assert [decoded(row["result"]) for row in rows] == ["canary"] * 3
    # Each organization has one, by which a single result is found.
    for organization in running:
        [row] = ask.rows("result", **query, organization_id=organization)
        assert row in rows
        assert client_of(ask.container).result.get(row["id"]) == "canary"
    direct = ask.server("GET", "result", params=query).json()["data"]
    inside = ask.proxy("GET", f"task/{finished['id']}", params={"include": "results"})
    listed = ask.rows("task", parent_id=ask.container.task_id, include="results")
    for rows in (direct, inside.json()["results"], listed[0]["results"]):
        assert {len(row["result"].split("$")) for row in rows} == {3}


@encrypted
def test_a_result_that_another_organization_asked_for_stays_closed(
    ask: Asker, network: Network, running: list[int]
) -> None:
    """The proxy has its own organization's key alone, and hands on what it cannot decrypt."""
    with network.open_container(running[1], image=IMAGE) as held:
        other = Asker(network, held)
        task = other.create(running[:1])
        network.researcher.wait(task["id"])
        [mine] = other.rows("result", task_id=task["id"])
    assert decoded(mine["result"]) == running[0]
    [theirs] = ask.rows("result", task_id=task["id"])
    assert len(theirs["result"].split("$")) == 3


@encrypted
def test_a_crash_has_an_empty_result(ask: Asker, running: list[int]) -> None:
    organizations = [{"id": running[0], "input": encoded("crash")}]
    task = ask.create([], organizations=organizations)
    ask.network.researcher.wait(task["id"])
    [row] = ask.rows("result", task_id=task["id"])
    assert row["result"] == ""
    [direct] = ask.server("GET", "result", params={"task_id": task["id"]}).json()["data"]
    assert direct["result"].split("$")[2] == ""


@encrypted
def test_a_readable_input_is_refused_by_the_server(ask: Asker, offline: int) -> None:
    response = ask.server("POST", "task", json=ask.task([offline]))
    expected = (
        "Your collaboration requires encryption, but input is not encrypted! Please encrypt your"
        " input before sending it."
    )
    assert (response.status_code, response.json()) == (400, {"msg": expected})


@encrypted
@pytest.mark.parametrize("token", ["", "nonsense"])
def test_a_bad_token_is_an_html_500_for_a_task(ask: Asker, offline: int, token: str) -> None:
    """The proxy asks for each organization's key first, and does not catch that failure."""
    response = ask.proxy("POST", "task", json=ask.task([offline]), token=token)
    assert (response.status_code, response.headers["Content-Type"]) == (500, HTML)


@encrypted
@pytest.mark.parametrize(
    "entry",
    [{"id": 999_999, "input": encoded("echo")}, {"input": encoded("echo")}, {"id": 1}],
    ids=["no such organization", "no id", "no input"],
)
def test_an_organization_that_cannot_be_encrypted_for_is_an_html_500(
    ask: Asker, entry: dict[str, object]
) -> None:
    response = ask.proxy("POST", "task", json=ask.task([], organizations=[entry]))
    assert (response.status_code, response.headers["Content-Type"]) == (500, HTML)


@encrypted
def test_the_researcher_reads_results(network: Network, running: list[int]) -> None:
    task = network.researcher.create_task(IMAGE, "echo", ["for me"], organizations=running)
    network.researcher.wait(task["id"])
    assert network.researcher.results(task["id"]) == ["for me"] * 3


def test_an_encrypted_input_is_refused_where_nothing_is_encrypted(ask: Asker, offline: int) -> None:
    message = encrypt(b'{"method": "echo"}', new_private_key(2048).public_key())
    entry = {"id": offline, "input": message}
    response = ask.server("POST", "task", json=ask.task([], organizations=[entry]))
    assert response.status_code == 400
    assert response.json()["msg"].startswith("Your task's input cannot be parsed.")


UPSTREAM = """
import json, sys
from pathlib import Path
from vantage6.common.encryption import RSACryptor
given = json.load(sys.stdin)
cryptor = RSACryptor(Path(given["private_key"]))
import base64, io
pieces = lambda text: io.BytesIO(base64.b64decode(text))
joined = lambda parts: base64.b64encode(b"".join(parts)).decode()
print(json.dumps({
    "decrypted": [cryptor.decrypt(one).decode() for one in given["encrypted"]],
    "blobs_decrypted": [
        joined(cryptor.decrypt_stream(pieces(one), 1000)) for one in given["blobs"]
    ],
    "blobs": [
        joined(cryptor.encrypt_stream(io.BytesIO(one.encode()), given["for"], 1000))
        for one in given["texts"]
    ],
    "encrypted": [
        cryptor.encrypt_bytes_to_str(one.encode(), given["for"]) for one in given["texts"]
    ],
    "public_key": cryptor.public_key_str,
}))
"""


def _pieces(data: bytes) -> Iterator[bytes]:
    return (data[start : start + 777] for start in range(0, len(data), 777))


def _base64(parts: Iterable[bytes]) -> str:
    return base64.b64encode(b"".join(parts)).decode()


def test_upstream_reads_ours_and_we_read_upstreams(tmp_path: Any) -> None:
    if not is_installed(cached_venv()):
        pytest.skip("the real vantage6 is not installed: type 'make contract'")
    theirs, ours = new_private_key(2048), new_private_key(2048)
    file = tmp_path / "key.pem"
    file.write_bytes(private_key_pem(theirs))
    # Upstream decodes what is no JSON once more, so everything here is.
    texts = ['{"a": 1}', "[]", '"ä€𝄞"', "1", json.dumps("x" * 100_000)]
    done = subprocess.run(  # noqa: S603 - vantage6's own Python
        [str(python_of(cached_venv())), "-c", UPSTREAM],
        input=json.dumps(
            {
                "private_key": str(file),
                "encrypted": [encrypt(one.encode(), theirs.public_key()) for one in texts],
                "texts": texts,
                "blobs": [
                    _base64(encrypt_stream(_pieces(one.encode()), theirs.public_key()))
                    for one in texts
                ],
                "for": public_key_text(ours.public_key()),
            }
        ),
        capture_output=True,
        text=True,
        check=True,
    )
    answer = json.loads(done.stdout)
    assert answer["decrypted"] == texts
    assert [decrypt(one, ours).decode() for one in answer["encrypted"]] == texts
    assert answer["blobs_decrypted"] == [_base64([one.encode()]) for one in texts]
    for blob, text in zip(answer["blobs"], texts, strict=True):
        pieces = _pieces(base64.b64decode(blob))
        assert b"".join(decrypt_stream(pieces, ours)).decode() == text
    assert answer["public_key"] == public_key_text(theirs.public_key())


@pytest.fixture
def own_key(ask: Asker, tmp_path: Path) -> Path:
    """The private key of the container's organization, which only its node has elsewhere."""
    network, first = ask.network, ask.network.organizations[0].id
    at_node = {
        "Sandbox": network.directory / f"organization-{first}.pem",
        "RealStack": network.directory / "key-0.pem",
    }[type(network).__name__]
    file = tmp_path / "key.pem"
    file.write_bytes(at_node.read_bytes())
    file.chmod(0o600)
    return file


@encrypted
def test_a_client_with_the_key_reads_what_the_proxy_does_not(
    ask: Asker, own_key: Path, running: list[int]
) -> None:
    client = client_of(ask.container)
    client.setup_encryption(own_key)
    task = client.task.create({"method": "echo", "args": ["canary"]}, running)
    # What is sent is not encrypted twice, and what comes is decrypted as before.
    assert client.wait_for_results(task["id"]) == ["canary"] * 3
    inside = client.request(f"task/{task['id']}", params={"include": "results"})["results"]
    assert [json.loads(client.decrypt(row["result"])) for row in inside] == ["canary"] * 3
    [mine] = [
        run for run in client.run.from_task(task["id"]) if run["organization"]["id"] == running[0]
    ]
    assert json.loads(client.decrypt(mine["input"]))["args"] == ["canary"]


@encrypted
def test_nodes_read_an_input_that_the_client_encrypted(
    ask: Asker, own_key: Path, running: list[int]
) -> None:
    client = client_of(ask.container)
    client.setup_encryption(own_key)
    assert client.cryptor is not None
    keys = {one["id"]: one["public_key"] for one in ask.rows("organization", sort="id")}
    document = json.dumps({"method": "echo", "args": ["canary"], "kwargs": {}}).encode()
    organizations = [
        {"id": one, "input": client.cryptor.encrypt(document, keys[one])} for one in running
    ]
    # Without the proxy, which would encrypt it once more.
    posted = ask.server("POST", "task", json=ask.task([], organizations=organizations))
    assert posted.status_code == 201, posted.text
    assert client.wait_for_results(posted.json()["id"]) == ["canary"] * 3


@encrypted
def test_the_proxy_reads_a_result_that_the_client_encrypted(
    ask: Asker, network: Network, own_key: Path, offline: int
) -> None:
    client = client_of(ask.container)
    client.setup_encryption(own_key)
    assert client.cryptor is not None
    own = ask.proxy("GET", f"organization/{ask.container.organization_id}").json()["public_key"]
    task = ask.create([offline])
    [run] = ask.rows("run", task_id=task["id"])
    report(network, offline, run["id"], client.cryptor.encrypt(b'"canary"', own))
    assert client.wait_for_results(task["id"]) == ["canary"]


@encrypted
def test_a_container_cannot_change_the_key_of_its_organization(ask: Asker, tmp_path: Path) -> None:
    file = tmp_path / "another.pem"
    file.write_bytes(private_key_pem(new_private_key(2048)))
    file.chmod(0o600)
    client = client_of(ask.container)
    before = ask.proxy("GET", f"organization/{ask.container.organization_id}").json()
    with pytest.raises(EncryptionError, match="another public key"):
        client.setup_encryption(file)
    assert client.cryptor is None
    assert ask.proxy("GET", f"organization/{ask.container.organization_id}").json() == before
