"""Means and standard deviations over all hospitals, and the two scales of the coefficients."""

from __future__ import annotations

from dataclasses import dataclass
from functools import reduce
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    import numpy.typing as npt


@dataclass(frozen=True)
class Moments:
    """The number of patients, and each feature's mean and sum of squares about that mean.

    Sums of squares about a mean, not about zero: the variance of a feature whose mean is large
    would otherwise be a small difference of two large numbers.

    Attributes
    ----------
    count : int
        The number of patients.
    mean : ndarray of shape (features,)
        The mean of each feature.
    squares : ndarray of shape (features,)
        The sum of the squared deviations from `mean`.
    """

    count: int
    mean: npt.NDArray[np.float64]
    squares: npt.NDArray[np.float64]

    @classmethod
    def of(cls, values: npt.NDArray[np.float64]) -> Moments:
        """Compute the moments of one hospital's features, one patient a row."""
        mean = values.mean(axis=0)
        return cls(len(values), mean, ((values - mean) ** 2).sum(axis=0))

    @classmethod
    def from_answer(cls, answer: Mapping[str, Any]) -> Moments:
        """Read the moments from a hospital's answer."""
        return cls(answer["count"], np.asarray(answer["mean"]), np.asarray(answer["squares"]))

    def to_answer(self) -> dict[str, Any]:
        """Give the moments as JSON can hold them."""
        return {
            "count": self.count,
            "mean": self.mean.tolist(),
            "squares": self.squares.tolist(),
        }

    def merged(self, other: Moments) -> Moments:
        """Give the moments of both groups of patients together.

        Notes
        -----
        The pairwise rule of Chan, Golub and LeVeque (1983), Algorithms for computing the sample
        variance, The American Statistician 37(3), 242-247.
        """
        count = self.count + other.count
        apart = other.mean - self.mean
        return Moments(
            count,
            self.mean + apart * (other.count / count),
            self.squares + other.squares + apart**2 * (self.count * other.count / count),
        )

    def deviation(self) -> npt.NDArray[np.float64]:
        """Give the standard deviation of each feature, with the number of patients as divisor."""
        return np.asarray(np.sqrt(self.squares / self.count))


def merge(parts: Iterable[Moments]) -> Moments:
    """Merge the moments of all hospitals, of which there is at least one."""
    return reduce(Moments.merged, parts)


def design_matrix(
    values: npt.NDArray[np.float64],
    mean: npt.NDArray[np.float64],
    deviation: npt.NDArray[np.float64],
) -> npt.NDArray[np.float64]:
    """Give a column of ones for the intercept, followed by the standardized features."""
    return np.column_stack([np.ones(len(values)), (values - mean) / deviation])


def to_original_scale(
    coefficients: npt.NDArray[np.float64],
    mean: npt.NDArray[np.float64],
    deviation: npt.NDArray[np.float64],
) -> npt.NDArray[np.float64]:
    """Turn coefficients of standardized features into those of the features as measured.

    Parameters
    ----------
    coefficients : ndarray of shape (1 + features,)
        The intercept, followed by the log odds ratio of one standard deviation of each feature.
    mean, deviation : ndarray of shape (features,)
        What the features were standardized by.

    Returns
    -------
    ndarray of shape (1 + features,)
        The intercept, followed by the log odds ratio of one unit of each feature.
    """
    slopes = coefficients[1:] / deviation
    return np.concatenate([[coefficients[0] - slopes @ mean], slopes])
