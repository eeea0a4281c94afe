"""Three regions whose errors are known, looked at one by one."""

from __future__ import annotations

import numpy as np
import pytest

from mobseg.geometry import VolumeGeometry
from mobseg.labels import Label, LabelTable
from mobseg.metrics.region_review import MOST_REGIONS, review_regions
from mobseg.regions import ScoredPrediction

SHAPE = (12, 20, 40)
GEOMETRY = VolumeGeometry(SHAPE, np.eye(4))
TABLE = LabelTable((Label(5, "gland", (255, 0, 0)),))

#: Cubes of 64 voxels that do not touch, far from the gland that is right.
CUBES = [np.s_[4:8, 2:6, start : start + 4] for start in (2, 12, 22)]
GLAND = np.s_[4:6, 10:15, 10:20]

#: Probability of foreground in each cube, so expected errors of 64 times it, and errors.
PROBABILITIES, ERRORS = (0.45, 0.3, 0.15), (16, 64, 0)

#: Errors that no map marks.
UNSEEN = 20


@pytest.fixture
def case():
    labels = np.zeros(SHAPE, dtype=np.uint8)
    labels[GLAND] = 5
    probability = np.where(labels > 0, 1.0, 0.0).astype(np.float32)
    truth = (labels > 0).astype(np.uint16)
    score = np.zeros(SHAPE, dtype=np.float32)
    for cube, foreground, errors in zip(CUBES, PROBABILITIES, ERRORS, strict=True):
        probability[cube] = foreground
        score[cube] = (
            1 - foreground
        )  # not the order of the ranks, which is that of the expected error
        truth[cube] = (np.arange(64) < errors).reshape(4, 4, 4)
    truth[0, 0, :UNSEEN] = 1
    scored = ScoredPrediction(GEOMETRY, TABLE, labels, (probability,), score)
    return scored, (labels > 0).astype(np.uint16), truth


def _padded(values):
    return np.array([*values, *[values[-1]] * (MOST_REGIONS + 1 - len(values))], dtype=float)


def test_regions_are_corrected_by_rank(case):
    review = review_regions(*case, n_flagged=192)
    total = sum(ERRORS) + UNSEEN
    assert review.n_regions == 3
    np.testing.assert_allclose(review.found, _padded([0, 16, 80]) / total)
    np.testing.assert_allclose(review.found_by_oracle, _padded([0, 64, 80]) / total)
    np.testing.assert_allclose(review.found_at_random, _padded([0, 80 / 3, 160 / 3, 80]) / total)
    np.testing.assert_allclose(review.volume_ml, _padded([0, 0.064, 0.128, 0.192]))
    # 100 voxels of the gland are right; what is missed lies in the reference only.
    missed = total - _padded([0, 16, 80])
    true_positives = 100 + total - missed
    np.testing.assert_allclose(review.dice, 2 * true_positives / (2 * true_positives + missed))


def test_figures_compare_the_ranks_with_random_and_ideal_ones(case):
    figures = review_regions(*case, n_flagged=192).to_dict()
    assert figures["region_share_found"] == pytest.approx(0.8)
    assert figures["region_volume_ml"] == pytest.approx(0.192)
    assert figures["region_area"] == pytest.approx((0.16 + 19 * 0.8) / 20)
    # Areas differ in the first two steps only: by rank 16, 80; at best 64, 80; at random 80/3, 160/3.
    assert figures["region_benefit"] == pytest.approx((96 - 80) / (144 - 80))


def test_only_as_many_voxels_as_asked_for_are_flagged(case):
    # The third cube has the highest score and no error; two of the scores are below the threshold.
    review = review_regions(*case, n_flagged=64)
    assert review.n_regions == 1
    assert review.volume_ml[-1] == pytest.approx(0.064)
    assert review.found[-1] == 0
    # One region has one order.
    assert np.isnan(review.to_dict()["region_benefit"])


def test_voxels_without_any_score_are_never_looked_at(case):
    review = review_regions(*case, n_flagged=10_000)
    assert review.volume_ml[-1] == pytest.approx(0.192)


def test_long_regions_are_divided(case):
    review = review_regions(*case, n_flagged=192, max_extent_mm=3)
    assert review.n_regions > 3
    assert review.volume_ml[-1] <= 0.192


def test_spurious_voxels_are_removed(case):
    scored, predicted, truth = case
    truth = np.zeros_like(truth)
    scored.score[...] = 0
    scored.score[GLAND] = 0.5
    review = review_regions(scored, predicted, truth, n_flagged=100)
    np.testing.assert_array_equal(review.found[:2], [0, 1])
    assert review.dice[0] == 0
    # Without foreground in either there is no Dice.
    assert np.isnan(review.dice[1])


def test_a_case_without_errors_has_no_share(case):
    scored, predicted, _ = case
    review = review_regions(scored, predicted, predicted, n_flagged=192)
    assert np.isnan(review.found).all()
    assert review.dice[0] == 1
