"""The same regression on the patients of all hospitals together, computed in another way.

It is what the federated fit is compared with, so it shares no code with it: its own reading, its
own standardization, and iteratively reweighted least squares solved by a QR decomposition of the
augmented design. It forms neither a gradient nor a Hessian.
"""

from __future__ import annotations

import csv
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    import numpy.typing as npt


@dataclass(frozen=True)
class PooledFit:
    """Coefficients of a logistic regression, each array with the intercept first.

    Attributes
    ----------
    features : list of str
        The names of the features.
    standardized : ndarray of shape (1 + features,)
        The coefficients of the standardized features.
    original : ndarray of shape (1 + features,)
        The coefficients of the features as measured.
    """

    features: list[str]
    standardized: npt.NDArray[np.float64]
    original: npt.NDArray[np.float64]


def fit_pooled(paths: Iterable[Path], ridge: float = 1.0) -> PooledFit:
    """Fit a logistic regression with a ridge penalty to all patients of some files.

    Parameters
    ----------
    paths : iterable of Path
        CSV files with the same header, with the outcome in the column ``malignant``.
    ridge : float, default 1.0
        Half of this times the sum of the squared standardized slopes is subtracted from the
        log-likelihood.

    Returns
    -------
    PooledFit
        The coefficients on both scales.

    Raises
    ------
    ArithmeticError
        If the coefficients still change after 200 iterations.
    """
    rows = []
    for path in paths:
        with path.open(encoding="utf-8", newline="") as file:
            rows += list(csv.DictReader(file))
    features = [name for name in rows[0] if name != "malignant"]
    measured = np.array([[float(row[name]) for name in features] for row in rows])
    malignant = np.array([row["malignant"] == "1" for row in rows])
    mean, deviation = np.mean(measured, axis=0), np.std(measured, axis=0)
    design = np.hstack([np.ones((len(rows), 1)), (measured - mean) / deviation])
    standardized = _reweighted_least_squares(design, np.where(malignant, 1.0, -1.0), ridge)
    slopes = standardized[1:] / deviation
    intercept = standardized[0] - np.sum(slopes * mean)
    return PooledFit(features, standardized, np.append(intercept, slopes))


def _reweighted_least_squares(
    design: npt.NDArray[np.float64], sign: npt.NDArray[np.float64], ridge: float
) -> npt.NDArray[np.float64]:
    """Repeat weighted least squares on the working response until nothing changes.

    With the margin m = sign * design @ coefficients, the square root of a patient's weight is
    1 / (2 cosh(m / 2)), and times the working residual it is sign * exp(-m / 2): nothing is
    divided by a weight that may vanish. The penalty is a row for each slope, with the response 0.
    """
    size = design.shape[1]
    penalty = np.sqrt(ridge) * np.eye(size)[1:]
    coefficients = np.zeros(size)
    with np.errstate(over="ignore", invalid="ignore"):  # what overflows does not converge either
        for _ in range(200):
            predictor = design @ coefficients
            half = sign * predictor / 2.0
            root = 0.5 / np.cosh(half)
            left = np.vstack([root[:, None] * design, penalty])
            right = np.append(root * predictor + sign * np.exp(-half), np.zeros(size - 1))
            orthogonal, triangular = np.linalg.qr(left)
            previous, coefficients = coefficients, np.linalg.solve(triangular, orthogonal.T @ right)
            if np.max(np.abs(coefficients - previous)) < 1e-11 * max(1.0, np.max(np.abs(previous))):
                return coefficients
            if not np.isfinite(coefficients).all():
                break
    raise ArithmeticError("the pooled fit did not converge: give a larger ridge")
