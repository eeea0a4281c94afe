"""The moments of the network's grid, in tiles that are kept from their first window to their last.

Windows overlap, so the grid divides into tiles that are touched by the same windows. A tile has moments from
the first window that touches it to the last; then they are handed on and forgotten.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from mobseg.allocator import return_free_memory, returned_memory
from mobseg.covariance.form import CovarianceForm
from mobseg.inference.accumulator import MomentAccumulator, StitchedMoments
from mobseg.inference.plan import Size
from mobseg.inference.tiles import box_overlap, tiles_of
from mobseg.inference.windows import Window

#: Takes moments and their place in the image.
MomentConsumer = Callable[[Window, StitchedMoments], None]

#: Numbers in the moments of the planes of a window up to which these planes stay whole: 1 to 2 GB. Smaller
#: tiles need less memory, but each has a cost.
_WHOLE_VALUES = 500_000_000


@dataclass(eq=False)
class _Tile:
    """A box of the grid; it has no moments before the first pass and after the last.

    Attributes:
        box: where on the grid.
        planes_left: its planes in all passes that are still to come, added up.
        moments: of the passes so far.
    """

    box: Window
    planes_left: int
    moments: MomentAccumulator | None = None


@dataclass(frozen=True, eq=False)
class TilePart:
    """What a box has in common with one tile."""

    tile: _Tile
    box: Window


class Stitching:
    """Moments of all windows, kept no longer than needed.

    Args:
        shape: Z, Y and X of the padded grid.
        inside: the part of it that the image fills.
        windows: all of them, in order.
        passes: over each window.
        device: where moments are kept.
        form: what the factors are of; without one they are variances.
        consume: takes finished tiles, the last axis fastest; without it all are kept for :meth:`rest`.
    """

    def __init__(
        self,
        shape: Size,
        inside: Window,
        windows: Sequence[Window],
        passes: int,
        device: torch.device,
        form: CovarianceForm | None,
        consume: MomentConsumer | None,
    ) -> None:
        self._inside = inside
        self._device = device
        self._form = form
        self._consume = consume
        self._rest: StitchedMoments | None = None
        depth = windows[0][0].stop - windows[0][0].start
        self._is_large = _is_large((depth, *shape[1:]), form)
        cut_axes: Sequence[int] = ()
        if consume is not None:
            cut_axes = (0, 1, 2) if self._is_large else (0,)
        covers = tiles_of(shape, windows, cut_axes)
        self._tiles = [_Tile(cover.box, passes * cover.planes) for cover in covers]

    def parts(self, box: Window) -> Iterator[TilePart]:
        """What a box has in common with the tiles, in their order."""
        reached = itertools.takewhile(lambda tile: tile.box[0].start < box[0].stop, self._tiles)
        for tile in list(reached):
            common = box_overlap(tile.box, box)
            if common is not None:
                yield TilePart(tile, common)

    def add(
        self,
        part: TilePart,
        box: Window,
        mean: Tensor,
        factors: Sequence[Tensor],
        weight: Tensor,
    ) -> None:
        """Add a part of a pass; running out of memory leaves the moments as they were.

        Args:
            part: one of :meth:`parts` of the box.
            box: where on the grid.
            mean: (Q, *S) float32, of the whole box.
            factors: each (F, *S) float32, of the whole box.
            weight: (*S) float32, positive.
        """
        tile = part.tile
        if tile.moments is None:
            with returned_memory():
                tile.moments = MomentAccumulator(
                    len(mean),
                    len(factors[0]) if self._form is None else self._form.channels,
                    _size(tile.box),
                    self._device,
                    self._form,
                )
        z, y, x = _within(box, part.box)
        tile.moments.add(
            _within(tile.box, part.box),
            mean[:, z, y, x].to(self._device),
            [factor[:, z, y, x].to(self._device) for factor in factors],
            weight[z, y, x].to(self._device),
        )
        tile.planes_left -= z.stop - z.start

    def hand_on(self) -> None:
        """Hand on the tiles that no later pass touches."""
        while self._consume and self._tiles and not self._tiles[0].planes_left:
            tile = self._tiles.pop(0)
            finished = self._finish(tile)
            if finished.mean[0].numel():
                self._consume(_within(self._inside, self._filled(tile)), finished)
            self._rest = finished.without_planes()
            # The next tile needs its memory.
            del finished
            if self._is_large:
                # Some percent of all memory would lie free between the blocks of the tiles.
                return_free_memory()

    def rest(self) -> StitchedMoments:
        """After the last pass, everything that was not handed on."""
        if self._tiles:
            self._rest = self._finish(self._tiles.pop())
        assert self._rest is not None, "there are no windows"
        return self._rest

    def to(self, device: torch.device) -> None:
        """Move the moments to another device."""
        self._device = device
        for tile in self._tiles:
            if tile.moments is not None:
                tile.moments.to(device)

    def _finish(self, tile: _Tile) -> StitchedMoments:
        assert tile.moments is not None, "nothing was predicted"
        moments, tile.moments = tile.moments, None
        return moments.finish().crop(_within(tile.box, self._filled(tile)))

    def _filled(self, tile: _Tile) -> Window:
        """The part of a tile that the image fills; it may be empty."""
        z, y, x = (
            slice(start := max(own.start, image.start), max(min(own.stop, image.stop), start))
            for own, image in zip(tile.box, self._inside, strict=True)
        )
        return (z, y, x)


def _is_large(size: Size, form: CovarianceForm | None) -> bool:
    """Whether moments of so many voxels of more than two classes are to be kept in small tiles."""
    if form is None:
        return False
    z, y, x = size
    return z * y * x * (form.channels + 2 * form.classes) > _WHOLE_VALUES


def _size(box: Window) -> Size:
    z, y, x = (side.stop - side.start for side in box)
    return (z, y, x)


def _within(outer: Window, inner: Window) -> Window:
    """The place of a box, counted from the start of another."""
    z, y, x = (
        slice(own.start - start.start, own.stop - start.start)
        for own, start in zip(inner, outer, strict=True)
    )
    return (z, y, x)
