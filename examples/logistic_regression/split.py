"""Cutting the data of all patients into the unequal files of some hospitals."""

from __future__ import annotations

import hashlib
import math
from itertools import accumulate, pairwise
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

SHARES = (0.45, 0.30, 0.17, 0.08)
SEED = 1993


def split(
    source: Path, directory: Path, shares: Sequence[float] = SHARES, seed: int = SEED
) -> list[Path]:
    """Cut a CSV file into one file a hospital, each with the header, the lines as they are.

    Parameters
    ----------
    source : Path
        The CSV file, with a header line.
    directory : Path
        Where to write ``hospital_1.csv`` and so on; it is made if it does not exist.
    shares : sequence of float, default (0.45, 0.30, 0.17, 0.08)
        The share of the patients that each hospital gets; together 1.
    seed : int, default 1993
        Another seed gives another split; the same seed gives the same on every machine.

    Returns
    -------
    list of Path
        The files, in the order of `shares`.

    Raises
    ------
    ValueError
        If the shares are not positive or do not add up to 1, or if a hospital would get nobody.
    """
    if not math.isclose(math.fsum(shares), 1.0) or min(shares) <= 0.0:
        raise ValueError(f"the shares {tuple(shares)} are not positive numbers that add up to 1")
    header, *lines = source.read_text(encoding="utf-8").splitlines()
    shuffled = [lines[index] for index in _shuffled(len(lines), seed)]
    bounds = [0, *(round(share * len(lines)) for share in accumulate(shares))]
    if any(start == end for start, end in pairwise(bounds)):
        raise ValueError(f"{len(lines)} patients are too few for the shares {tuple(shares)}")
    directory.mkdir(parents=True, exist_ok=True)
    paths = []
    for number, (start, end) in enumerate(pairwise(bounds), start=1):
        path = directory / f"hospital_{number}.csv"
        path.write_text("\n".join([header, *shuffled[start:end], ""]), encoding="utf-8")
        paths.append(path)
    return paths


def _shuffled(count: int, seed: int) -> list[int]:
    """Shuffle by a hash: random generators may change from one version to the next."""

    def place(index: int) -> bytes:
        return hashlib.sha256(f"{seed}:{index}".encode()).digest()

    return sorted(range(count), key=place)
