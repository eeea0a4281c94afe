"""Generalised energy distance against hand-computed cases and a transcription with loops."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from mobseg.metrics.energy_distance import energy_distance


def _distance(first: np.ndarray, second: np.ndarray) -> float:
    union = (first | second).sum()
    return 1 - (first & second).sum() / union if union else 0.0


def _mean(first: list[np.ndarray], second: list[np.ndarray]) -> float:
    return float(np.mean([_distance(a, b) for a, b in itertools.product(first, second)]))


def test_agrees_with_loops_over_all_pairs() -> None:
    rng = np.random.default_rng(0)
    samples = list(rng.random((5, 3, 4, 5)) < 0.4)
    raters = list(rng.random((3, 3, 4, 5)) < 0.5)
    found = energy_distance(samples, raters)
    assert found.between == pytest.approx(_mean(samples, raters), abs=1e-7)
    assert found.within_samples == pytest.approx(_mean(samples, samples), abs=1e-7)
    assert found.within_raters == pytest.approx(_mean(raters, raters), abs=1e-7)
    expected = 2 * found.between - found.within_samples - found.within_raters
    assert found.squared == pytest.approx(expected)


def test_equal_sets_have_no_distance() -> None:
    masks = list(np.random.default_rng(1).random((4, 2, 3, 4)) < 0.5)
    assert energy_distance(masks, masks[::-1]).squared == pytest.approx(0, abs=1e-7)


def test_two_empty_masks_agree_and_an_empty_one_is_as_far_as_can_be() -> None:
    empty, full = np.zeros((2, 2, 2), bool), np.ones((2, 2, 2), bool)
    assert energy_distance([empty], [empty]).squared == 0
    assert energy_distance([empty], [full]).squared == 2


def test_half_overlapping_masks() -> None:
    left, right = np.array([[[1, 1, 0]]], bool), np.array([[[0, 1, 1]]], bool)
    assert energy_distance([left], [right]).between == pytest.approx(2 / 3)
