from __future__ import annotations

import numpy as np
import pytest
from sklearn.metrics import f1_score

from mobseg.metrics.overlap import OverlapSums, dice, expected_pairwise_dice, predicted_dice


def random_masks(seed, shape=(6, 7, 8)):
    rng = np.random.default_rng(seed)
    return rng.random(shape) < 0.3, rng.random(shape) < 0.4


def test_dice_by_hand():
    prediction = np.array([True, True, True, False, False])
    reference = np.array([False, True, True, True, False])
    assert dice(prediction, reference) == pytest.approx(2 * 2 / (3 + 3))


def test_dice_equals_scikit_learns_f1():
    prediction, reference = random_masks(0)
    assert dice(prediction, reference) == pytest.approx(
        f1_score(reference.ravel(), prediction.ravel())
    )


def test_dice_of_two_empty_masks_is_undefined_and_of_one_empty_mask_is_zero():
    empty, full = np.zeros(4, dtype=bool), np.ones(4, dtype=bool)
    assert np.isnan(dice(empty, empty))
    assert dice(empty, full) == 0.0
    assert dice(full, empty) == 0.0


def test_predicted_dice_by_hand():
    probability = np.array([0.9, 0.7, 0.4, 0.1])
    prediction = np.array([True, True, False, False])
    assert predicted_dice(probability, prediction) == pytest.approx(2 * 1.6 / (2 + 2.1))


def test_predicted_dice_of_a_certain_model_is_the_dice_with_itself():
    prediction, _ = random_masks(1)
    assert predicted_dice(prediction.astype(float), prediction) == 1.0


def test_predicted_dice_is_the_mean_dice_when_truth_follows_the_probabilities():
    rng = np.random.default_rng(2)
    probability = rng.random(4000)
    prediction = probability > 0.5
    samples = [dice(prediction, rng.random(4000) < probability) for _ in range(400)]
    standard_error = np.std(samples) / np.sqrt(len(samples))
    # The ratio of expectations differs from the expected ratio by order 1 / N.
    bias = 1 / prediction.sum()
    assert predicted_dice(probability, prediction) == pytest.approx(
        np.mean(samples), abs=4 * standard_error + bias
    )


def test_expected_pairwise_dice_by_hand():
    assert expected_pairwise_dice(np.array([1.0, 0.5, 0.0])) == pytest.approx(1.25 / 1.5)
    assert np.isnan(expected_pairwise_dice(np.zeros(3)))


def test_expected_pairwise_dice_is_the_mean_over_pairs_of_samples():
    rng = np.random.default_rng(3)
    frequency = rng.random(4000) ** 2
    samples = rng.random((400, 2, 4000)) < frequency
    pairwise = [dice(a, b) for a, b in samples]
    standard_error = np.std(pairwise) / np.sqrt(len(pairwise))
    assert expected_pairwise_dice(frequency) == pytest.approx(
        np.mean(pairwise), abs=4 * standard_error + 1e-3
    )


def test_sums_over_parts_equal_the_dense_values_of_every_label():
    rng = np.random.default_rng(4)
    truth, predicted = rng.integers(0, 3, (2, 500))
    probability = rng.random((2, 500)) / 2
    sums = OverlapSums(2)
    for part in np.array_split(np.arange(500), 7):
        sums.update(probability[:, part], predicted[part], truth[part])
    for label in range(2):
        mask = predicted == label + 1
        assert sums.dice(label) == pytest.approx(dice(mask, truth == label + 1))
        assert sums.predicted_dice(label) == pytest.approx(predicted_dice(probability[label], mask))
    assert sums.confusion.sum() == 500
    assert sums.confusion[2, 1] == np.count_nonzero((truth == 2) & (predicted == 1))
