"""The central part: it asks the hospitals, adds up their answers, and takes the Newton steps."""

from __future__ import annotations

import logging
import math
from typing import TYPE_CHECKING, Any

from v6client import AlgorithmClient, algorithm_client

from .likelihood import LogLikelihood, total
from .newton import maximise
from .standardization import Moments, merge, to_original_scale

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy as np
    import numpy.typing as npt

log = logging.getLogger(__name__)


@algorithm_client
def fit(
    client: AlgorithmClient,
    organizations: list[int] | None = None,
    ridge: float = 1.0,
    tolerance: float = 1e-10,
    max_rounds: int = 25,
) -> dict[str, Any]:
    """Fit a logistic regression with a ridge penalty to the patients of all hospitals.

    The first round asks for means and variances, by which the features are standardized. Each
    further round is one Newton step: every hospital gives the gradient, the Hessian and the
    log-likelihood of its own patients at the current coefficients.

    Parameters
    ----------
    client : AlgorithmClient
        Given by the decorator.
    organizations : list of int, optional
        The ids of the hospitals; all organizations of the collaboration by default.
    ridge : float, default 1.0
        Half of this times the sum of the squared standardized slopes is subtracted from the
        log-likelihood. The intercept is not penalised. See the notes before choosing 0.
    tolerance : float, default 1e-10
        Ends when no standardized coefficient changes by this much.
    max_rounds : int, default 25
        Ends after so many Newton rounds at the latest.

    Returns
    -------
    dict
        ``features``: their names; ``standardized`` and ``original``: for each of the two scales a
        dict of the ``intercept`` and the list of ``coefficients``; ``ridge``; ``rounds``: the
        number of Newton rounds; ``log_likelihood`` and ``penalised_log_likelihood``;
        ``hospitals``: for each its ``organization``, ``patients`` and ``malignant``;
        ``converged``: whether the tolerance was reached.

    Raises
    ------
    ValueError
        If a parameter is out of range, there are no hospitals, their files differ in their
        columns, or a feature is the same in all patients.
    ArithmeticError
        If the Hessian is singular, which only a `ridge` of 0 allows.

    Notes
    -----
    In the Breast Cancer Wisconsin data, the 30 features separate the malignant from the benign
    tumours linearly. The maximum likelihood estimate then does not exist: the log-likelihood
    keeps growing towards 0 as the coefficients grow without limit (Albert and Anderson, 1984,
    Biometrika 71(1), 1-10). With any ridge above 0 there is exactly one maximum.
    """
    _check(ridge, tolerance, max_rounds)
    if organizations is None:
        organizations = [organization["id"] for organization in client.organization.list()]
    if not organizations:
        raise ValueError("no organizations to ask: name at least one")

    answers = _ask(client, organizations, "moments", "moments", {})
    features = _common_features(organizations, answers)
    pooled = merge([Moments.from_answer(answer) for answer in answers])
    deviation = pooled.deviation()
    for name, spread in zip(features, deviation, strict=True):
        if not spread > 0.0:
            raise ValueError(f"the feature {name!r} is the same in all patients: leave it out")
    scale = {"mean": pooled.mean.tolist(), "deviation": deviation.tolist()}

    def evaluate(number: int, coefficients: npt.NDArray[np.float64]) -> LogLikelihood:
        asked = {"coefficients": coefficients.tolist(), **scale}
        parts = _ask(client, organizations, f"newton {number}", "newton_step", asked)
        found = total([LogLikelihood.from_answer(part) for part in parts])
        log.info("newton %d: log-likelihood %.12g", number, found.value)
        return found.penalised(coefficients, ridge)

    found = maximise(evaluate, 1 + len(features), tolerance=tolerance, max_rounds=max_rounds)
    if not found.converged:
        log.warning("not converged after %d rounds", found.rounds)
    standardized = found.coefficients
    return {
        "features": features,
        "standardized": _named(standardized),
        "original": _named(to_original_scale(standardized, pooled.mean, deviation)),
        "ridge": ridge,
        "rounds": found.rounds,
        "log_likelihood": found.value + 0.5 * ridge * float(standardized[1:] @ standardized[1:]),
        "penalised_log_likelihood": found.value,
        "hospitals": [
            {
                "organization": organization,
                "patients": answer["count"],
                "malignant": answer["malignant"],
            }
            for organization, answer in zip(organizations, answers, strict=True)
        ],
        "converged": found.converged,
    }


def _check(ridge: float, tolerance: float, max_rounds: int) -> None:
    if not (math.isfinite(ridge) and ridge >= 0.0):
        raise ValueError(f"ridge is {ridge}: give a finite number from 0")
    if not tolerance > 0.0:
        raise ValueError(f"tolerance is {tolerance}: give a number above 0")
    if max_rounds < 1:
        raise ValueError(f"max_rounds is {max_rounds}: give at least 1")


def _ask(
    client: AlgorithmClient,
    organizations: list[int],
    name: str,
    method: str,
    kwargs: dict[str, Any],
) -> list[dict[str, Any]]:
    """Run one method at all hospitals; the answers come in the order of `organizations`."""
    task = client.task.create(
        input_={"method": method, "kwargs": kwargs}, organizations=organizations, name=name
    )
    return list(client.wait_for_results(task_id=task["id"]))


def _common_features(organizations: list[int], answers: Sequence[dict[str, Any]]) -> list[str]:
    features: list[str] = answers[0]["features"]
    for organization, answer in zip(organizations, answers, strict=True):
        if answer["features"] != features:
            raise ValueError(
                f"the columns of organization {organization} are not those of organization "
                f"{organizations[0]}: same names in the same order are needed"
            )
    return features


def _named(coefficients: npt.NDArray[np.float64]) -> dict[str, Any]:
    intercept, *slopes = coefficients.tolist()
    return {"intercept": intercept, "coefficients": slopes}
