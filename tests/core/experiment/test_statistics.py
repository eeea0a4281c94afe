"""Paired comparisons by hand and against scipy."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy.stats import wilcoxon

from mobseg.experiment.statistics import compare, holm


def test_only_cases_that_both_have_are_compared() -> None:
    rng = np.random.default_rng(0)
    control = rng.random(30)
    values = control + rng.normal(0.05, 0.1, 30)
    expected = wilcoxon(values[1:] - control[1:]).pvalue
    values[0] = math.nan
    found = compare(values, control)
    assert found.difference == pytest.approx(np.mean(values[1:] - control[1:]))
    assert found.p == pytest.approx(expected)


def test_equal_models_have_no_p_value() -> None:
    found = compare(np.ones(5), np.ones(5))
    assert found.difference == 0
    assert math.isnan(found.p)


def test_holm_by_hand() -> None:
    adjusted = holm([0.01, 0.04, 0.03, math.nan])
    assert adjusted[:3] == pytest.approx([0.03, 0.06, 0.06])
    assert math.isnan(adjusted[3])


def test_holm_never_exceeds_one() -> None:
    assert holm([0.9, 0.8]) == [1.0, 1.0]
