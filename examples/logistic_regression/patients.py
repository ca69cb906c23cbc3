"""Reading the patients of one hospital from its CSV file."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from pathlib import Path

    import numpy.typing as npt

OUTCOME = "malignant"


@dataclass(frozen=True)
class Patients:
    """The patients of one hospital.

    Attributes
    ----------
    features : list of str
        The names of the features, in the order of the columns of `values`.
    values : ndarray of shape (patients, features)
        The features as measured.
    outcome : ndarray of shape (patients,)
        1 for malignant, 0 for benign.
    """

    features: list[str]
    values: npt.NDArray[np.float64]
    outcome: npt.NDArray[np.float64]


def read_patients(path: Path) -> Patients:
    """Read a CSV file of one patient a line, with a header line.

    No message of an error shows a value, because error messages leave the hospital's log.

    Parameters
    ----------
    path : Path
        The file. All columns but ``malignant`` are features.

    Returns
    -------
    Patients
        What the file holds.

    Raises
    ------
    ValueError
        If the column ``malignant`` is missing or holds anything but 0 and 1, if a feature holds
        anything but finite numbers, or if the lines differ in their number of columns.
    """
    with path.open(encoding="utf-8") as file:
        names = file.readline().strip().split(",")
        lines = [line for line in file if line.strip()]
    if OUTCOME not in names:
        raise ValueError(f"the file has no column named {OUTCOME!r}")
    if any(line.count(",") != len(names) - 1 for line in lines):
        raise ValueError(f"a line of the file does not have the {len(names)} columns of its header")
    numbers = [[_number(text) for text in line.split(",")] for line in lines]
    table = np.array(numbers, dtype=np.float64).reshape(-1, len(names))
    for name, column in zip(names, table.T, strict=True):
        if not np.isfinite(column).all():
            raise ValueError(f"the column {name!r} holds something else than finite numbers")
    position = names.index(OUTCOME)
    outcome = table[:, position]
    if not np.isin(outcome, (0.0, 1.0)).all():
        raise ValueError(f"the column {OUTCOME!r} holds something else than 0 and 1")
    return Patients(
        features=names[:position] + names[position + 1 :],
        values=np.delete(table, position, axis=1),
        outcome=outcome,
    )


def _number(text: str) -> float:
    """Read a number; what is none becomes NaN, as the message of `float` would show it."""
    try:
        return float(text)
    except ValueError:
        return math.nan
