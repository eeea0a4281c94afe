from __future__ import annotations

import numpy as np
import pytest
from sklearn.metrics import average_precision_score, roc_auc_score

from mobseg.metrics.error_detection import auroc, average_precision
from mobseg.metrics.score_histogram import ScoreHistogram


def histogram_of(scores, errors):
    histogram = ScoreHistogram()
    histogram.update(np.asarray(scores, dtype=np.float32), np.asarray(errors, dtype=bool))
    return histogram


def informative_scores(seed, n=5000):
    rng = np.random.default_rng(seed)
    errors = rng.random(n) < 0.07
    return np.where(errors, rng.beta(4, 3, n), rng.beta(2, 5, n)), errors


@pytest.mark.parametrize("levels", [2, 5, 64])
def test_equal_to_scikit_learn_with_ties(levels):
    scores, errors = informative_scores(levels)
    tied = np.floor(scores * levels) / levels
    histogram = histogram_of(tied, errors)
    tied = tied.astype(np.float32)
    assert auroc(histogram) == pytest.approx(roc_auc_score(errors, tied), rel=1e-12)
    assert average_precision(histogram) == pytest.approx(
        average_precision_score(errors, tied), rel=1e-12
    )


@pytest.mark.parametrize("scale", [1e-20, 1e-3, 1.0])
def test_close_to_scikit_learn_for_continuous_scores_of_any_scale(scale):
    scores, errors = informative_scores(0)
    histogram = histogram_of(scores * scale, errors)
    assert auroc(histogram) == pytest.approx(roc_auc_score(errors, scores), abs=1e-3)
    assert average_precision(histogram) == pytest.approx(
        average_precision_score(errors, scores), abs=1e-3
    )


def test_a_perfect_map_gets_one_and_a_reversed_map_gets_zero():
    errors = np.arange(100) < 13
    assert auroc(histogram_of(errors, errors)) == 1.0
    assert average_precision(histogram_of(errors, errors)) == 1.0
    assert auroc(histogram_of(~errors, errors)) == 0.0


def test_a_constant_map_gets_one_half_and_the_share_of_errors():
    errors = np.arange(100) < 13
    for constant in (0.0, 0.25):
        histogram = histogram_of(np.full(100, constant), errors)
        assert auroc(histogram) == 0.5
        assert average_precision(histogram) == pytest.approx(0.13)


def test_the_order_of_voxels_does_not_matter():
    scores, errors = informative_scores(1)
    shuffled = np.random.default_rng(2).permutation(scores.size)
    a, b = histogram_of(scores, errors), histogram_of(scores[shuffled], errors[shuffled])
    assert (auroc(a), average_precision(a)) == (auroc(b), average_precision(b))


def test_undefined_without_errors_without_right_voxels_and_without_voxels():
    scores = np.linspace(0, 1, 10)
    no_errors = histogram_of(scores, np.zeros(10))
    assert np.isnan(auroc(no_errors))
    assert np.isnan(average_precision(no_errors))
    only_errors = histogram_of(scores, np.ones(10))
    assert np.isnan(auroc(only_errors))
    assert average_precision(only_errors) == 1.0
    empty = histogram_of([], [])
    assert np.isnan(auroc(empty))
    assert np.isnan(average_precision(empty))
