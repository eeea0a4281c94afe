from __future__ import annotations

import numpy as np
import pytest
from scipy import ndimage

from mobseg.errors import InvalidInput
from mobseg.regions import RegionIndex, ScoredPrediction, flag_regions, region_map
from tests.core.regions.oracle import regions_as_sets
from tests.core.regions.test_flagging import ORDERS, noisy_maps, reordered
from tests.support.predictions import make_maps

THRESHOLDS = (0.02, 0.05, 0.1, 0.17, 0.2, 0.24)
OPTIONS = {"min_volume_mm3": 5.0, "max_extent_mm": 9.0}


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("score", ["variance", "error_probability"])
def test_every_threshold_gives_what_flagging_at_it_gives(score, seed):
    maps = noisy_maps(seed)
    index = RegionIndex(ScoredPrediction.of(maps, score), THRESHOLDS[0], **OPTIONS)
    for threshold in (*THRESHOLDS, *reversed(THRESHOLDS)):
        flagged = index.flag(threshold)
        assert flagged.regions == flag_regions(maps, score, threshold, **OPTIONS)
        ids = np.zeros(maps.geometry.shape_kji, np.int32)
        ids[tuple(flagged.kji)] = flagged.region_id
        np.testing.assert_array_equal(ids, region_map(maps, score, threshold, **OPTIONS))


@pytest.mark.parametrize(("axes", "flips"), ORDERS)
def test_the_order_of_the_axes_does_not_matter_at_any_threshold(axes, flips):
    maps = noisy_maps()
    turned = reordered(maps, axes, flips)
    index, other = (
        RegionIndex(ScoredPrediction.of(one, "variance"), 0.05, **OPTIONS) for one in (maps, turned)
    )
    for threshold in THRESHOLDS[1:]:
        for one, two in zip(
            index.flag(threshold).regions, other.flag(threshold).regions, strict=True
        ):
            np.testing.assert_allclose(one.peak_ras_mm, two.peak_ras_mm, atol=1e-9)
            assert (one.reason, one.voxel_count) == (two.reason, two.voxel_count)


@pytest.mark.parametrize("steps", [7, 60, 10**6])
def test_regions_are_those_of_the_definition(steps):
    """Also with many equal scores, as maps are stored rounded."""
    noise = ndimage.gaussian_filter(np.random.default_rng(3).standard_normal((12, 14, 16)), 1.2)
    variance = np.clip(0.05 + 0.15 * noise / noise.max(), 0, None)
    variance = (np.rint(variance * steps / 0.25) / steps * 0.25).astype(np.float32)
    spacing = (2.0, 1.0, 1.0)
    maps = make_maps(variance=variance, ijk_to_ras_mm=np.diag([*spacing[::-1], 1.0]))
    index = RegionIndex(ScoredPrediction.of(maps, "variance"), 0.04, **OPTIONS)
    for threshold in (0.04, 0.06, 0.09, 0.12):
        flagged = index.flag(threshold)
        found = {
            frozenset(map(tuple, flagged.voxels(region.id).T.tolist()))
            for region in flagged.regions
        }
        assert found == regions_as_sets(variance, spacing, threshold, **OPTIONS)
    assert len(index.flag(0.04).regions) > 5


def test_nothing_flagged():
    index = RegionIndex(
        ScoredPrediction.of(make_maps(variance=np.zeros((3, 4, 5))), "variance"), 0.1
    )
    flagged = index.flag(0.2)
    assert flagged.regions == ()
    assert flagged.kji.shape == (3, 0)


@pytest.mark.parametrize("threshold", [0.04, np.nan, np.inf, -1.0])
def test_a_threshold_below_the_lowest_is_refused(threshold):
    index = RegionIndex(ScoredPrediction.of(noisy_maps(), "variance"), 0.05)
    with pytest.raises(InvalidInput, match=r"from 0\.05 on"):
        index.flag(threshold)


@pytest.mark.parametrize("lowest", [0.0, -0.1, np.nan, np.inf])
def test_a_lowest_threshold_that_is_not_positive_is_refused(lowest):
    with pytest.raises(InvalidInput, match="positive"):
        RegionIndex(ScoredPrediction.of(noisy_maps(), "variance"), lowest)
