"""A table of the report, as plain rows of text, and how its numbers are written."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]

#: What the maps are called in the tables.
SCORE_TITLES = {
    "variance": "variance",
    "entropy": "entropy",
    "mutual_information": "mutual information",
    "error_probability": "probability of error",
    "bernoulli_variance": "p (1 - p)",
}


@dataclass(frozen=True)
class Table:
    """A table with its heading and a note on how to read it."""

    title: str
    header: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    note: str = ""
    text_columns: int = 1


def spread(values: Floats, digits: int = 3) -> str:
    """Mean and sample standard deviation over seeds; the mean alone of one."""
    if not values.size or np.isnan(values).any():
        return "-"
    mean = f"{values.mean():.{digits}f}"
    return mean if values.size == 1 else f"{mean} ± {values.std(ddof=1):.{digits}f}"


def over_cases(values: Floats) -> str:
    """Mean and standard deviation over the cases where the figure is defined."""
    return spread(values[np.isfinite(values)])
