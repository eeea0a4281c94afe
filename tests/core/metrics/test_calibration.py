"""Reference values are from torchmetrics 1.9 on the same deterministic sequences."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.calibration import calibration_curve

from mobseg.metrics.calibration import CalibrationHistogram


def sequence(n, step):
    """Evenly spread numbers in [0, 1), the same on every machine."""
    return (np.arange(1, n + 1) * step) % 1


@pytest.fixture
def foreground():
    """Probability and truth of 2000 voxels, miscalibrated."""
    probability = sequence(2000, 0.6180339887498949)
    return probability, sequence(2000, 0.7548776662466927) < probability**1.4


@pytest.fixture
def top_label():
    """Confidence and correctness of the top label of 1500 voxels with three classes."""
    steps = (0.8191725133961645, 0.6710436067037893, 0.5497004779019703)
    probability = np.stack([sequence(1500, step) for step in steps], axis=1) ** 2
    probability /= probability.sum(axis=1, keepdims=True)
    uniform = sequence(1500, 0.8566748838545029)[:, None]
    truth = (uniform > np.cumsum(probability, axis=1)[:, :2]).sum(axis=1)
    truth = np.where(sequence(1500, 0.733891856627126) < 0.3, (truth + 1) % 3, truth)
    return probability.max(axis=1), probability.argmax(axis=1) == truth


def histogram_of(confidence, hit):
    histogram = CalibrationHistogram()
    histogram.update(confidence, hit)
    return histogram


def test_foreground_errors_equal_torchmetrics(foreground):
    histogram = histogram_of(*foreground)
    assert histogram.expected_error() == pytest.approx(0.08250574426985004, rel=1e-6)
    assert histogram.maximum_error() == pytest.approx(0.11838061861778015, rel=1e-6)
    assert histogram.expected_error(n_bins=50, order=2) == pytest.approx(
        0.09154135993264247, rel=1e-6
    )


def test_top_label_errors_equal_torchmetrics(top_label):
    histogram = histogram_of(*top_label)
    assert histogram.expected_error() == pytest.approx(0.1526607871055603, rel=1e-6)
    assert histogram.maximum_error(min_count=1) == pytest.approx(0.310494601726532, rel=1e-6)
    assert histogram.errors()["ece_50_bins_l2"] == pytest.approx(0.18100117146968842, rel=1e-6)


def test_maximum_error_equals_the_largest_gap_of_scikit_learns_curve(foreground):
    hit_rate, confidence = calibration_curve(foreground[1], foreground[0], n_bins=15)
    assert histogram_of(*foreground).maximum_error() == pytest.approx(
        np.abs(hit_rate - confidence).max()
    )


def test_two_bins_by_hand():
    histogram = histogram_of(
        np.array([0.2, 0.4, 0.9, 0.9, 0.7]), np.array([True, False, True, False, True])
    )
    gaps = np.array([0.5 - 0.3, 2.5 / 3 - 2 / 3])
    share = np.array([2, 3]) / 5
    assert histogram.expected_error(n_bins=2) == pytest.approx(share @ gaps)
    assert histogram.expected_error(n_bins=2, order=2) == pytest.approx(np.sqrt(share @ gaps**2))
    assert histogram.maximum_error(n_bins=2, min_count=1) == pytest.approx(gaps.max())


def test_parts_and_merged_histograms_equal_the_whole(foreground):
    confidence, hit = foreground
    in_parts = CalibrationHistogram()
    separate = []
    for part in np.array_split(np.arange(confidence.size), 7):
        in_parts.update(confidence[part], hit[part])
        separate.append(histogram_of(confidence[part], hit[part]))
    whole = histogram_of(confidence, hit).errors()
    assert in_parts.errors() == pytest.approx(whole, rel=1e-12)
    assert CalibrationHistogram.merged(separate).errors() == pytest.approx(whole, rel=1e-12)


def test_a_calibrated_model_has_a_small_error_and_an_overconfident_one_its_gap():
    confidence = np.full(1000, 0.8)
    hits = np.arange(1000)
    assert histogram_of(confidence, hits < 800).expected_error() == pytest.approx(0.0, abs=1e-12)
    assert histogram_of(confidence, hits < 600).expected_error() == pytest.approx(0.2)


def test_the_maximum_ignores_thin_bins():
    confidence = np.concatenate([np.full(99, 0.5), np.full(100, 0.95)])
    hit = np.concatenate([np.zeros(99, dtype=bool), np.ones(100, dtype=bool)])
    histogram = histogram_of(confidence, hit)
    assert histogram.maximum_error() == pytest.approx(0.05)
    assert histogram.maximum_error(min_count=99) == pytest.approx(0.5)
    assert np.isnan(histogram.maximum_error(min_count=101))


def test_certainty_falls_into_the_outer_bins():
    confidence = np.array([0.0, 1.0], dtype=np.float32)
    histogram = histogram_of(confidence, np.array([False, True]))
    assert histogram.expected_error() == 0.0
    assert histogram.maximum_error(n_bins=1, min_count=2) == 0.0


def test_without_voxels_everything_is_undefined():
    assert np.isnan(list(CalibrationHistogram().errors().values())).all()


@pytest.mark.parametrize("confidence", [-0.1, 1.1, np.nan])
def test_what_is_not_a_probability_is_refused(confidence):
    with pytest.raises(ValueError, match="between 0 and 1"):
        histogram_of(np.array([0.5, confidence]), np.array([True, True]))


def test_a_number_of_bins_that_cannot_be_formed_is_refused():
    with pytest.raises(ValueError, match="divide 150, got 20"):
        CalibrationHistogram().expected_error(n_bins=20)
