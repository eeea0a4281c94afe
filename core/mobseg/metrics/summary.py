"""Metrics over several cases: mean and spread of each figure, and what needs all voxels together."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from mobseg.errors import InvalidInput
from mobseg.metrics.case import CaseMetrics
from mobseg.metrics.domain import calibration_errors
from mobseg.metrics.review import ReviewCurve


def summarise(cases: Sequence[CaseMetrics]) -> dict[str, Any]:
    """Summarise the metrics of cases that were predicted with the same labels.

    Returns:
        ``n_cases``; ``per_case``, the tree of :meth:`CaseMetrics.to_dict` with mean, sample standard
        deviation and n (the cases where it is defined) of every figure; ``pooled``, the calibration errors
        over the voxels of all cases; ``review_curves``, one per uncertainty map, for
        :meth:`ReviewCurve.from_dict`. Undefined figures are None, so that it can be written as JSON.

    Raises:
        InvalidInput: there is no case, or the cases differ in their labels.
    """
    if not cases:
        raise InvalidInput("There is nothing to summarise; give at least one case.")
    if len({tuple(case.dice) for case in cases}) > 1:
        raise InvalidInput(
            "The predictions have different labels; evaluate those of one model at a time."
        )
    summary = {
        "n_cases": len(cases),
        "per_case": _spread([case.to_dict() for case in cases]),
        "pooled": {
            "everywhere": calibration_errors([case.everywhere for case in cases]),
            "band": calibration_errors([case.band for case in cases]),
        },
        "review_curves": {
            name: ReviewCurve.pooled(case.scores[name].curve for case in cases).to_dict()
            for name in cases[0].scores
        },
    }
    return finite_or_none(summary)


def finite_or_none(tree: Mapping[str, Any]) -> dict[str, Any]:
    """The same tree of figures with None, which JSON has, for NaN, which it has not."""
    return {key: _finite_or_none(value) for key, value in tree.items()}


def _finite_or_none(value: Any) -> Any:
    if isinstance(value, Mapping):
        return finite_or_none(value)
    return None if isinstance(value, float) and not math.isfinite(value) else value


def _spread(trees: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """Mean, standard deviation and n of each number of trees of one shape."""
    spread: dict[str, Any] = {}
    for key, first in trees[0].items():
        values = [tree[key] for tree in trees]
        spread[key] = _spread(values) if isinstance(first, dict) else _statistics(values)
    return spread


def _statistics(values: Sequence[float]) -> dict[str, float]:
    defined = np.array([value for value in values if math.isfinite(value)])
    return {
        "mean": float(defined.mean()) if defined.size else math.nan,
        "sd": float(defined.std(ddof=1)) if defined.size > 1 else math.nan,
        "n": defined.size,
    }
