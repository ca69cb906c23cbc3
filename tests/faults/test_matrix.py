"""The fault matrix: every operation, every fault; once, three times, for ever."""

from __future__ import annotations

import inspect
import re
from collections import defaultdict
from collections.abc import Iterator

import pytest

import v6client
from tests.faults import document, matrix
from tests.faults.faults import FAULTS
from tests.faults.matrix import Report, Trial, wrong
from tests.faults.network import SECRETS, leaks
from tests.faults.operations import OPERATIONS
from tests.faults.rules import VALUE
from v6client import AlgorithmClient, V6ClientError

# Upstream's sub-client for its own use, and what only says no.
_NOT_TRIED = {
    *("authenticate", "refresh_token", "generate_path_to", "close", "ask"),
    # Two questions and a change; tests/wire/test_encryption.py has their faults.
    *("setup_encryption", "decrypt"),
}
_PARTS = {"get_resource", "list_rows", "create_task", "rows_of"}

NAMES = [operation.name for operation in OPERATIONS]


@pytest.fixture(scope="module")
def reports() -> dict[str, list[Report]]:
    """Try everything, once for all the tests of this module."""
    by_operation = defaultdict(list)
    for report in matrix.run(matrix.trials()):
        by_operation[report.trial.operation.name].append(report)
    return by_operation


@pytest.mark.parametrize("name", NAMES)
def test_every_cell_is_as_the_rules_say(reports: dict[str, list[Report]], name: str) -> None:
    found = [f"{report.trial}: {text}" for report in reports[name] if (text := wrong(report))]
    assert not found, "\n".join(found)


@pytest.mark.parametrize("name", NAMES)
def test_every_error_is_a_documented_one(reports: dict[str, list[Report]], name: str) -> None:
    for report in reports[name]:
        if report.error is None:
            continue
        documented = documented_errors(report.trial.operation.method)
        assert isinstance(report.error, V6ClientError), report.trial
        assert isinstance(report.error, tuple(documented)), (report.trial, documented)


def test_nothing_is_left_out() -> None:
    tried = {operation.method for operation in OPERATIONS}
    assert set(public_methods()) - _NOT_TRIED - _PARTS == tried


def test_the_rules_and_the_trials_are_complete() -> None:
    trials = matrix.trials()
    # The creation's own faults are for one operation; a request takes any JSON.
    creation_only = sum(fault.for_creation for fault in FAULTS)
    assert len(trials) > 3 * (len(FAULTS) - creation_only - 3) * len(OPERATIONS)
    assert {trial.expected for trial in trials} - {VALUE} <= set(dir(v6client))


def test_a_wrong_outcome_would_be_seen() -> None:
    # The matrix cannot pass by accident: a client that answers anything else is caught.
    trial = next(one for one in matrix.trials() if one.operation.name == "organization.get")
    [report] = matrix.run([trial])
    assert wrong(report) is None
    for other in (
        {"outcome": "NotFound"},
        {"value": None},
        {"value": {"id": 2, "name": "canary-name"}},
        {"elapsed": trial.longest + 1},
        {"leaked": ("log: canary",)},
    ):
        assert wrong(Report(**{**vars(report), **other}))
    assert all(leaks(f"a text with {secret} in it") for secret in SECRETS)


def test_the_document_is_the_rules() -> None:
    assert document.PATH.read_text("utf-8") == document.document(), (
        "write it again: python -m tests.faults.document"
    )


def test_a_trial_has_a_name() -> None:
    trial: Trial = matrix.trials()[0]
    assert str(trial) == "organization.list | connection refused | once"


def public_methods() -> Iterator[str]:
    """Give every public method of the client and its sub-clients."""
    subclients = {
        "collaboration": AlgorithmClient.Collaboration,
        "node": AlgorithmClient.Node,
        "organization": AlgorithmClient.Organization,
        "result": AlgorithmClient.Result,
        "run": AlgorithmClient.Run,
        "study": AlgorithmClient.Study,
        "task": AlgorithmClient.Task,
        "vpn": AlgorithmClient.VPN,
    }
    for prefix, kind in [("", AlgorithmClient), *((f"{n}.", k) for n, k in subclients.items())]:
        for name, _ in inspect.getmembers(kind, inspect.isfunction):
            if not name.startswith("_") and name not in _PARTS:
                yield f"{prefix}{name}"


def documented_errors(method: str) -> list[type[Exception]]:
    """Read the errors in the docstring of a method, or in that which it refers to."""
    owner: object = AlgorithmClient
    *parents, name = method.split(".")
    for one in parents:
        owner = getattr(owner, "VPN" if one == "vpn" else one.capitalize())
    doc = inspect.getdoc(getattr(owner, name)) or ""
    if other := re.search(r"see :meth:`(\w+)`", doc):
        doc = inspect.getdoc(getattr(owner, other[1])) or ""
    raises = doc.partition("Raises\n------\n")[2].partition("\n\n")[0]
    names = re.findall(r"^(\w+(?:, \w+)*)$", raises, re.MULTILINE)
    return [getattr(v6client, one) for line in names for one in line.split(", ")]
