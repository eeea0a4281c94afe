"""Logit moments back on the native grid, where it matters.

Linear interpolation between voxels that all have the same certain class gives that class. So the network's grid
is classified first, and moments are interpolated only for the native voxels that touch a voxel in doubt, or lie
between different classes: a few percent of a CT. The others take their class by index.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Protocol

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from mobseg.certainty import IN_DOUBT
from mobseg.inference.axis import AxisSupport
from mobseg.inference.gathered_voxels import GatheredVoxels, VoxelConsumer
from mobseg.inference.preprocessing import GridRecord
from mobseg.inference.workers import run_in_threads

#: Mean (Q, *S), model variance (V, *S) and disagreement (Q, *S) to the certain class (*S), or ``IN_DOUBT``.
Classifier = Callable[[Tensor, Tensor, Tensor], Tensor]

#: Planes of the network's grid that one thread takes at a time; the plane before them is classified again.
_BLOCK_PLANES = 8

#: Numbers of the voxels of a plane that are interpolated at a time: 16 MB.
_VALUES_AT_ONCE = 4_000_000

#: Numbers of the voxels of a tile's planes that are handed on at a time: 4 MB.
_GATHERED_VALUES = 1_000_000


@dataclass(frozen=True, eq=False)
class _Plane:
    """Moments (C, y x) of one plane of the network's grid, and the classes on which its cells agree."""

    moments: Tensor
    cells: Tensor


class PlaneSource(Protocol):
    """Planes of the network's grid that follow each other."""

    @property
    def depth(self) -> int:
        """Number of planes."""

    @property
    def channels(self) -> list[int]:
        """Numbers of means, model variances and disagreements."""

    def plane(self, n: int) -> Tensor:
        """All moments (C, y, x) of a plane, on the CPU in single precision."""


