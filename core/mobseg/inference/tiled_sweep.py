"""Tiles of the network's grid, one by one, back to the native grid.

Native voxels lie between voxels of neighbouring tiles as well. So each tile is joined with the last column and
the last row of the tiles before it, and every sweep keeps the last plane of its tiles.
"""

from __future__ import annotations

import torch
from torch import Tensor

from mobseg.inference.accumulator import StitchedMoments
from mobseg.inference.axis import native_axes
from mobseg.inference.gathered_voxels import VoxelConsumer
from mobseg.inference.native_sweep import Classifier, NativeSweep
from mobseg.inference.preprocessing import GridRecord
from mobseg.inference.windows import Window


class TiledSweep:
    """Takes the network's grid in tiles; whole planes are tiles, too.

    Args:
        grid: the record of the preprocessing.
        classify: tells the certain voxels.
        consumer: takes the native voxels, in any order.
    """

    def __init__(self, grid: GridRecord, classify: Classifier, consumer: VoxelConsumer) -> None:
        self._grid = grid
        self._axes = native_axes(grid)
        self._classify = classify
        self._consumer = consumer
        self._sweeps: dict[tuple[int, int], NativeSweep] = {}
        self._rows: dict[int, Tensor] = {}
        self._column: Tensor | None = None

    def add(self, box: Window, moments: StitchedMoments) -> None:
        """Take the next tile, the last axis fastest.

        Tiles that follow each other along the first axis have the same place along the others.

        Args:
            box: where on the network's grid.
            moments: of its voxels.
        """
        _, y, x = box
        tile = JoinedTile(
            moments,
            self._rows.get(x.start) if y.start else None,
            self._column if x.start else None,
        )
        if (y.start, x.start) not in self._sweeps:
            self._sweeps[y.start, x.start] = self._sweep_of(y, x)
        self._sweeps[y.start, x.start].add(tile)
        _, height, width = self._grid.network_shape
        if y.stop < height:
            self._rows[x.start] = tile.last_row()
        if x.stop < width:
            self._column = tile.last_column()

    def _sweep_of(self, y: slice, x: slice) -> NativeSweep:
        first, rows, columns = self._axes
        axes = (first, rows.part(y), columns.part(x))
        return NativeSweep(self._grid, axes, self._classify, self._consumer)


class JoinedTile:
    """A tile's moments, plane by plane, with what comes before its first row and column.

    Args:
        moments: of the tile.
        row: (C, Z, 1, [1 +] X), the row before it, from the column before it; ``None`` at the edge.
        column: (C, Z, Y, 1), the column before it; ``None`` at the edge.
    """

    def __init__(self, moments: StitchedMoments, row: Tensor | None, column: Tensor | None) -> None:
        self._volumes = (moments.mean, moments.model_variance, moments.disagreement_variance)
        self._row = row
        self._column = column

    @property
    def depth(self) -> int:
        """Number of planes."""
        return self._volumes[0].shape[1]

    @property
    def channels(self) -> list[int]:
        """Numbers of means, model variances and disagreements."""
        return [len(volume) for volume in self._volumes]

    def plane(self, n: int) -> Tensor:
        """All moments (C, [1 +] Y, [1 +] X) of a plane, on the CPU in single precision."""
        _, _, height, width = self._volumes[0].shape
        above, before = self._row is not None, self._column is not None
        plane = torch.empty(sum(self.channels), above + height, before + width)
        parts = torch.split(plane[:, int(above) :, int(before) :], self.channels)
        for part, volume in zip(parts, self._volumes, strict=True):
            part.copy_(volume[:, n])
        if self._column is not None:
            plane[:, int(above) :, :1] = self._column[:, n]
        if self._row is not None:
            plane[:, :1] = self._row[:, n]
        return plane

    def last_row(self) -> Tensor:
        """(C, Z, 1, [1 +] X), a copy."""
        row = torch.cat([volume[:, :, -1:] for volume in self._volumes]).cpu()
        return row if self._column is None else torch.cat([self._column[:, :, -1:], row], dim=3)

    def last_column(self) -> Tensor:
        """(C, Z, Y, 1), a copy."""
        return torch.cat([volume[..., -1:] for volume in self._volumes]).cpu()
