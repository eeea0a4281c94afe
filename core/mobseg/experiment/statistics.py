"""Paired comparisons of models over cases."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.stats import wilcoxon

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Comparison:
    """A model against the control, case by case.

    Attributes:
        difference: mean over the cases where both are defined.
        p: of Wilcoxon's signed-rank test, two-sided; NaN where nothing differs.
    """

    difference: float
    p: float


def compare(values: Floats, control: Floats) -> Comparison:
    """Compare two models on the same cases.

    Args:
        values: (cases,) figure of the model.
        control: (cases,) figure of the control.
    """
    change = values - control
    change = change[np.isfinite(change)]
    if not change.any():
        return Comparison(0.0 if change.size else math.nan, math.nan)
    return Comparison(float(change.mean()), float(wilcoxon(change).pvalue))


def holm(p_values: Sequence[float]) -> list[float]:
    """Adjusted p values (Holm, 1979); NaN stays NaN and does not count as a test."""
    p = np.asarray(p_values, dtype=np.float64)
    tested = np.flatnonzero(np.isfinite(p))
    adjusted = np.full(p.shape, math.nan)
    order = tested[np.argsort(p[tested])]
    largest = 0.0
    for rank, index in enumerate(order):
        largest = max(largest, min(1.0, (len(order) - rank) * p[index]))
        adjusted[index] = largest
    return [float(value) for value in adjusted]
