from __future__ import annotations

import numpy as np
import pytest
from sklearn.metrics import brier_score_loss, log_loss

from mobseg.metrics.proper_scores import (
    MIN_PROBABILITY,
    background_probability,
    brier_score,
    negative_log_likelihood,
    probability_of,
)


@pytest.fixture
def three_classes():
    rng = np.random.default_rng(0)
    probability = rng.dirichlet([1.0, 1.0, 1.0], 400)
    return probability, rng.integers(0, 3, 400)


def test_the_background_has_what_the_labels_leave():
    probability = np.array([[0.2, 0.5], [0.3, 0.5000001]])
    assert background_probability(probability) == pytest.approx([0.5, 0.0])
    assert (background_probability(probability) >= 0).all()


def test_probability_of_a_class_per_voxel():
    probability = np.array([[0.2, 0.5, 0.1], [0.3, 0.1, 0.7]])
    assert probability_of(probability, np.array([0, 1, 2])) == pytest.approx([0.5, 0.5, 0.7])


def test_nll_equals_scikit_learns_log_loss(three_classes):
    probability, truth = three_classes
    nll = negative_log_likelihood(probability[:, 1:].T, truth)
    assert nll.mean() == pytest.approx(log_loss(truth, probability, labels=[0, 1, 2]))


def test_nll_of_an_impossible_truth_is_bounded():
    nll = negative_log_likelihood(np.array([[0.0, 1.0]], dtype=np.float32), np.array([1, 1]))
    assert nll == pytest.approx([-np.log(MIN_PROBABILITY), 0.0])


def test_brier_score_equals_scikit_learns(three_classes):
    probability, truth = three_classes
    score = brier_score(probability[:, 1:].T, truth)
    one_hot = np.eye(3)[truth]
    assert score == pytest.approx(np.square(probability - one_hot).sum(axis=1))

    foreground, is_foreground = probability[:, 1], truth == 1
    binary = brier_score(foreground[None], is_foreground.astype(int))
    assert binary.mean() / 2 == pytest.approx(brier_score_loss(is_foreground, foreground))


@pytest.mark.parametrize("rule", [negative_log_likelihood, brier_score])
def test_only_the_true_probability_minimises_the_expected_score(rule):
    truth_probability = 0.3
    candidates = np.linspace(0.05, 0.95, 19)
    expected = [
        truth_probability * rule(np.array([[p]]), np.array([1]))[0]
        + (1 - truth_probability) * rule(np.array([[p]]), np.array([0]))[0]
        for p in candidates
    ]
    assert candidates[np.argmin(expected)] == pytest.approx(truth_probability)
