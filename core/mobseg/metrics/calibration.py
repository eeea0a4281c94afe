r"""Calibration error of probabilities from streamed bin histograms.

With bins :math:`b` of equal width, :math:`n_b` voxels each out of :math:`N`, mean confidence
:math:`\bar p_b` and hit rate :math:`\bar y_b` (Guo et al., ICML 2017; Kumar et al., NeurIPS 2019):

.. math::
    ECE_1 = \sum_b \frac{n_b}{N} |\bar y_b - \bar p_b|, \quad
    ECE_2 = \sqrt{\sum_b \frac{n_b}{N} (\bar y_b - \bar p_b)^2}, \quad
    MCE = \max_b |\bar y_b - \bar p_b|
"""

from __future__ import annotations

import math
from collections.abc import Iterable

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.floating]

#: Kept finer than reported: both the usual 15 bins and the 50 of the MoB-Seg paper divide it.
_FINE_BINS = 150
_ROUNDING = 1e-5


class CalibrationHistogram:
    """Counts, confidences and hits per bin of confidence; update with any number of voxels.

    Bins are closed at their lower end; the last one also at 1.
    """

    def __init__(self) -> None:
        self._count = np.zeros(_FINE_BINS)
        self._confidence = np.zeros(_FINE_BINS)
        self._hits = np.zeros(_FINE_BINS)

    def update(self, confidence: Floats, hit: npt.NDArray[np.bool_]) -> None:
        """Add voxels.

        Args:
            confidence: probability given to an event, any shape.
            hit: whether the event happened, same shape.

        Raises:
            ValueError: a confidence is not a probability.
        """
        p = np.asarray(confidence, dtype=np.float64).ravel()
        if not ((p >= -_ROUNDING) & (p <= 1 + _ROUNDING)).all():
            raise ValueError("Confidences must lie between 0 and 1.")
        fine = np.clip((p * _FINE_BINS).astype(np.intp), 0, _FINE_BINS - 1)
        self._count += np.bincount(fine, minlength=_FINE_BINS)
        self._confidence += np.bincount(fine, weights=p, minlength=_FINE_BINS)
        self._hits += np.bincount(fine[hit.ravel()], minlength=_FINE_BINS)

    @classmethod
    def merged(cls, histograms: Iterable[CalibrationHistogram]) -> CalibrationHistogram:
        """One histogram of all the voxels of several."""
        merged = cls()
        for histogram in histograms:
            merged._count += histogram._count
            merged._confidence += histogram._confidence
            merged._hits += histogram._hits
        return merged

    def expected_error(self, *, n_bins: int = 15, order: int = 1) -> float:
        """Expected calibration error in the L1 or L2 norm, NaN without voxels.

        Args:
            n_bins: number of bins, a divisor of 150.
            order: 1 for the mean absolute gap, 2 for the root mean square.
        """
        count, gap = self._gaps(n_bins)
        if not count.sum():
            return math.nan
        return float(np.average(gap**order, weights=count) ** (1 / order))

    def maximum_error(self, *, n_bins: int = 15, min_count: int = 100) -> float:
        """Maximum calibration error over bins of at least ``min_count`` voxels, NaN if none has.

        The default bounds a bin's standard error by 0.05, so that a handful of voxels in a thin bin
        does not decide the result.
        """
        count, gap = self._gaps(n_bins)
        trusted = gap[(count > 0) & (count >= min_count)]
        return float(trusted.max()) if trusted.size else math.nan

    def errors(self) -> dict[str, float]:
        """ECE and MCE with 15 bins, and the 50-bin L2 variant of the MoB-Seg paper."""
        return {
            "ece": self.expected_error(),
            "mce": self.maximum_error(),
            "ece_50_bins_l2": self.expected_error(n_bins=50, order=2),
        }

    def curve(self, *, n_bins: int = 15) -> dict[str, list[float]]:
        """Mean confidence, hit rate and count of the bins that hold voxels."""
        count, confidence, hits = self._binned(n_bins)
        filled = count > 0
        return {
            "confidence": (confidence[filled] / count[filled]).tolist(),
            "hit_rate": (hits[filled] / count[filled]).tolist(),
            "count": count[filled].tolist(),
        }

    def _gaps(self, n_bins: int) -> tuple[Floats, Floats]:
        """(n_bins,) voxel counts and absolute gaps between hit rate and confidence."""
        count, confidence, hits = self._binned(n_bins)
        return count, np.abs(hits - confidence) / np.maximum(count, 1)

    def _binned(self, n_bins: int) -> tuple[Floats, Floats, Floats]:
        """(n_bins,) voxel counts, summed confidences and hits."""
        if n_bins < 1 or _FINE_BINS % n_bins:
            raise ValueError(f"The number of bins must divide {_FINE_BINS}, got {n_bins}.")
        count, confidence, hits = (
            fine.reshape(n_bins, -1).sum(axis=1)
            for fine in (self._count, self._confidence, self._hits)
        )
        return count, confidence, hits
