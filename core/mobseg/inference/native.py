"""Logit moments back on the native grid, slab by slab."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import torch
from torch import Tensor
from torch.nn import functional

from mobseg.inference.accumulator import StitchedMoments
from mobseg.inference.preprocessing import GridRecord
from mobseg.inference.resampling import apply_along_axis, axis_weights, nearest_indices

Consumer = Callable[[slice, Tensor, Tensor, Tensor], None]

#: Largest number of values (channels x voxels) in one slab: 2 MB, which stay in the processor's cache.
_SLAB_VALUES = 500_000


def to_native(stitched: StitchedMoments, grid: GridRecord, consume: Consumer) -> None:
    """Resample moments to the native grid and hand them on in slabs along the native first axis.

    Equal to what nnU-Net does with logits: linear, with the nearest slice along an axis of much lower
    resolution. Only one slab exists at full resolution at a time.

    Args:
        stitched: moments on the network's grid, of spatial shape ``grid.network_shape``.
        grid: the record of the preprocessing.
        consume: called for every slab in ascending order with the slice of the native first axis and
            the mean (Q, k, J, I), model variance (V, k, J, I) and disagreement variance (Q, k, J, I)
            in native axis order, on the device of ``stitched``. J and I span
            ``grid.native_box_kji[1:]``. Slabs cover the native box only; outside it nnU-Net sets
            background.
    """
    moments = (stitched.mean, stitched.model_variance, stitched.disagreement_variance)
    axes = (0, *(1 + axis for axis in grid.transpose_backward))
    native_order = [moment.permute(axes) for moment in moments]
    resampler = _SlabResampler(grid, stitched.mean.device)
    first = grid.native_box_kji[0].start
    for slab in _slabs(grid, sum(len(moment) for moment in moments)):
        mean, model_variance, disagreement = (resampler(moment, slab) for moment in native_order)
        consume(slice(first + slab.start, first + slab.stop), mean, model_variance, disagreement)


def _slabs(grid: GridRecord, channels: int) -> Iterator[slice]:
    """Slices of the native box's first axis, counted from the start of the box."""
    k, j, i = (axis.stop - axis.start for axis in grid.native_box_kji)
    thickness = max(1, _SLAB_VALUES // (channels * j * i))
    for start in range(0, k, thickness):
        yield slice(start, min(start + thickness, k))


class _SlabResampler:
    """Computes a slab of the native box from a volume on the network's grid in native axis order."""

    def __init__(self, grid: GridRecord, device: torch.device) -> None:
        n_in = [grid.network_shape[axis] for axis in grid.transpose_backward]
        n_out = [axis.stop - axis.start for axis in grid.native_box_kji]
        nearest = None if grid.nearest_axis is None else grid.transpose_forward[grid.nearest_axis]
        self._rows = _weights(n_in[0], n_out[0], nearest == 0).to(device)
        self._plane = (n_out[1], n_out[2])
        self._nearest_in_plane: tuple[int, Tensor] | None = None
        if nearest in (1, 2):
            index = torch.from_numpy(nearest_indices(n_in[nearest], n_out[nearest]))
            self._nearest_in_plane = (1 + nearest, index.to(device))

    def __call__(self, volume: Tensor, slab: slice) -> Tensor:
        """(C, K, J, I) on the network's grid to (C, k, J, I) on the native grid."""
        rows = self._rows[slab]
        used = rows.any(dim=0).nonzero()
        support = slice(int(used[0]), int(used[-1]) + 1)
        result = apply_along_axis(rows[:, support], volume[:, support].float(), 1)
        if self._nearest_in_plane is not None:
            result = result.index_select(*self._nearest_in_plane)
        return functional.interpolate(result, self._plane, mode="bilinear", align_corners=False)


def _weights(n_in: int, n_out: int, nearest: bool) -> Tensor:
    if nearest:
        return torch.eye(n_in)[torch.from_numpy(nearest_indices(n_in, n_out))]
    return torch.from_numpy(axis_weights(n_in, n_out, order=1))
