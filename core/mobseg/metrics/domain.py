"""Proper scores and calibration over one set of voxels: the whole volume, or the boundary band."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from mobseg.metrics._ratio import ratio
from mobseg.metrics.calibration import CalibrationHistogram
from mobseg.metrics.proper_scores import brier_score, negative_log_likelihood, probability_of

Floats = npt.NDArray[np.floating]
Index = npt.NDArray[np.integer]


class DomainMetrics:
    """Sums over the voxels of one domain; update with any number of voxels.

    Attributes:
        n_voxels: number of voxels.
        n_errors: number of voxels where label map and reference differ.
        top_label: calibration of the probability of the label that is shown.
        foreground: calibration of the probability of every foreground label, by name.
    """

    def __init__(self, label_names: Sequence[str]) -> None:
        self.n_voxels = 0
        self.n_errors = 0
        self.top_label = CalibrationHistogram()
        self.foreground = {name: CalibrationHistogram() for name in label_names}
        self._nll = 0.0
        self._brier = 0.0

    def update(self, probability_mean: Floats, predicted: Index, truth: Index) -> None:
        """Add voxels.

        Args:
            probability_mean: (F, N) mean probability of every foreground label.
            predicted: (N,) class index of the label map, 0 for background.
            truth: (N,) class index of the reference.
        """
        right = predicted == truth
        self.n_voxels += right.size
        self.n_errors += right.size - np.count_nonzero(right)
        nll = negative_log_likelihood(probability_mean, truth)
        self._nll += float(nll.sum(dtype=np.float64))
        self._brier += float(brier_score(probability_mean, truth).sum(dtype=np.float64))
        self.top_label.update(probability_of(probability_mean, predicted), right)
        for index, histogram in enumerate(self.foreground.values()):
            histogram.update(probability_mean[index], truth == index + 1)

    @property
    def nll(self) -> float:
        """Mean negative log-likelihood in nats, NaN without voxels."""
        return ratio(self._nll, self.n_voxels)

    @property
    def brier(self) -> float:
        """Mean Brier score over all classes, NaN without voxels."""
        return ratio(self._brier, self.n_voxels)

    def to_dict(self) -> dict[str, Any]:
        """All figures by name."""
        return {
            "error_share": ratio(self.n_errors, self.n_voxels),
            "nll": self.nll,
            "brier": self.brier,
            **calibration_errors([self]),
        }


def calibration_errors(domains: Sequence[DomainMetrics]) -> dict[str, Any]:
    """Calibration errors of the pooled voxels of one or several cases with the same labels."""
    names = domains[0].foreground
    return {
        "top_label": CalibrationHistogram.merged(d.top_label for d in domains).errors(),
        "foreground": {
            name: CalibrationHistogram.merged(d.foreground[name] for d in domains).errors()
            for name in names
        },
    }
