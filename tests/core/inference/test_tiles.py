"""Tiles against a count of every voxel."""

from __future__ import annotations

import numpy as np
import pytest

from mobseg.inference.tiles import box_overlap, overlap, tiles_of
from mobseg.inference.windows import window_slices


@pytest.mark.parametrize("step", [0.5, 0.3, 1.0])
@pytest.mark.parametrize("cut_axes", [(), (0,), (0, 1, 2)])
def test_tiles_cover_the_grid_once_and_know_their_windows(
    step: float, cut_axes: tuple[int, ...]
) -> None:
    shape, patch = (13, 9, 6), (6, 4, 6)
    windows = window_slices(shape, patch, step)
    passes = np.zeros(shape, int)
    for window in windows:
        passes[window] += 1
    covered = np.zeros(shape, int)
    tiles = tiles_of(shape, windows, cut_axes)
    for tile in tiles:
        covered[tile.box] += 1
        in_windows = [box_overlap(tile.box, window) for window in windows]
        assert tile.planes == sum(box[0].stop - box[0].start for box in in_windows if box)
        if cut_axes == (0, 1, 2):
            # All voxels of a tile lie in the same windows.
            assert len(set(passes[tile.box].flat)) == 1
    assert (covered == 1).all()
    starts = [tuple(side.start for side in tile.box) for tile in tiles]
    assert starts == sorted(starts)
    for axis in {0, 1, 2} - set(cut_axes):
        assert {start[axis] for start in starts} == {0}


def test_ranges_that_only_touch_have_nothing_in_common() -> None:
    assert overlap(slice(0, 4), slice(4, 6)) is None
    assert overlap(slice(0, 5), slice(4, 6)) == slice(4, 5)
    box = (slice(0, 4), slice(0, 4), slice(0, 4))
    assert box_overlap(box, (slice(1, 9), slice(4, 5), slice(0, 1))) is None
    assert box_overlap(box, (slice(1, 9), slice(3, 5), slice(0, 1))) == (
        slice(1, 4),
        slice(3, 4),
        slice(0, 1),
    )
