from __future__ import annotations

import numpy as np
import pytest

from mobseg.regions import flag_regions, region_map
from tests.support.predictions import make_maps


def parts_of(scores, max_extent_mm):
    """Part of each voxel of a line along i, numbered as they come; 0 where nothing is flagged."""
    maps = make_maps(variance=np.array(scores).reshape(1, 1, -1))
    ids = region_map(maps, "variance", 0.05, min_volume_mm3=0, max_extent_mm=max_extent_mm)
    seen = {}
    return [seen.setdefault(part, len(seen) + 1) if part else 0 for part in ids.ravel().tolist()]


def test_a_component_that_fits_is_one_part():
    assert parts_of([0.1] * 10, max_extent_mm=10) == [1] * 10


def test_voxels_go_to_the_nearest_peak():
    scores = [0.1, 0.2, 0.9, 0.2, 0.1, 0.1, 0.1, 0.2, 0.8, 0.2, 0.1]
    # the first voxel that no seed covers within 4 mm is the second peak
    assert parts_of(scores, max_extent_mm=8) == [1] * 6 + [2] * 5


def test_a_tie_goes_to_the_higher_peak():
    scores = [0.2, 0.9, 0.2, 0.2, 0.2, 0.8, 0.2]
    assert parts_of(scores, max_extent_mm=6) == [1] * 4 + [2] * 3


def test_components_do_not_mix():
    # the peak is within 4 mm of the second component
    assert parts_of([0.1, 0.1, 0.1, 0.9, 0.0, 0.1, 0.1], max_extent_mm=3.5)[-2:] == [3, 3]


def test_only_long_components_are_divided():
    parts = parts_of([0.5] * 9 + [0.0] + [0.5] * 3, max_extent_mm=3)
    assert len(set(parts[:9])) == 5
    assert len(set(parts[10:])) == 1


def shell(ijk_to_ras_mm):
    """A doubtful surface of a ball of 20 mm radius."""
    shape = (48, 48, 48)
    maps = make_maps(variance=np.zeros(shape), ijk_to_ras_mm=ijk_to_ras_mm)
    k, j, i = np.indices(shape)
    ras = maps.geometry.ijk_to_ras(np.stack((i, j, k), axis=-1))
    center = maps.geometry.ijk_to_ras((23.5, 23.5, 23.5))
    distance = np.linalg.norm(ras - center, axis=-1)
    rng = np.random.default_rng(0)
    variance = np.where(np.abs(distance - 20) < 1.5, rng.uniform(0.1, 0.2, shape), 0)
    return make_maps(variance=variance, ijk_to_ras_mm=ijk_to_ras_mm), ras


OBLIQUE = np.eye(4)
OBLIQUE[:3, :3] = np.linalg.qr(np.random.default_rng(1).standard_normal((3, 3)))[0] * (
    1.0,
    1.2,
    1.5,
)


@pytest.mark.parametrize("matrix", [np.eye(4), np.diag([1.0, 1.0, 2.0, 1.0]), OBLIQUE])
def test_a_boundary_all_around_becomes_parts_that_fit_a_ball(matrix):
    maps, ras = shell(matrix)
    extent = 12.0
    ids = region_map(maps, "variance", 0.05, min_volume_mm3=0, max_extent_mm=extent)
    regions = flag_regions(maps, "variance", 0.05, min_volume_mm3=0, max_extent_mm=extent)
    np.testing.assert_array_equal(ids > 0, maps.probability_variance[0] > 0)
    assert len(regions) > 20
    for region in regions:
        points = ras[ids == region.id]
        spread = np.linalg.norm(points[:, None] - points[None], axis=-1).max()
        assert spread <= extent + 1e-6


def test_parts_are_not_crumbs():
    maps, _ = shell(np.eye(4))
    regions = flag_regions(maps, "variance", 0.05, max_extent_mm=12.0)
    # a disc of 6 mm radius and 3 mm thickness is about 340 mm^3
    assert 100 < np.median([region.volume_mm3 for region in regions]) < 340
