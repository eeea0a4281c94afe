"""Estimates of many labels at a voxel, of which two or three have one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from mobseg.prediction import Map


@dataclass(frozen=True, eq=False)
class LabelEstimates:
    """E[p] and Var[p] of F labels at n voxels, kept where they are not what the voxel's own label implies.

    Implied are a mean of 1 for the voxel's own label and of 0 for every other, and a variance of 0. There are
    m entries, by label and then by voxel.

    Attributes:
        channel: (m,) place of the label in the table.
        voxel: (m,) place of the voxel among the n.
        mean: (m,) E[p].
        variance: (m,) Var[p].
    """

    channel: npt.NDArray[np.uint16]
    voxel: npt.NDArray[np.int32]
    mean: Map
    variance: Map

    @classmethod
    def of(cls, mean: Map, variance: Map, is_own: npt.NDArray[np.bool_]) -> LabelEstimates:
        """From all estimates.

        Args:
            mean: (F, n).
            variance: (F, n).
            is_own: (F, n), whether the label is the voxel's own.
        """
        channel, voxel = np.nonzero((mean != is_own) | (variance != 0))
        return cls(
            channel.astype(np.uint16),
            voxel.astype(np.int32),
            mean[channel, voxel],
            variance[channel, voxel],
        )

    @classmethod
    def joined(
        cls,
        parts: Sequence[LabelEstimates],
        counts: Sequence[int],
        place: npt.NDArray[np.int64],
    ) -> LabelEstimates:
        """Of the voxels of all parts.

        Args:
            parts: one at least.
            counts: number of voxels of each.
            place: (n,) where the voxels of the parts, one part's after the other's, are among all.
        """
        first = np.cumsum([0, *counts[:-1]])
        return cls(
            np.concatenate([part.channel for part in parts]),
            np.concatenate(
                [part.voxel + np.int32(start) for part, start in zip(parts, first, strict=True)]
            ),
            np.concatenate([part.mean for part in parts]),
            np.concatenate([part.variance for part in parts]),
        ).moved(place)

    def moved(self, place: npt.NDArray[np.int64]) -> LabelEstimates:
        """With the voxels in another order, ``place`` (n,) in it."""
        voxel = place[self.voxel].astype(np.int32)
        order = np.lexsort((voxel, self.channel))
        return LabelEstimates(
            self.channel[order], voxel[order], self.mean[order], self.variance[order]
        )

    def span(self, channel: int) -> slice:
        """The entries of one label."""
        start, stop = np.searchsorted(self.channel, (channel, channel + 1))
        return slice(int(start), int(stop))
