r"""How far samples of a model are from the contours of several raters, as distributions.

The generalised energy distance (Kohl et al., NeurIPS 2018) with d = 1 - IoU:

.. math:: D^2 = 2 \, \mathbb{E} d(S, Y) - \mathbb{E} d(S, S') - \mathbb{E} d(Y, Y')

S, S' are samples and Y, Y' raters. All pairs count, each mask also with itself, so that D^2 is zero for
equal sets and never negative.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Mask = npt.NDArray[np.bool_]
Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class EnergyDistance:
    """The squared distance and its parts, each between 0 and 1.

    Attributes:
        between: mean distance of a sample and a rater.
        within_samples: mean distance of two samples, the diversity of the model.
        within_raters: mean distance of two raters, their disagreement.
    """

    between: float
    within_samples: float
    within_raters: float

    @property
    def squared(self) -> float:
        """The generalised energy distance D^2."""
        return 2 * self.between - self.within_samples - self.within_raters


def energy_distance(samples: Sequence[Mask], raters: Sequence[Mask]) -> EnergyDistance:
    """The distance of two sets of masks of one shape, neither of them empty."""
    first, second = _as_rows(samples), _as_rows(raters)
    return EnergyDistance(
        between=float(_distances(first, second).mean()),
        within_samples=float(_distances(first, first).mean()),
        within_raters=float(_distances(second, second).mean()),
    )


def _as_rows(masks: Sequence[Mask]) -> npt.NDArray[np.float32]:
    return np.stack([mask.ravel() for mask in masks]).astype(np.float32)


def _distances(first: npt.NDArray[np.float32], second: npt.NDArray[np.float32]) -> Floats:
    """1 - IoU of every pair; two empty masks agree, so their distance is 0."""
    overlap = (first @ second.T).astype(np.float64)
    union = first.sum(axis=1)[:, None] + second.sum(axis=1)[None, :] - overlap
    iou: Floats = np.divide(overlap, union, out=np.ones_like(overlap), where=union > 0)
    return 1 - iou
