from __future__ import annotations

import json

import numpy as np
import pytest

from mobseg.errors import BundleError, InvalidInput
from mobseg.metrics.review import THRESHOLDS, ReviewCurve
from mobseg.metrics.score_histogram import ScoreHistogram


def curve_of(scores, errors, voxel_volume_mm3=1.0, score="variance"):
    histogram = ScoreHistogram()
    histogram.update(np.asarray(scores, dtype=np.float32), np.asarray(errors, dtype=bool))
    return ReviewCurve.from_case(histogram, score=score, voxel_volume_mm3=voxel_volume_mm3)


def random_case(seed, n=3000):
    rng = np.random.default_rng(seed)
    errors = rng.random(n) < 0.1
    return (rng.random(n) ** np.where(errors, 2, 8) / 4).astype(np.float32), errors


def test_columns_equal_counts_above_each_threshold():
    scores, errors = random_case(0)
    curve = curve_of(scores, errors, voxel_volume_mm3=2.5)
    for index, threshold in enumerate(THRESHOLDS):
        flagged = scores >= threshold
        assert curve.review_voxels[index] == np.count_nonzero(flagged)
        assert curve.review_mm3[index] == 2.5 * np.count_nonzero(flagged)
        assert curve.caught_mm3[index] == 2.5 * np.count_nonzero(flagged & errors)
    assert curve.error_mm3 == 2.5 * errors.sum()


def test_pooling_adds_volumes_of_cases_with_different_voxels():
    cases = [(random_case(1), 1.0), (random_case(2), 4.0)]
    pooled = ReviewCurve.pooled(curve_of(*case, volume) for case, volume in cases)
    row = 60
    (s1, e1), (s2, e2) = (case for case, _ in cases)
    flagged1, flagged2 = s1 >= THRESHOLDS[row], s2 >= THRESHOLDS[row]
    caught = (flagged1 & e1).sum() + 4 * (flagged2 & e2).sum()
    assert pooled.n_cases == 2
    assert pooled.share_caught[row] == pytest.approx(caught / (e1.sum() + 4 * e2.sum()))
    expected = pooled.lookup(THRESHOLDS[row])
    assert expected.review_ml == pytest.approx((flagged1.sum() + 4 * flagged2.sum()) / 2000)
    assert expected.review_voxels == pytest.approx((flagged1.sum() + flagged2.sum()) / 2)


def test_only_curves_of_one_score_can_be_pooled():
    curves = [curve_of(*random_case(1)), curve_of(*random_case(1), score="entropy")]
    with pytest.raises(ValueError, match="cannot be pooled"):
        ReviewCurve.pooled(curves)
    with pytest.raises(ValueError, match="at least one"):
        ReviewCurve.pooled([])


def test_the_recommended_threshold_flags_the_least_that_catches_the_share():
    curve = curve_of(*random_case(3))
    for share in (0.5, 0.8, 0.95):
        threshold = curve.recommended_threshold(share)
        row = int(np.flatnonzero(curve.thresholds == threshold)[0])
        assert curve.lookup(threshold).share_caught >= share
        assert curve.share_caught[row + 1] < share
        enough = curve.share_caught >= share
        assert curve.review_mm3[row] == curve.review_mm3[enough].min()


def test_a_map_that_is_zero_at_most_errors_gives_the_threshold_that_catches_what_it_can():
    scores = np.array([0.2, 0.01] + [0.0] * 8, dtype=np.float32)
    errors = np.array([True, False] + [True] * 4 + [False] * 4)
    curve = curve_of(scores, errors)
    expected = curve.lookup(curve.recommended_threshold(0.8))
    assert expected.share_caught == pytest.approx(1 / 5)
    assert expected.review_voxels == 1


def test_without_errors_there_is_no_threshold_to_recommend():
    curve = curve_of([0.1, 0.2], [False, False])
    assert np.isnan(curve.lookup(0.1).share_caught)
    with pytest.raises(InvalidInput, match="have no errors"):
        curve.recommended_threshold()


def test_lookup_is_exact_on_the_grid_between_its_neighbours_elsewhere_and_clamped_outside():
    curve = curve_of(*random_case(4), voxel_volume_mm3=3.0)
    row = 90
    assert curve.lookup(THRESHOLDS[row]).review_ml == pytest.approx(curve.review_mm3[row] / 1000)
    between = curve.lookup(float(np.sqrt(THRESHOLDS[row] * THRESHOLDS[row + 1])))
    assert between.review_ml == pytest.approx(curve.review_mm3[row : row + 2].mean() / 1000)
    assert between.share_caught == pytest.approx(curve.share_caught[row : row + 2].mean())
    assert curve.lookup(0.0).share_caught == curve.share_caught[0]
    assert curve.lookup(50.0).review_voxels == 0


def test_a_curve_survives_json():
    curve = ReviewCurve.pooled([curve_of(*random_case(5), 1.7), curve_of(*random_case(6), 0.3)])
    read = ReviewCurve.from_dict(json.loads(json.dumps(curve.to_dict(), allow_nan=False)))
    assert (read.score, read.n_cases) == ("variance", 2)
    assert read.recommended_threshold() == curve.recommended_threshold()
    for threshold in (1e-5, 0.01, 0.2):
        restored, original = read.lookup(threshold), curve.lookup(threshold)
        assert restored.share_caught == pytest.approx(original.share_caught)
        assert restored.review_ml == pytest.approx(original.review_ml)
        assert restored.review_voxels == pytest.approx(original.review_voxels)


def test_a_curve_without_errors_survives_json():
    stored = json.dumps(curve_of([0.1], [False]).to_dict(), allow_nan=False)
    assert ReviewCurve.from_dict(json.loads(stored)).error_mm3 == 0


@pytest.mark.parametrize(
    "change",
    [
        {"n_cases": 0},
        {"n_cases": "many"},
        {"thresholds": []},
        {"thresholds": [0.2, 0.1]},
        {"thresholds": [0.0, 0.1]},
        {"caught_ml_per_case": [1.0]},
        {"review_ml_per_case": [1.0, None]},
        {"error_ml_per_case": None},
    ],
)
def test_a_damaged_curve_is_refused(change):
    stored = {
        "score": "variance",
        "n_cases": 1,
        "error_ml_per_case": 1.0,
        "thresholds": [0.1, 0.2],
        "caught_ml_per_case": [0.9, 0.5],
        "review_ml_per_case": [3.0, 2.0],
        "review_voxels_per_case": [30, 20],
    }
    assert ReviewCurve.from_dict(stored).lookup(0.1).share_caught == pytest.approx(0.9)
    with pytest.raises(BundleError, match="review curve"):
        ReviewCurve.from_dict(stored | change)
    with pytest.raises(BundleError, match="incomplete"):
        ReviewCurve.from_dict({key: stored[key] for key in stored if key not in change})
