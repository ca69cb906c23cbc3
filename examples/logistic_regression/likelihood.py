"""The log-likelihood of a logistic regression with its gradient and Hessian.

All three are sums over the patients, so the sum over the hospitals of what each computes from its
own patients is exactly what one would compute from all patients together. That is why the
federated analysis is not an approximation.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import numpy.typing as npt


@dataclass(frozen=True)
class LogLikelihood:
    """A log-likelihood at some coefficients, with its first and second derivatives there.

    Attributes
    ----------
    value : float
        The log-likelihood.
    gradient : ndarray of shape (coefficients,)
        Its first derivatives.
    hessian : ndarray of shape (coefficients, coefficients)
        Its second derivatives: negative definite, or at least semidefinite.
    """

    value: float
    gradient: npt.NDArray[np.float64]
    hessian: npt.NDArray[np.float64]

    @classmethod
    def from_answer(cls, answer: Mapping[str, Any]) -> LogLikelihood:
        """Read a log-likelihood from a hospital's answer."""
        return cls(
            answer["log_likelihood"], np.asarray(answer["gradient"]), np.asarray(answer["hessian"])
        )

    def to_answer(self) -> dict[str, Any]:
        """Give the log-likelihood as JSON can hold it."""
        return {
            "log_likelihood": self.value,
            "gradient": self.gradient.tolist(),
            "hessian": self.hessian.tolist(),
        }

    def penalised(self, coefficients: npt.NDArray[np.float64], ridge: float) -> LogLikelihood:
        """Subtract the ridge penalty: half of `ridge` times the sum of the squared slopes.

        The first coefficient is the intercept, which is not penalised.
        """
        weights = np.full(len(coefficients), ridge)
        weights[0] = 0.0
        return LogLikelihood(
            self.value - 0.5 * float(weights @ coefficients**2),
            self.gradient - weights * coefficients,
            self.hessian - np.diag(weights),
        )


def evaluate(
    design: npt.NDArray[np.float64],
    outcome: npt.NDArray[np.float64],
    coefficients: npt.NDArray[np.float64],
) -> LogLikelihood:
    """Compute the log-likelihood of a logistic regression and its derivatives.

    Parameters
    ----------
    design : ndarray of shape (patients, coefficients)
        One row a patient; the first column holds ones.
    outcome : ndarray of shape (patients,)
        1 or 0.
    coefficients : ndarray of shape (coefficients,)
        Where to compute it.

    Returns
    -------
    LogLikelihood
        Without a penalty.

    Notes
    -----
    With the margin m = ±(design @ coefficients), positive where the model is on the right side, a
    patient contributes -log(1 + exp(-m)). Every probability is exp(-log(1 + exp(±m))), which
    neither overflows nor loses the small ones to a difference from 1.
    """
    sign = 2.0 * outcome - 1.0
    margin = sign * (design @ coefficients)
    log_right = -np.logaddexp(0.0, -margin)
    log_wrong = -np.logaddexp(0.0, margin)
    residual = sign * np.exp(log_wrong)
    variance = np.exp(log_right + log_wrong)
    return LogLikelihood(
        float(log_right.sum()),
        design.T @ residual,
        -(design.T * variance) @ design,
    )


def total(parts: Sequence[LogLikelihood]) -> LogLikelihood:
    """Add up the log-likelihoods of the hospitals, of which there is at least one."""
    return LogLikelihood(
        sum(part.value for part in parts),
        np.sum([part.gradient for part in parts], axis=0),
        np.sum([part.hessian for part in parts], axis=0),
    )
