from __future__ import annotations

import numpy as np
import pytest

from mobseg.metrics.score_histogram import (
    N_BINS,
    ScoreHistogram,
    bin_floor,
    count_by_score,
    score_bins,
)


def test_bins_keep_the_order_of_scores_over_the_whole_range():
    scores = np.geomspace(1e-30, 1e30, 5000)
    bins = score_bins(scores)
    assert (np.diff(bins) > 0).all()
    assert bins[-1] < N_BINS


def test_zero_of_either_sign_is_the_lowest_bin():
    assert score_bins([0.0, -0.0]).tolist() == [0, 0]


def test_bins_are_one_per_mille_wide():
    scores = np.random.default_rng(0).random(1000)
    floors = bin_floor(scores)
    assert (floors <= scores.astype(np.float32)).all()
    assert (floors > scores * (1 - 2.0**-10)).all()
    assert (score_bins(floors) == score_bins(scores)).all()


@pytest.mark.parametrize("score", [-1e-3, np.nan, np.inf, -np.inf])
def test_scores_without_a_place_in_the_order_are_refused(score):
    with pytest.raises(ValueError, match="finite and not negative"):
        score_bins([0.5, score])


def test_parts_equal_the_whole():
    rng = np.random.default_rng(1)
    scores, errors = rng.random((4, 5, 6), dtype=np.float32), rng.random((4, 5, 6)) < 0.3
    whole, in_parts = ScoreHistogram(), ScoreHistogram()
    whole.update(scores, errors)
    for part in range(4):
        in_parts.update(scores[part], errors[part])
    assert (in_parts.total == whole.total).all()
    assert (in_parts.errors == whole.errors).all()
    assert (whole.n_voxels, whole.n_errors) == (120, np.count_nonzero(errors))


def test_counting_in_chunks_loses_nothing(monkeypatch):
    scores = np.random.default_rng(2).random(1000, dtype=np.float32)
    expected = np.bincount(score_bins(scores), minlength=N_BINS)
    monkeypatch.setattr("mobseg.metrics.score_histogram._CHUNK", 64)
    assert (count_by_score(scores) == expected).all()
