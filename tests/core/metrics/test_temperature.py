"""The fitted temperature against the true one, scikit-learn's likelihood, and limits."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.special import expit
from sklearn.metrics import log_loss

from mobseg.metrics.temperature import LogitHistogram, logit, tempered


def _overconfident(true_temperature: float, n: int = 200_000) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(0)
    logits = rng.normal(0, 4, n)
    foreground = rng.random(n) < expit(logits / true_temperature)
    return expit(logits).astype(np.float32), foreground


@pytest.mark.parametrize("true_temperature", [0.6, 1.0, 2.5])
def test_finds_the_temperature_that_made_the_labels(true_temperature: float) -> None:
    probability, foreground = _overconfident(true_temperature)
    histogram = LogitHistogram()
    histogram.update(probability[:1000], foreground[:1000])
    histogram.update(probability[1000:], foreground[1000:])
    assert histogram.best_temperature() == pytest.approx(true_temperature, rel=0.02)


def test_likelihood_agrees_with_scikit_learn() -> None:
    probability, foreground = _overconfident(2.0, 20_000)
    histogram = LogitHistogram()
    histogram.update(probability, foreground)
    for temperature in (1.0, 2.0, 5.0):
        scaled = tempered(probability.astype(np.float64), temperature)
        expected = log_loss(foreground, scaled)
        assert histogram.negative_log_likelihood(temperature) == pytest.approx(expected, rel=1e-3)


def test_one_changes_nothing_and_heat_flattens() -> None:
    probability = np.array([[0.1, 0.5], [0.9, 0.99]], np.float32)
    np.testing.assert_allclose(tempered(probability, 1.0), probability, atol=1e-6)
    hot = tempered(probability, 4.0)
    assert hot.dtype == np.float32
    assert (np.abs(hot - 0.5) <= np.abs(probability - 0.5)).all()
    assert hot[0, 1] == pytest.approx(0.5)


def test_certain_probabilities_stay_finite() -> None:
    assert np.isfinite(logit(np.array([0.0, 1.0]))).all()
    histogram = LogitHistogram()
    histogram.update(np.array([0.0, 1.0]), np.array([True, False]))
    assert np.isfinite(histogram.negative_log_likelihood(1.0))


def test_without_voxels_the_temperature_is_one() -> None:
    assert LogitHistogram().best_temperature() == 1.0
    assert np.isnan(LogitHistogram().negative_log_likelihood(1.0))
