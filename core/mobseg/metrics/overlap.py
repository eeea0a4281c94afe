r"""Overlap of segmentations: Dice, and what the model itself expects the Dice to be.

Masks are boolean, probabilities lie in [0, 1]; any shape, as long as both arguments share it.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from mobseg.metrics._ratio import ratio

Mask = npt.NDArray[np.bool_]
Index = npt.NDArray[np.integer]
Floats = npt.NDArray[np.floating]


def dice(prediction: Mask, reference: Mask) -> float:
    r"""Dice similarity coefficient, NaN when both masks are empty.

    .. math:: D(P, R) = \frac{2 |P \cap R|}{|P| + |R|}
    """
    overlap = np.count_nonzero(prediction & reference)
    return ratio(2 * overlap, np.count_nonzero(prediction) + np.count_nonzero(reference))


def predicted_dice(probability_mean: Floats, prediction: Mask) -> float:
    r"""Dice of ``prediction`` against the unknown truth, as the model's mean probability expects it.

    .. math:: \hat D = \frac{2 \sum_{n \in P} M_n}{|P| + \sum_n M_n},
              \qquad M_n = \mathbb{E}[p_n]

    The ratio of expectations; its distance to the expectation of the ratio vanishes with the size of
    the structure. NaN when the prediction is empty and no voxel has any probability.
    """
    inside = probability_mean[prediction].sum(dtype=np.float64)
    everywhere = probability_mean.sum(dtype=np.float64)
    return ratio(2 * inside, np.count_nonzero(prediction) + everywhere)


def expected_pairwise_dice(foreground_frequency: Floats) -> float:
    r"""Dice expected between two independent samples of the stochastic segmentation.

    .. math:: \mathbb{E}[D(Y, Y')] \approx \frac{\sum_n \pi_n^2}{\sum_n \pi_n},
              \qquad \pi_n = \Phi(m_n / s_n)

    Args:
        foreground_frequency: pi, how often a sample calls each voxel foreground; for a Gaussian logit of
            mean m and standard deviation s this is the normal distribution function of m / s.

    Returns:
        The ratio of expectations, whatever the spatial correlation within one sample; NaN when no
        voxel is ever foreground.
    """
    frequency = np.asarray(foreground_frequency, dtype=np.float64)
    return ratio(np.square(frequency).sum(), frequency.sum())


class OverlapSums:
    """Dice and predicted Dice of every foreground label, accumulated over parts of one case.

    Attributes:
        confusion: (C, C) int64 voxel counts, rows the reference's class, columns the prediction's.
    """

    def __init__(self, n_labels: int) -> None:
        self.confusion = np.zeros((n_labels + 1, n_labels + 1), dtype=np.int64)
        self._probability_inside = np.zeros(n_labels)
        self._probability = np.zeros(n_labels)

    def update(self, probability_mean: Floats, predicted: Index, truth: Index) -> None:
        """Add voxels.

        Args:
            probability_mean: (F, N) mean probability of every foreground label.
            predicted: (N,) class index of the label map, 0 for background.
            truth: (N,) class index of the reference.
        """
        n_classes = len(self.confusion)
        pairs = truth.astype(np.int64) * n_classes + predicted
        counts = np.bincount(pairs, minlength=n_classes**2)
        self.confusion += counts.reshape(n_classes, n_classes)
        for label, probability in enumerate(probability_mean):
            inside = probability[predicted == label + 1]
            self._probability_inside[label] += inside.sum(dtype=np.float64)
            self._probability[label] += probability.sum(dtype=np.float64)

    def dice(self, label: int) -> float:
        """Dice of the foreground label with this position in the label table, see :func:`dice`."""
        voxels = self._predicted_voxels(label) + self.confusion[label + 1].sum()
        return ratio(2 * self.confusion[label + 1, label + 1], voxels)

    def predicted_dice(self, label: int) -> float:
        """The model's own expectation of that Dice, see :func:`predicted_dice`."""
        voxels = self._predicted_voxels(label) + self._probability[label]
        return ratio(2 * self._probability_inside[label], voxels)

    def _predicted_voxels(self, label: int) -> int:
        return int(self.confusion[:, label + 1].sum())
