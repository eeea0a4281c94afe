"""Where the voxels of one axis of the native grid lie between those of the network's grid."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from mobseg.inference.preprocessing import GridRecord
from mobseg.inference.resampling import nearest_indices


@dataclass(frozen=True, eq=False)
class AxisSupport:
    """For each of the n native voxels along an axis, the two network voxels it is interpolated from.

    Attributes:
        size: number of network voxels.
        lower: (n,) int64, ascending.
        upper: (n,) int64, ``lower`` or one more.
        weight: (n,) float32 in [0, 1), the share of ``upper``.
        first: how many native voxels come before.
    """

    size: int
    lower: Tensor
    upper: Tensor
    weight: Tensor
    first: int = 0

    @classmethod
    def linear(cls, size: int, n: int) -> AxisSupport:
        """Linear interpolation with replicated edges, as nnU-Net's; voxels keep their extent."""
        position = (size / n * (torch.arange(n, dtype=torch.float64) + 0.5) - 0.5).clamp(
            0, size - 1
        )
        lower = position.long()
        upper = lower if size == n else (lower + 1).clamp_max(size - 1)
        return cls(size, lower, upper, (position - lower).float())

    @classmethod
    def nearest(cls, size: int, n: int) -> AxisSupport:
        """The nearest voxel."""
        index = torch.from_numpy(nearest_indices(size, n))
        return cls(size, index, index, torch.zeros(n))

    def part(self, voxels: slice) -> AxisSupport:
        """The native voxels whose upper network voxel is one of a range.

        The part counts network voxels from the one before the range, if there is one.
        """
        start, stop = torch.searchsorted(
            self.upper, torch.tensor([voxels.start, voxels.stop])
        ).tolist()
        before = max(voxels.start - 1, 0)
        return AxisSupport(
            voxels.stop - before,
            self.lower[start:stop] - before,
            self.upper[start:stop] - before,
            self.weight[start:stop],
            self.first + start,
        )

    @property
    def place(self) -> slice:
        """The native voxels along the axis."""
        return slice(self.first, self.first + len(self.lower))

    @property
    def is_interpolated(self) -> bool:
        """Whether any voxel lies between two others."""
        return bool((self.upper > self.lower).any())


def native_axes(grid: GridRecord) -> tuple[AxisSupport, AxisSupport, AxisSupport]:
    """The axes of the native box, in the order of the network's axes."""
    z, y, x = (
        (AxisSupport.nearest if axis == grid.nearest_axis else AxisSupport.linear)(
            size, box.stop - box.start
        )
        for axis, (size, box) in enumerate(zip(grid.network_shape, grid.crop, strict=True))
    )
    return (z, y, x)
