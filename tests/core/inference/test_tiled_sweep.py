"""Tiles of the network's grid give the native voxels of whole planes, bit for bit."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
import torch

from mobseg.inference.accumulator import StitchedMoments
from mobseg.inference.tiled_sweep import JoinedTile, TiledSweep
from tests.core.inference.test_native_sweep import CLASSIFY, Collector, make_grid, random_moments

CUTS = {
    "one tile": ((), (), ()),
    "slabs": ((3, 4), (), ()),
    "halves": ((), (4,), (5,)),
    "tiles, some of one voxel": ((2, 5), (1, 2, 6), (3, 7, 8)),
}


def whole(grid):
    return tuple(slice(0, size) for size in grid.network_shape)


def tile_boxes(grid, cuts):
    sides = [
        itertools.starmap(slice, itertools.pairwise((0, *own, size)))
        for own, size in zip(cuts, grid.network_shape, strict=True)
    ]
    return itertools.product(*sides)


@pytest.mark.parametrize("cuts", CUTS.values(), ids=CUTS)
@pytest.mark.parametrize(
    "name", ["isotropic, coarser", "isotropic, finer", "rotated axes", "thin slices become thick"]
)
def test_tiles_join_without_seams(name: str, cuts) -> None:
    grid = make_grid(name, padded=True)
    moments = random_moments(grid.network_shape)
    expected, found = Collector(grid), Collector(grid)
    TiledSweep(grid, CLASSIFY, expected).add(whole(grid), moments)
    tiled = TiledSweep(grid, CLASSIFY, found)
    for box in tile_boxes(grid, cuts):
        tiled.add(box, moments.crop(box))
    np.testing.assert_array_equal(found.classes, expected.classes)
    np.testing.assert_array_equal(found.moments, expected.moments)
    assert np.isfinite(found.moments).any()


def test_a_joined_tile_is_a_part_of_the_plane() -> None:
    mean = torch.randn(2, 3, 6, 7, generator=torch.Generator().manual_seed(0))
    moments = StitchedMoments(mean, mean[:1].square().half(), mean.abs().half())
    plane = torch.cat(
        [mean[:, 1], moments.model_variance[:, 1], moments.disagreement_variance[:, 1]]
    )
    boxes = [
        (slice(0, 3), y, x) for y in (slice(0, 4), slice(4, 6)) for x in (slice(0, 2), slice(2, 7))
    ]
    first, right, below, last = (moments.crop(box) for box in boxes)
    corner = JoinedTile(first, None, None)
    beside = JoinedTile(right, None, corner.last_column())
    under = JoinedTile(below, corner.last_row(), None)
    joined = JoinedTile(last, beside.last_row(), under.last_column())
    assert joined.channels == [2, 1, 2]
    assert torch.equal(corner.plane(1), plane[:, :4, :2])
    assert torch.equal(beside.plane(1), plane[:, :4, 1:])
    assert torch.equal(under.plane(1), plane[:, 3:, :2])
    assert torch.equal(joined.plane(1), plane[:, 3:, 1:])


def test_what_a_tile_leaves_keeps_nothing_of_its_memory() -> None:
    mean = torch.zeros(1, 3, 6, 7)
    tile = JoinedTile(StitchedMoments(mean, mean[:0], mean), None, None)
    assert tile.last_row().untyped_storage().nbytes() == 2 * 3 * 7 * 4
    assert tile.last_column().untyped_storage().nbytes() == 2 * 3 * 6 * 4
