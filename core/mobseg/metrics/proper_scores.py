r"""Proper scoring rules of the mean probability, voxel by voxel.

F foreground labels with probabilities M_1..M_F leave M_0 = 1 - sum M_f to the background.
Both rules are strictly proper (Gneiting & Raftery, JASA 2007): only the true probabilities
minimise their expectation.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.floating]
Index = npt.NDArray[np.integer]

#: Smallest probability given to the truth, so that one voxel cannot make the mean infinite.
MIN_PROBABILITY = 1e-7


def background_probability(probability_mean: Floats) -> Floats:
    """(N,) probability of background, from the (F, N) probabilities of the foreground labels."""
    background: Floats = np.clip(1 - probability_mean.sum(axis=0), 0, 1)
    return background


def probability_of(probability_mean: Floats, class_index: Index) -> Floats:
    """Probability given to one class per voxel.

    Args:
        probability_mean: (F, N) mean probability of every foreground label.
        class_index: (N,) 0 for background, f for the f-th foreground label.

    Returns:
        (N,) probability of that class.
    """
    chosen = background_probability(probability_mean)
    for index, probability in enumerate(probability_mean, start=1):
        np.copyto(chosen, probability, where=class_index == index)
    return chosen


def negative_log_likelihood(probability_mean: Floats, truth: Index) -> Floats:
    r"""(N,) negative log-likelihood of the true class in nats.

    .. math:: -\log \max(M_{y_n, n}, 10^{-7})

    Args:
        probability_mean: (F, N) mean probability of every foreground label.
        truth: (N,) class index of the reference.
    """
    nll: Floats = -np.log(np.maximum(probability_of(probability_mean, truth), MIN_PROBABILITY))
    return nll


def brier_score(probability_mean: Floats, truth: Index) -> Floats:
    r"""(N,) Brier score over all classes, background included (Brier, 1950); 0 to 2.

    .. math:: \sum_{c=0}^{F} (M_{c,n} - [y_n = c])^2

    For two classes this is twice the common binary form.

    Args:
        probability_mean: (F, N) mean probability of every foreground label.
        truth: (N,) class index of the reference.
    """
    score: Floats = np.square(background_probability(probability_mean) - (truth == 0))
    for index, probability in enumerate(probability_mean, start=1):
        score += np.square(probability - (truth == index))
    return score
