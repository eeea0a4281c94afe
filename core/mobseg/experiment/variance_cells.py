"""Voxels with nearly equal moments as one: a few thousand cells stand for the millions of a case."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields

import numpy as np
import torch
from torch import Tensor

from mobseg.experiment.native_moments import NativeMoments
from mobseg.moments import log_expected_sigmoid

#: Width of the cells: relative beyond the offset, absolute below it.
_STEPS = {
    "margin": (0.05, 2.0),
    "variance": (0.3, 0.02),
    "disagreement": (0.5, 0.02),
    "distance_mm": (0.1, 5.0),
}


@dataclass(frozen=True, eq=False)
class VarianceCells:
    """Means over the voxels of C cells; all arrays are (C,) float64.

    Which side of zero the mean lies on does not matter: the likelihood of a label is that of the label
    map being right, or of its being wrong.

    Attributes:
        margin: |m|, the size of the mean of the difference of the two logits.
        variance: that the model predicts.
        disagreement: variance between windows, mirrors and folds.
        distance_mm: to the nearest voxel with the other label.
        right: share of the raters who agree with the label map.
        voxels: number of voxels.
        band: 1 in the boundary band, otherwise 0.
    """

    margin: Tensor
    variance: Tensor
    disagreement: Tensor
    distance_mm: Tensor
    right: Tensor
    voxels: Tensor
    band: Tensor

    @classmethod
    def of(cls, moments: NativeMoments) -> VarianceCells:
        """The cells of one case."""
        values = {
            "margin": moments.mean.abs(),
            "variance": moments.variance,
            "disagreement": moments.disagreement,
            "distance_mm": moments.distance_mm,
        }
        key = moments.band.numpy().astype(np.int64)
        for name, (step, offset) in _STEPS.items():
            position = np.floor(np.log1p(values[name].numpy() / offset) / step).astype(np.int64)
            key = key * (position.max() + 1) + position
        _, cell, count = np.unique(key, return_inverse=True, return_counts=True)
        right = torch.where(moments.mean > 0, moments.share, 1 - moments.share)

        def mean(column: Tensor) -> Tensor:
            total = np.bincount(cell, weights=column.double().numpy())
            return torch.from_numpy(total / count)

        return cls(
            **{name: mean(column) for name, column in values.items()},
            right=mean(right),
            voxels=torch.from_numpy(count).double(),
            band=mean(moments.band),
        )

    @classmethod
    def joined(cls, parts: Sequence[VarianceCells]) -> VarianceCells:
        """The cells of several cases."""
        names = [field.name for field in fields(cls)]
        return cls(*(torch.cat([getattr(part, name) for part in parts]) for name in names))

    @property
    def n_wrong(self) -> float:
        """Number of voxels on which label map and rater differ, the mean over raters."""
        return float((self.voxels * (1 - self.right)).sum())

    def nll(self, factor: Tensor | float) -> Tensor:
        """(C,) summed negative log-likelihood over the voxels of each cell, the mean over raters.

        Args:
            factor: (C,) on the standard deviation that the model predicts.
        """
        variance = self.variance * factor**2 + self.disagreement
        right = log_expected_sigmoid(self.margin, variance)
        wrong = log_expected_sigmoid(-self.margin, variance)
        return -self.voxels * (self.right * right + (1 - self.right) * wrong)

    def expected_wrong(self, factor: Tensor | float) -> float:
        """Number of voxels that the model expects to be wrong."""
        variance = self.variance * factor**2 + self.disagreement
        return float((self.voxels * log_expected_sigmoid(-self.margin, variance).exp()).sum())