class NativeSweep:
    """Passes over the network's grid along its first axis, a few planes at a time in each thread.

    Args:
        grid: the record of the preprocessing.
        axes: of the native voxels, in the order of the network's axes.
        classify: tells the certain voxels.
        consumer: takes the native voxels, in any order of the planes.
    """

    def __init__(
        self,
        grid: GridRecord,
        axes: tuple[AxisSupport, AxisSupport, AxisSupport],
        classify: Classifier,
        consumer: VoxelConsumer,
    ) -> None:
        self._classify = classify
        self._consumer = consumer
        self._axis, self._rows, self._columns = axes
        self._cell = _cell_index(self._rows)[:, None] * _cell_count(self._columns)
        self._cell = (self._cell + _cell_index(self._columns)).flatten()
        self._starts = [box.start + axis.first for box, axis in zip(grid.crop, axes, strict=True)]
        sizes = grid.native_shape_kji
        strides = (sizes[1] * sizes[2], sizes[2], 1)
        self._strides = [strides[axis] for axis in grid.transpose_forward]
        # Calls for parts of planes are small. Those for whole planes must not depend on how many come at a
        # time, as the place in a batch decides the last step of rounding.
        is_whole = (self._rows.size, self._columns.size) == grid.network_shape[1:]
        self._least = 0 if is_whole else _GATHERED_VALUES
        self._received = 0
        self._latest: _Plane | None = None

    def add(self, source: PlaneSource) -> None:
        """Take the next planes of the network's grid: all of them, or consecutive slabs."""
        self._channels = source.channels
        n = source.depth
        blocks = [slice(z, min(z + _BLOCK_PLANES, n)) for z in range(0, n, _BLOCK_PLANES)]
        run_in_threads(partial(self._sweep, source), blocks)
        self._latest = self._plane(source, n - 1)
        self._received += n

    def _sweep(self, source: PlaneSource, block: slice) -> None:
        """Hand on the native planes from the plane before a block to the last of the block."""
        previous = self._plane(source, block.start - 1) if block.start else self._latest
        gathered = GatheredVoxels(self._consumer, self._least)
        for n in range(block.start, block.stop):
            latest = self._plane(source, n)
            self._emit_next(self._received + n, previous or latest, latest, gathered)
            previous = latest
        gathered.finish()

    def _plane(self, source: PlaneSource, n: int) -> _Plane:
        plane = source.plane(n)
        classes = self._classify(*torch.split(plane, self._channels))
        for axis, support in enumerate((self._rows, self._columns)):
            classes = _agreement(classes, axis) if support.is_interpolated else classes
        return _Plane(plane.flatten(1), classes)

    def _emit_next(self, z: int, previous: _Plane, latest: _Plane, consumer: VoxelConsumer) -> None:
        """Hand on the native planes after plane ``z - 1`` of the network's grid up to plane ``z``."""
        start, stop = torch.searchsorted(self._axis.upper, torch.tensor([z, z + 1])).tolist()
        middle = start + int((self._axis.lower[start:stop] < z).sum())
        self._emit(slice(start, middle), previous, latest, consumer)
        self._emit(slice(middle, stop), latest, latest, consumer)

    def _emit(self, planes: slice, lower: _Plane, upper: _Plane, consumer: VoxelConsumer) -> None:
        """Hand on the native planes between two planes of the network's grid."""
        if planes.start == planes.stop or not len(self._cell):
            return
        cells = torch.where(lower.cells == upper.cells, lower.cells, IN_DOUBT)
        classes = cells.flatten().index_select(0, self._cell)
        box = (planes, self._rows.place, self._columns.place)
        consumer.add_classes(box, classes.view(len(self._rows.lower), -1))
        # NumPy takes a fifth of PyTorch's time to find them.
        doubtful = torch.from_numpy(np.flatnonzero(classes.numpy() == IN_DOUBT))
        for voxels in torch.split(doubtful, max(1, _VALUES_AT_ONCE // sum(self._channels))):
            if len(voxels):
                consumer.add_moments(*self._moments(planes, voxels, lower, upper))

    def _moments(
        self, planes: slice, voxels: Tensor, lower: _Plane, upper: _Plane
    ) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """Flat indices and moments of the same voxels of each plane."""
        row = voxels.div(len(self._columns.lower), rounding_mode="floor")
        column = voxels - row * len(self._columns.lower)
        interpolate = _PlaneInterpolation(self._rows, self._columns, row, column)
        first, second = interpolate.used(lower.moments), interpolate.used(upper.moments)
        weights = self._axis.weight[planes].tolist()
        values = [interpolate(torch.lerp(first, second, weight)) for weight in weights]
        index = [self._flat_index(n, row, column) for n in range(planes.start, planes.stop)]
        moments = torch.cat(values).T.contiguous()
        mean, model, disagreement = torch.split(moments, self._channels)
        return torch.cat(index), mean, model, disagreement

    def _flat_index(self, plane: int, row: Tensor, column: Tensor) -> Tensor:
        z, y, x = self._starts
        along_z, along_y, along_x = self._strides
        in_plane: Tensor = (y + row) * along_y + (x + column) * along_x
        return in_plane.add_((z + plane) * along_z)


class _PlaneInterpolation:
    """Bilinear interpolation at some voxels of a native plane, from the columns around them alone."""

    def __init__(
        self, rows: AxisSupport, columns: AxisSupport, row: Tensor, column: Tensor
    ) -> None:
        above, below = rows.lower[row] * columns.size, rows.upper[row] * columns.size
        left, right = columns.lower[column], columns.upper[column]
        corners = torch.stack((above + left, above + right, below + left, below + right))
        is_used = np.zeros(rows.size * columns.size, np.bool_)
        is_used[corners.numpy()] = True
        self._used = torch.from_numpy(np.flatnonzero(is_used))
        number = torch.empty(len(is_used), dtype=torch.int64)
        number[self._used] = torch.arange(len(self._used))
        self._corners = number[corners].T.contiguous()
        down, right = rows.weight[row], columns.weight[column]
        shares = ((1 - down) * (1 - right), (1 - down) * right, down * (1 - right), down * right)
        self._weights = torch.stack(shares, dim=1)

    def used(self, plane: Tensor) -> Tensor:
        """The columns of (C, y x) that are needed, as rows (n, C)."""
        return plane.index_select(1, self._used).T.contiguous()

    def __call__(self, used: Tensor) -> Tensor:
        """Values (n, C) at the voxels: one weighted sum of whole rows, five times as fast as lerps."""
        values: Tensor = functional.embedding_bag(
            self._corners, used, per_sample_weights=self._weights, mode="sum"
        )
        return values


def _agreement(classes: Tensor, axis: int) -> Tensor:
    """The class of neighbours along an axis, one fewer than voxels; in doubt where they differ."""
    count = classes.shape[axis] - 1
    first, second = classes.narrow(axis, 0, count), classes.narrow(axis, 1, count)
    return torch.where(first == second, first, IN_DOUBT)


def _cell_index(support: AxisSupport) -> Tensor:
    """Where the voxels lie among the cells between neighbours, or the voxels if none lies between."""
    return support.lower.clamp_max(_cell_count(support) - 1)


def _cell_count(support: AxisSupport) -> int:
    return support.size - 1 if support.is_interpolated else support.size
