"""AURC and AUGRC against hand-computed cases and brute force over random orders of ties."""

from __future__ import annotations

import math

import numpy as np
import pytest

from mobseg.metrics.selective import (
    area_under_generalised_risk_coverage,
    area_under_risk_coverage,
)


def test_hand_computed_order() -> None:
    risk, confidence = [0.0, 0.2, 1.0], [3.0, 2.0, 1.0]
    assert area_under_risk_coverage(risk, confidence) == pytest.approx((0 + 0.1 + 0.4) / 3)
    # Generalised risk at coverages 0, 1/3, 2/3, 1 is 0, 0, 0.2 / 3 and 0.4; the curve is straight between.
    expected = (0 + 0.2 / 3 / 2 + (0.2 / 3 + 0.4) / 2) / 3
    assert area_under_generalised_risk_coverage(risk, confidence) == pytest.approx(expected)


def test_the_best_order_is_that_of_the_risk_and_the_worst_its_reverse() -> None:
    risk = np.random.default_rng(0).random(40)
    order = np.random.default_rng(1).random(40)
    for area in (area_under_risk_coverage, area_under_generalised_risk_coverage):
        assert area(risk, -risk) < area(risk, order) < area(risk, risk)


def test_ties_are_the_mean_over_random_orders() -> None:
    rng = np.random.default_rng(2)
    risk, confidence = rng.random(12), rng.integers(0, 3, 12).astype(float)
    for area in (area_under_risk_coverage, area_under_generalised_risk_coverage):
        draws = [area(risk, confidence + 1e-6 * rng.random(12)) for _ in range(4000)]
        error = np.std(draws) / math.sqrt(len(draws))
        assert area(risk, confidence) == pytest.approx(np.mean(draws), abs=5 * error)


def test_no_information_gives_the_mean_risk_and_half_of_it() -> None:
    risk, confidence = [0.1, 0.5, 0.6], [1.0, 1.0, 1.0]
    assert area_under_risk_coverage(risk, confidence) == pytest.approx(0.4)
    assert area_under_generalised_risk_coverage(risk, confidence) == pytest.approx(0.2)


def test_no_cases_are_undefined() -> None:
    assert math.isnan(area_under_risk_coverage([], []))
    assert math.isnan(area_under_generalised_risk_coverage([], []))
