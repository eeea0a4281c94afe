"""A separable change of grid: each plane alone, then all planes along the first axis, on all threads."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

import torch
from torch import Tensor

from mobseg.inference.banded import BandedMatrix
from mobseg.inference.workers import run_in_threads

#: Planes, and rows of all planes, that a thread takes at a time; they stay in the processor's cache.
_PLANES, _ROWS = 2, 8


class Volume(Protocol):
    """A (Z, Y, X) float32 tensor, or what gives some of its planes as one does."""

    @property
    def shape(self) -> Sequence[int]:
        """Z, Y and X."""

    def __getitem__(self, planes: slice, /) -> Tensor:
        """(n, Y, X) float32."""


class PlaneChange:
    """Changes the last two axes.

    Args:
        rows: for the second axis, ``None`` if it stays.
        columns: for the last axis, ``None`` if it stays.
    """

    def __init__(self, rows: BandedMatrix | None, columns: BandedMatrix | None) -> None:
        self._rows, self._columns = rows, columns

    def __call__(self, volume: Volume, measured: Sequence[int]) -> tuple[Tensor, Tensor, Tensor]:
        """The planes in their new size, and the range of the old ones.

        Args:
            volume: asked for a few planes at a time, from several threads.
            measured: axes over which the range is taken.

        Returns:
            (Z, Y', X'), and the lowest and the highest values, of size 1 along the measured axes.
        """
        z, y, x = volume.shape
        result = torch.empty(z, *self._new_size(y, x))
        in_plane = [axis for axis in measured if axis > 0]
        bounds = torch.empty(2, z, *(1 if axis in in_plane else n for axis, n in ((1, y), (2, x))))

        def change(number: slice) -> None:
            planes = volume[number]
            if in_plane:
                torch.amin(planes, in_plane, keepdim=True, out=bounds[0, number])
                torch.amax(planes, in_plane, keepdim=True, out=bounds[1, number])
            for plane, target in zip(planes, result[number], strict=True):
                self._change(plane, target)

        run_in_threads(change, _pieces(z, _PLANES))
        lowest, highest = bounds
        if 0 in measured:
            lowest, highest = lowest.amin(0, keepdim=True), highest.amax(0, keepdim=True)
        return result, lowest, highest

    def _new_size(self, y: int, x: int) -> tuple[int, int]:
        return (self._rows.n_out if self._rows else y, self._columns.n_out if self._columns else x)

    def _change(self, plane: Tensor, target: Tensor) -> None:
        """(Y, X) to (Y', X')."""
        if self._rows is None or self._columns is None:
            self._change_one_axis(plane, target)
            return
        (y, x), (new_y, new_x) = plane.shape, target.shape
        # The axis that shrinks more goes first, so that the result between them is small.
        if new_y * x < y * new_x:
            between = plane.new_empty(new_y, x)
            self._rows.times_columns(plane, between)
            self._columns.times_rows(between, target)
        else:
            between = plane.new_empty(y, new_x)
            self._columns.times_rows(plane, between)
            self._rows.times_columns(between, target)

    def _change_one_axis(self, plane: Tensor, target: Tensor) -> None:
        if self._rows is not None:
            self._rows.times_columns(plane, target)
        elif self._columns is not None:
            self._columns.times_rows(plane, target)
        else:
            target.copy_(plane)


def change_first_axis(
    planes: Tensor, matrix: BandedMatrix | None, limits: tuple[Tensor, Tensor] | None
) -> Tensor:
    """Change the first axis and limit the result.

    Args:
        planes: (Z, Y, X); without a matrix they are changed in place.
        matrix: for the axis, ``None`` if it stays.
        limits: lowest and highest values, of any shape that extends to that of the result.

    Returns:
        (Z', Y, X).
    """
    result = planes if matrix is None else planes.new_empty(matrix.n_out, *planes.shape[1:])
    if limits is not None:
        lowest, highest = (limit.expand_as(result) for limit in limits)

    def change(rows: slice) -> None:
        part = result[:, rows]
        if matrix is not None:
            matrix.times_columns(planes[:, rows].flatten(1), part.flatten(1))
        if limits is not None:
            torch.clamp(part, lowest[:, rows], highest[:, rows], out=part)

    run_in_threads(change, _pieces(planes.shape[1], _ROWS))
    return result


def _pieces(size: int, length: int) -> list[slice]:
    return [slice(start, min(start + length, size)) for start in range(0, size, length)]
