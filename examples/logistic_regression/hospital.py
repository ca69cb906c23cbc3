"""What each hospital computes from its own patients, and what it refuses to."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import numpy as np

from .likelihood import evaluate
from .patients import Patients, read_patients
from .standardization import Moments, design_matrix

DATABASE = "DEFAULT_DATABASE_URI"
MINIMUM_PATIENTS = 10


def moments() -> dict[str, Any]:
    """Give the numbers of patients and the moments of the features.

    Returns
    -------
    dict
        ``features``: their names; ``count``: the number of patients; ``malignant``: the number of
        them with a malignant tumour; ``mean`` and ``squares``: see `Moments`.

    Raises
    ------
    ValueError
        If the hospital has too few patients, or its file cannot be read as such.
    """
    patients = _patients()
    return {
        "features": patients.features,
        "malignant": int(patients.outcome.sum()),
        **Moments.of(patients.values).to_answer(),
    }


def newton_step(
    coefficients: list[float], mean: list[float], deviation: list[float]
) -> dict[str, Any]:
    """Give the log-likelihood of this hospital's patients, its gradient and its Hessian.

    Parameters
    ----------
    coefficients : list of float
        The intercept, followed by the coefficients of the standardized features.
    mean, deviation : list of float
        What to standardize the features by: the same at every hospital.

    Returns
    -------
    dict
        ``log_likelihood``, ``gradient`` and ``hessian``, all without a penalty.

    Raises
    ------
    ValueError
        If the hospital has too few patients, its file cannot be read as such, or the numbers of
        coefficients, means or deviations do not fit its features.
    """
    patients = _patients()
    features = len(patients.features)
    if not len(coefficients) - 1 == len(mean) == len(deviation) == features:
        raise ValueError(
            f"{features} features need {features + 1} coefficients, {features} means and "
            f"{features} deviations; got {len(coefficients)}, {len(mean)} and {len(deviation)}"
        )
    design = design_matrix(patients.values, np.asarray(mean), np.asarray(deviation))
    return evaluate(design, patients.outcome, np.asarray(coefficients)).to_answer()


def _patients() -> Patients:
    """Read this hospital's patients, if there are enough of them to answer for.

    The message leaves out how many there are: that number is what is being protected.
    """
    path = os.environ.get(DATABASE)
    if not path:
        raise ValueError(f"{DATABASE} is not set: give the task the database `default`")
    patients = read_patients(Path(path))
    if len(patients.outcome) < MINIMUM_PATIENTS:
        raise ValueError(f"refused: this hospital has fewer than {MINIMUM_PATIENTS} patients")
    return patients
