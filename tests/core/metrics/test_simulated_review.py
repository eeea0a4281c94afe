from __future__ import annotations

import numpy as np
import pytest

from mobseg.metrics.error_detection import auroc
from mobseg.metrics.overlap import dice
from mobseg.metrics.score_histogram import ScoreHistogram, count_by_score
from mobseg.metrics.simulated_review import (
    Corrections,
    expected_found,
    oracle_recall,
    random_recall,
    recall,
    review_benefit,
)


def histogram_of(scores, errors):
    histogram = ScoreHistogram()
    histogram.update(np.asarray(scores, dtype=np.float32), np.asarray(errors, dtype=bool))
    return histogram


@pytest.fixture
def informative():
    """Distinct scores that are higher, on average, at the errors."""
    rng = np.random.default_rng(0)
    errors = rng.random(600) < 0.1
    scores = np.exp2((rng.permutation(600) + 256.5 * errors) / 64)
    assert np.unique(count_by_score(scores)).tolist() == [0, 1]
    return scores, errors


def test_recall_by_hand():
    histogram = histogram_of([0.9, 0.8, 0.5, 0.5, 0.1], [True, False, True, False, True])
    # The two tied voxels are visited in random order, so half an error is met per voxel.
    assert recall(histogram, [0, 1, 2, 3, 4, 5]) == pytest.approx(
        np.array([0, 1, 1, 1.5, 2, 3]) / 3
    )
    assert oracle_recall(histogram, [0, 1, 3, 5]) == pytest.approx([0, 1 / 3, 1, 1])
    assert random_recall(histogram, [0, 1, 5]) == pytest.approx([0, 1 / 5, 1])


def test_recall_equals_a_reviewer_who_walks_down_the_sorted_voxels(informative):
    scores, errors = informative
    order = np.argsort(-scores)
    walked = np.concatenate(([0], np.cumsum(errors[order]))) / errors.sum()
    assert recall(histogram_of(scores, errors), np.arange(601)) == pytest.approx(walked)


def test_ties_are_met_at_random():
    rng = np.random.default_rng(1)
    scores, errors = rng.integers(1, 4, 60) / 4, rng.random(60) < 0.3
    walks = []
    for _ in range(2000):
        shuffled = rng.permutation(60)
        order = shuffled[np.argsort(-scores[shuffled], kind="stable")]
        walks.append(np.count_nonzero(errors[order][:17]))
    found = expected_found(count_by_score(scores), count_by_score(scores[errors]), 17)
    assert found == pytest.approx(np.mean(walks), abs=4 * np.std(walks) / np.sqrt(len(walks)))


def test_the_random_order_is_a_map_without_information():
    errors = np.arange(50) < 9
    constant = histogram_of(np.full(50, 0.1), errors)
    reviewed = np.linspace(0, 50, 11)
    assert recall(constant, reviewed) == pytest.approx(random_recall(constant, reviewed))
    assert review_benefit(constant, 20) == pytest.approx(0.0, abs=1e-12)


def test_the_oracle_is_the_error_mask_as_a_map():
    errors = np.arange(50) < 9
    perfect = histogram_of(errors, errors)
    reviewed = np.linspace(0, 50, 51)
    assert recall(perfect, reviewed) == pytest.approx(oracle_recall(perfect, reviewed))
    for budget in (5, 9, 30, 50):
        assert review_benefit(perfect, budget) == pytest.approx(1.0)


def test_benefit_over_the_whole_volume_is_the_gini_coefficient(informative):
    histogram = histogram_of(*informative)
    assert review_benefit(histogram, 600) == pytest.approx(2 * auroc(histogram) - 1)


def test_benefit_up_to_a_budget_equals_a_fine_sum(informative):
    histogram = histogram_of(*informative)
    reviewed = np.linspace(0, 77.5, 200_001)
    gain = (recall(histogram, reviewed) - random_recall(histogram, reviewed)).mean()
    possible = (oracle_recall(histogram, reviewed) - random_recall(histogram, reviewed)).mean()
    assert review_benefit(histogram, 77.5) == pytest.approx(gain / possible, rel=1e-4)


def test_a_map_that_points_away_from_the_errors_is_worse_than_random():
    errors = np.arange(50) < 9
    assert review_benefit(histogram_of(~errors, errors), 20) < 0


def test_undefined_without_errors_and_without_budget():
    scores = np.linspace(0, 1, 10)
    no_errors = histogram_of(scores, np.zeros(10))
    assert np.isnan(recall(no_errors, 3))
    assert np.isnan(oracle_recall(no_errors, 3))
    assert np.isnan(random_recall(no_errors, 3))
    assert np.isnan(review_benefit(no_errors, 3))
    assert np.isnan(review_benefit(histogram_of(scores, scores > 0.5), 0))


def test_dice_after_review_equals_that_of_the_corrected_segmentation(informative):
    scores, _ = informative
    rng = np.random.default_rng(2)
    prediction, reference = rng.random((2, 600)) < 0.4
    errors = prediction != reference
    corrections = Corrections(
        total=count_by_score(scores),
        missed=count_by_score(scores[errors & reference]),
        spurious=count_by_score(scores[errors & prediction]),
        true_positives=int(np.count_nonzero(prediction & reference)),
    )
    for reviewed in (0, 1, 100, 599, 600):
        seen = np.argsort(-scores)[:reviewed]
        corrected = prediction.copy()
        corrected[seen] = reference[seen]
        assert corrections.dice_after(reviewed) == pytest.approx(dice(corrected, reference))
    assert corrections.dice_after(600) == 1.0


def test_dice_after_review_is_undefined_without_foreground():
    nothing = count_by_score(np.zeros(0, dtype=np.float32))
    corrections = Corrections(count_by_score(np.ones(5)), nothing, nothing, 0)
    assert np.isnan(corrections.dice_after(2))
