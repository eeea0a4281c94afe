r"""Temperature scaling of a binary probability (Guo et al., ICML 2017), fitted from a streamed histogram.

.. math:: q = \sigma(\operatorname{logit}(p) / T)

with the T that minimises the negative log-likelihood on validation voxels. For two classes it keeps the
order of voxels by entropy or p (1 - p), so it changes calibration and nothing else.
"""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt
from scipy.optimize import minimize_scalar

Floats = npt.NDArray[np.floating]

_LARGEST_LOGIT = 16.0
_BINS = 1280
_RANGE = (0.1, 10.0)


class LogitHistogram:
    """Voxels and foreground voxels per bin of the logit; update with any number of voxels.

    Logits are cut at +-16, and a bin is 0.025 wide.
    """

    def __init__(self) -> None:
        self._count = np.zeros(_BINS)
        self._foreground = np.zeros(_BINS)

    def update(self, probability: Floats, foreground: npt.NDArray[np.bool_]) -> None:
        """Add voxels.

        Args:
            probability: of foreground, any shape.
            foreground: whether the reference is foreground, same shape.
        """
        position = (logit(probability) / _LARGEST_LOGIT + 1) / 2 * _BINS
        bins = np.clip(position.astype(np.intp), 0, _BINS - 1)
        self._count += np.bincount(bins, minlength=_BINS)
        self._foreground += np.bincount(bins[foreground.ravel()], minlength=_BINS)

    def negative_log_likelihood(self, temperature: float) -> float:
        """Mean over the voxels in nats, at the centres of the bins; NaN without voxels."""
        if not self._count.sum():
            return math.nan
        centres = ((np.arange(_BINS) + 0.5) / _BINS * 2 - 1) * _LARGEST_LOGIT / temperature
        loss = self._foreground * np.logaddexp(0, -centres)
        loss += (self._count - self._foreground) * np.logaddexp(0, centres)
        return float(loss.sum() / self._count.sum())

    def best_temperature(self) -> float:
        """The temperature between 0.1 and 10 of the least negative log-likelihood; 1 without voxels."""
        if not self._count.sum():
            return 1.0
        found = minimize_scalar(
            lambda log_t: self.negative_log_likelihood(math.exp(log_t)),
            bounds=tuple(math.log(end) for end in _RANGE),
            method="bounded",
            options={"xatol": 1e-4},
        )
        return float(math.exp(found.x))


def logit(probability: Floats) -> npt.NDArray[np.float64]:
    """Log-odds, flattened and cut at +-16."""
    p = np.asarray(probability, dtype=np.float64).ravel()
    smallest = 1 / (1 + math.exp(_LARGEST_LOGIT))
    p = np.clip(p, smallest, 1 - smallest)
    return np.asarray(np.log(p) - np.log1p(-p))


def tempered(probability: Floats, temperature: float) -> Floats:
    """The scaled probability q, in the shape and type of ``probability``."""
    scaled = 1 / (1 + np.exp(-logit(probability) / temperature))
    return scaled.reshape(probability.shape).astype(probability.dtype)
