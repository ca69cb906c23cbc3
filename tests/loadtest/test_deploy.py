"""Is ``deploy/loadtest`` valid, hardened and bounded, and does the program take its commands?"""

from __future__ import annotations

import argparse
import json
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.deploy.building import DEPLOY, judged, kustomized
from tests.deploy.cluster import Cluster
from tests.deploy.policies import End, lets_through
from tests.observability.processes import program, said
from v6client._version import __version__
from v6client.cli.loadtest import configure
from v6client.cli.loadtest.plan import MOST_SECONDS, Plan, mix_of

FOLDER = DEPLOY / "loadtest"
OWNED = "--i-own-this-proxy"
WORKERS = 2
PORT = 5557
GIVEN = {"LOADTEST_ADDRESS": "http://192.0.2.10:8080", "LOADTEST_OWNED": OWNED}


@cache
def built(name: str) -> Cluster:
    return kustomized(FOLDER / "kubernetes" / name)


def pod(job: Any) -> Any:
    return job["spec"]["template"]["spec"]


def parsed(words: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(exit_on_error=False)
    configure(parser)
    return parser.parse_args(words)


def filled(words: list[str], values: dict[str, str]) -> list[str]:
    return [re.sub(r"\$\((\w+)\)", lambda found: values[found[1]], one) for one in words]


def command_lines(cluster: Cluster) -> dict[str, argparse.Namespace]:
    [values] = [dict(one["data"]) for one in cluster.of_kind("ConfigMap").values()]
    return {
        name: parsed(filled(pod(job)["containers"][0]["args"], values))
        for name, job in cluster.of_kind("Job").items()
    }


def one_test(master: argparse.Namespace, worker: argparse.Namespace) -> None:
    """Hold that two command lines belong to one bounded test."""
    assert (master.role, worker.role) == ("master", "worker")
    assert master.workers == WORKERS
    assert master.listen.endswith(f":{PORT}")
    assert worker.master == f"master:{PORT}"
    for name in ("users", "seconds", "mix", "address", "token_file"):
        assert getattr(master, name) == getattr(worker, name), name
    Plan(users=master.users, seconds=master.seconds, mix=mix_of(master.mix))


@pytest.mark.parametrize("name", ["base", "owned"])
def test_an_api_server_takes_them_and_admits_the_pods_as_restricted(name: str) -> None:
    cluster = built(name)
    code, words = judged("kubernetes-checks", text=cluster.text)
    assert code == 0, words
    assert words == f"{len(cluster.objects)} objects are valid\n"
    labels = cluster.of_kind("Namespace")[cluster.namespace]["metadata"]["labels"]
    assert labels["pod-security.kubernetes.io/enforce"] == "restricted"


@pytest.mark.parametrize(
    ("before", "after", "told"),
    [
        ("runAsNonRoot: true", "runAsNonRoot: false", "not restricted"),
        ("backoffLimit: 0", "backoffLimit: -1", "must be greater than or equal to 0"),
        ("restartPolicy: Never", "restartPolicy: Always", "valid values"),
        ("parallelism:", "paralelism:", "unknown field"),
    ],
)
def test_a_mistake_in_a_job_is_refused(before: str, after: str, told: str) -> None:
    text = built("base").text
    assert before in text
    code, words = judged("kubernetes-checks", text=text.replace(before, after, 1))
    assert code == 1
    assert told in words


def test_kube_score_finds_nothing() -> None:
    ignored = ("container-image-pull-policy", "container-security-context-user-group-id")
    options = [part for one in ignored for part in ("--ignore-test", one)]
    arguments = ("score", "--output-format", "ci", *options, "-")
    code, words = judged("kube-score", *arguments, text=built("owned").text)
    assert code == 0, words
    assert "[WARNING]" not in words
    # Of each job something was looked at.
    assert words.count("v6client-loadtest") > 2


def test_jobs_run_once_and_end() -> None:
    for name, job in built("owned").of_kind("Job").items():
        spec = job["spec"]
        count = WORKERS if name == "worker" else 1
        assert (spec["completions"], spec["parallelism"]) == (count, count)
        assert spec["backoffLimit"] == 0
        assert MOST_SECONDS < spec["activeDeadlineSeconds"] <= MOST_SECONDS + 600
        [container] = pod(job)["containers"]
        assert container["image"] == f"v6client-loadtest:{__version__}"
        own = container["securityContext"]
        assert own["readOnlyRootFilesystem"] is True
        assert own["capabilities"] == {"drop": ["ALL"]}
        assert pod(job)["automountServiceAccountToken"] is False
        for kind in ("requests", "limits"):
            assert {"cpu", "memory"} <= container["resources"][kind].keys()
        # Where the program writes: its report, and what Python keeps for a while.
        writable = {one["mountPath"] for one in container["volumeMounts"] if "readOnly" not in one}
        assert writable == {"/report", "/tmp"}  # noqa: S108 - a mount of its own


def test_only_who_says_so_loads_what_is_elsewhere() -> None:
    assert not any(one.i_own_this_proxy for one in command_lines(built("base")).values())
    assert all(one.i_own_this_proxy for one in command_lines(built("owned")).values())


def test_the_jobs_are_one_test() -> None:
    lines = command_lines(built("owned"))
    one_test(lines["master"], lines["worker"])
    service = built("owned").of_kind("Service")["master"]
    labels = built("owned").of_kind("Job")["master"]["spec"]["template"]["metadata"]["labels"]
    assert service["spec"]["selector"].items() <= labels.items()


def test_the_token_is_a_file_and_nowhere_else() -> None:
    cluster = built("owned")
    assert not cluster.of_kind("Secret")
    for job in cluster.of_kind("Job").values():
        [secret] = [one["secret"] for one in pod(job)["volumes"] if "secret" in one]
        [mount] = [one for one in pod(job)["containers"][0]["volumeMounts"] if "readOnly" in one]
        path = Path(mount["mountPath"]) / secret["items"][0]["path"]
        assert all(one.token_file == path for one in command_lines(cluster).values())
        readme = (FOLDER / "README.md").read_text("utf-8")
        assert (
            f"create secret generic {secret['secretName']} --from-file=container_token=" in readme
        )


def test_nothing_else_may_talk() -> None:
    cluster = built("owned")
    ends = {
        name: End(name, cluster.namespace, job["spec"]["template"]["metadata"]["labels"])
        for name, job in cluster.of_kind("Job").items()
    }
    proxy, other = End("proxy", address="192.0.2.10"), End("other", address="192.0.2.11")
    [values] = [dict(one["data"]) for one in cluster.of_kind("ConfigMap").values()]
    assert values["LOADTEST_ADDRESS"] == f"http://{proxy.address}:8080"
    policies = list(cluster.of_kind("NetworkPolicy").values())
    # Outside of the cluster nobody's policy lets in or not: everything is let in.
    anybody = {"podSelector": {}, "policyTypes": ["Ingress"], "ingress": [{}]}
    everywhere = [*policies, {"metadata": {"namespace": ""}, "spec": anybody}]

    def may(source: End, target: End, port: int) -> bool:
        return lets_through(everywhere, source, target, "TCP", port)

    assert may(ends["worker"], ends["master"], PORT)
    assert may(ends["worker"], proxy, 8080)
    assert not may(ends["worker"], proxy, 80)
    assert not may(ends["worker"], other, 8080)
    assert not may(ends["master"], proxy, 8080)
    assert not may(ends["master"], ends["worker"], PORT)
    assert not may(other, ends["master"], PORT)


# ------------------------------------------------------------------------------------- compose


def composed(folder: Path, values: dict[str, str]) -> tuple[int, str]:
    """Read the compose file as ``docker compose`` does, with what a person would set."""
    text = (FOLDER / "compose.yaml").read_text("utf-8")
    for name, value in values.items():
        text = re.sub(rf"\$\{{{name}:\?[^}}]*\}}", value, text)
    (folder / "compose.yaml").write_text(text)
    done = said(program("compose"), "--format", "json", "compose.yaml", folder=folder)
    return done.returncode, done.stdout + done.stderr


def test_without_an_address_and_a_word_nothing_starts(tmp_path: Path) -> None:
    code, words = composed(tmp_path, {})
    assert code != 0
    assert set(GIVEN) <= set(re.findall(r"LOADTEST_\w+", words))


def services(folder: Path) -> Iterator[tuple[str, dict[str, Any]]]:
    code, words = composed(folder, GIVEN)
    assert code == 0, words
    yield from json.loads(words)["services"].items()


def test_what_compose_starts_is_one_test(tmp_path: Path) -> None:
    found = dict(services(tmp_path))
    lines = {name: parsed(one["command"]) for name, one in found.items()}
    one_test(lines["master"], lines["worker"])
    assert all(one.i_own_this_proxy for one in lines.values())
    assert found["worker"]["scale"] == WORKERS
    for one in found.values():
        assert one["restart"] == "no"
        assert one["read_only"] is True
        assert one["cap_drop"] == ["ALL"]
        assert one["user"] != "0:0"
        assert one["image"] == f"v6client-loadtest:{__version__}"
        assert "ports" not in one
        [secret] = one["secrets"]
        assert str(lines["master"].token_file) == f"/run/secrets/{secret['source']}"


def test_both_ways_make_the_same_load(tmp_path: Path) -> None:
    here = {name: parsed(one["command"]) for name, one in services(tmp_path)}
    there = command_lines(built("owned"))
    for name, one in here.items():
        for what in ("users", "seconds", "mix", "workers", "master", "listen"):
            assert getattr(one, what) == getattr(there[name], what)


def test_the_token_of_a_person_is_not_added_to_the_repository() -> None:
    ignored = (FOLDER / "secrets" / ".gitignore").read_text("utf-8").splitlines()
    assert ignored == ["*", "!.gitignore"]
    text = yaml.safe_load((FOLDER / "compose.yaml").read_text("utf-8"))
    assert text["secrets"] == {"container_token": {"file": "./secrets/container_token"}}
