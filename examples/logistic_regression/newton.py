"""Newton's method with step halving, for a concave function that is costly to evaluate."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable

    import numpy.typing as npt

    from .likelihood import LogLikelihood

# A fall smaller than this, relative to the value, is the rounding of its sums and not a fall.
ROUNDING = 1e-12


@dataclass(frozen=True)
class Maximum:
    """Where Newton's method ended.

    Attributes
    ----------
    coefficients : ndarray
        The last coefficients.
    value : float
        The value of the function there.
    rounds : int
        How often the function was evaluated.
    converged : bool
        Whether the last step was smaller than the tolerance.
    """

    coefficients: npt.NDArray[np.float64]
    value: float
    rounds: int
    converged: bool


def maximise(
    evaluate: Callable[[int, npt.NDArray[np.float64]], LogLikelihood],
    size: int,
    *,
    tolerance: float,
    max_rounds: int,
) -> Maximum:
    """Maximise a concave function from zero by Newton's method.

    A step that makes the function fall is halved until it does not.

    Parameters
    ----------
    evaluate : callable
        Gives the function and its derivatives; called with the number of the round, from 1, and
        the coefficients.
    size : int
        The number of coefficients.
    tolerance : float
        Ends when no coefficient changes by this much.
    max_rounds : int
        Ends after so many evaluations at the latest.

    Returns
    -------
    Maximum
        The best that was found; see its `converged`.

    Raises
    ------
    ArithmeticError
        If the Hessian is singular, so that there is no single maximum.
    """
    accepted = candidate = np.zeros(size)
    value = -np.inf
    for number in range(1, max_rounds + 1):
        found = evaluate(number, candidate)
        if found.value < value - ROUNDING * max(1.0, abs(value)):
            candidate = (accepted + candidate) / 2.0
            continue
        accepted, value = candidate, found.value
        step = _newton_step(found)
        candidate = accepted + step
        if np.abs(step).max() < tolerance:
            # The value at the candidate differs by the square of the step: by nothing.
            return Maximum(candidate, value, number, converged=True)
    return Maximum(accepted, value, max_rounds, converged=False)


def _newton_step(found: LogLikelihood) -> npt.NDArray[np.float64]:
    try:
        return np.asarray(-np.linalg.solve(found.hessian, found.gradient))
    except np.linalg.LinAlgError:
        raise ArithmeticError(
            "the Hessian is singular: there is no single maximum. Give a ridge above 0"
        ) from None
