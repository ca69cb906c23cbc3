"""What the demo needs to know of this example: its databases, its input, and how to judge it.

Import it as ``logistic_regression.demo``, with the folder ``examples`` on the path.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from .pooled import fit_pooled
from .split import split

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import numpy.typing as npt

PACKAGE = "logistic_regression"
INPUT: dict[str, Any] = {"method": "fit", "kwargs": {}}
SOURCE = Path(__file__).parent / "data" / "breast_cancer_wisconsin.csv"
LARGEST_DIFFERENCE = 1e-8


def prepare(directory: Path) -> list[dict[str, Path]]:
    """Write the data of the four hospitals.

    Parameters
    ----------
    directory : Path
        Where to write them.

    Returns
    -------
    list of dict
        For each hospital the path of each of its databases, by label.
    """
    return [{"default": path} for path in split(SOURCE, directory)]


def report(result: Mapping[str, Any], databases: Sequence[Mapping[str, Path]]) -> tuple[str, bool]:
    """Compare the federated fit with one on the patients of all hospitals together.

    Parameters
    ----------
    result : dict
        What `logistic_regression.fit` gave.
    databases : list of dict
        What `prepare` gave.

    Returns
    -------
    text : str
        A table of both fits, at most 100 characters wide.
    agree : bool
        Whether the federated fit converged and all coefficients, on both scales, are equal to
        1e-8.
    """
    pooled = fit_pooled([database["default"] for database in databases], ridge=result["ridge"])
    if result["features"] != pooled.features:
        return "The federated and the pooled fit have different features.", False
    standardized = _coefficients(result["standardized"])
    difference = _largest(standardized, pooled.standardized)
    in_units = _largest(_coefficients(result["original"]), pooled.original)
    equal = max(difference, in_units) <= LARGEST_DIFFERENCE
    agree = equal and bool(result["converged"])
    text = "\n".join(
        [
            *_hospitals(result["hospitals"]),
            "",
            _rounds(result),
            "",
            *_table(["intercept", *pooled.features], standardized, pooled.standardized),
            "",
            "Log odds ratios of a malignant tumour, per standard deviation of the feature.",
            f"Largest absolute difference: {difference:.1e}.",
            f"The same, per unit of the feature as measured: {in_units:.1e}.",
            f"{'Equal' if equal else 'NOT equal'} to {LARGEST_DIFFERENCE:.0e}.",
        ]
    )
    return text, agree


def _coefficients(scale: Mapping[str, Any]) -> npt.NDArray[np.float64]:
    return np.array([scale["intercept"], *scale["coefficients"]])


def _largest(ours: npt.NDArray[np.float64], theirs: npt.NDArray[np.float64]) -> float:
    return float(np.abs(ours - theirs).max())


def _hospitals(hospitals: Sequence[Mapping[str, int]]) -> list[str]:
    lines = [
        f"organization {one['organization']:>4}  {one['patients']:>8}  {one['malignant']:>9}"
        for one in hospitals
    ]
    patients = sum(one["patients"] for one in hospitals)
    malignant = sum(one["malignant"] for one in hospitals)
    return [
        f"{'hospital':<17}  {'patients':>8}  {'malignant':>9}",
        *lines,
        f"{'together':<17}  {patients:>8}  {malignant:>9}",
    ]


def _rounds(result: Mapping[str, Any]) -> str:
    ended = "converged" if result["converged"] else "did NOT converge"
    return (
        f"Newton's method {ended} after {result['rounds']} rounds, ridge {result['ridge']:g}, "
        f"log-likelihood {result['log_likelihood']:.6f}."
    )


def _table(
    names: Sequence[str],
    federated: npt.NDArray[np.float64],
    pooled: npt.NDArray[np.float64],
) -> list[str]:
    width = max(len(name) for name in names)
    lines = [
        f"{name:<{width}}  {ours:>+18.12f}  {theirs:>+18.12f}  {abs(ours - theirs):>10.1e}"
        for name, ours, theirs in zip(names, federated, pooled, strict=True)
    ]
    header = f"{'':<{width}}  {'federated':>18}  {'pooled':>18}  {'difference':>10}"
    return [header, "-" * len(header), *lines]
