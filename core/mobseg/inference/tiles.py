"""Tiles of the network's grid: the boxes between the edges of windows."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass

from mobseg.inference.plan import Size
from mobseg.inference.windows import Window


@dataclass(frozen=True)
class TileCover:
    """A tile, and how much windows cover of it.

    Attributes:
        box: where on the grid.
        planes: its planes in each window that touches it, all added up.
    """

    box: Window
    planes: int


def tiles_of(shape: Size, windows: Sequence[Window], cut_axes: Sequence[int]) -> list[TileCover]:
    """All tiles, the last axis fastest.

    Args:
        shape: Z, Y and X of the grid.
        windows: of all combinations of some places along each axis; together they cover the grid.
        cut_axes: along the other axes tiles reach from end to end.
    """
    places = [_places(windows, axis) for axis in range(3)]
    pieces = [
        _pieces(size, places[axis] if axis in cut_axes else []) for axis, size in enumerate(shape)
    ]
    tiles = []
    for z, y, x in itertools.product(*pieces):
        depths = (
            common.stop - common.start for place in places[0] if (common := overlap(z, place))
        )
        rows, columns = (
            sum(overlap(piece, place) is not None for place in places[axis])
            for axis, piece in ((1, y), (2, x))
        )
        tiles.append(TileCover((z, y, x), sum(depths) * rows * columns))
    return tiles


def overlap(first: slice, second: slice) -> slice | None:
    """What two ranges have in common."""
    start, stop = max(first.start, second.start), min(first.stop, second.stop)
    return slice(start, stop) if start < stop else None


def box_overlap(first: Window, second: Window) -> Window | None:
    """What two boxes have in common."""
    z, y, x = (overlap(*pair) for pair in zip(first, second, strict=True))
    return (z, y, x) if z and y and x else None


def _places(windows: Sequence[Window], axis: int) -> list[slice]:
    ends = {(window[axis].start, window[axis].stop) for window in windows}
    return [slice(*pair) for pair in sorted(ends)]


def _pieces(size: int, places: Sequence[slice]) -> list[slice]:
    edges = {0, size} | {edge for place in places for edge in (place.start, place.stop)}
    return [slice(*pair) for pair in itertools.pairwise(sorted(edges))]
