from __future__ import annotations

import dataclasses
import itertools

import numpy as np
import pytest
from scipy import ndimage

from mobseg.errors import InvalidInput
from mobseg.labels import LabelTable
from mobseg.regions import FlaggedRegion, flag_regions, region_map
from tests.support.predictions import LEFT, RIGHT, make_maps

# i runs to the left, j to posterior, k to superior; voxels of 0.5 x 2 x 3 mm = 3 mm^3
MATRIX = np.array(
    ((-0.5, 0, 0, 10), (0, -2.0, 0, 20), (0, 0, 3.0, -30), (0, 0, 0, 1)), dtype=np.float64
)


def test_one_region_by_hand():
    variance = np.zeros((4, 5, 6))
    variance[1, 2, 3:5] = (0.08, 0.12)
    variance[2, 3, 5] = 0.10  # touches by a corner
    variance[0, 0, 0] = 0.04  # below the threshold
    probability = np.zeros_like(variance)
    probability[1, 2, 3:5] = (0.3, 0.8)
    probability[2, 3, 5] = 0.4
    labels = np.where(probability > 0.5, 3, 0)
    maps = make_maps(
        variance=variance, probability=probability, labels=labels, ijk_to_ras_mm=MATRIX
    )
    (region,) = flag_regions(maps, "variance", 0.05, min_volume_mm3=0)
    assert region == FlaggedRegion(
        id=1,
        label_value=3,
        label_name="Left gland",
        window_kji=((1, 3), (2, 4), (3, 6)),
        peak_kji=(1, 2, 4),
        peak_ras_mm=(8.0, 16.0, -27.0),
        volume_mm3=pytest.approx(9.0),
        voxel_count=3,
        peak_score=pytest.approx(0.12),
        mean_score=pytest.approx(0.10),
        expected_error_mm3=pytest.approx(3 * (0.3 + 0.2 + 0.4), rel=1e-6),
        reason="isolated",
        status="open",
    )


def test_a_voxel_at_the_threshold_is_flagged():
    variance = np.zeros((1, 1, 3))
    variance[0, 0, 1] = np.float32(0.1)
    maps = make_maps(variance=variance)
    assert len(flag_regions(maps, "variance", float(np.float32(0.1)), min_volume_mm3=0)) == 1
    assert flag_regions(maps, "variance", 0.1001, min_volume_mm3=0) == ()


def test_regions_are_ranked_by_expected_error_not_by_size_or_score():
    variance = np.zeros((1, 1, 9))
    probability = np.zeros_like(variance)
    variance[0, 0, 0:4], probability[0, 0, 0:4] = 0.06, 0.05  # large, error 0.2
    variance[0, 0, 5], probability[0, 0, 5] = 0.20, 0.1  # high score, error 0.1
    variance[0, 0, 7:9], probability[0, 0, 7:9] = 0.05, 0.45  # error 0.9
    maps = make_maps(variance=variance, probability=probability)
    regions = flag_regions(maps, "variance", 0.05, min_volume_mm3=0)
    assert [region.id for region in regions] == [1, 2, 3]
    assert [region.peak_kji[2] for region in regions] == [7, 0, 5]
    assert [region.expected_error_mm3 for region in regions] == pytest.approx([0.9, 0.2, 0.1])


def test_small_components_are_left_out():
    variance = np.zeros((1, 1, 9))
    variance[0, 0, 0:2] = 0.1
    variance[0, 0, 4:7] = 0.1
    maps = make_maps(variance=variance, ijk_to_ras_mm=MATRIX)
    assert [r.voxel_count for r in flag_regions(maps, "variance", 0.05, min_volume_mm3=9)] == [3]
    assert flag_regions(maps, "variance", 0.05, min_volume_mm3=9.1) == ()


def test_the_label_is_the_one_with_the_largest_summed_probability():
    variance = np.zeros((2, 1, 1, 3))
    variance[0] = 0.1
    left, right = [[[0.5, 0.0, 0.0]]], [[[0.1, 0.3, 0.2]]]
    maps = make_maps(variance=variance, probability=[left, right], table=LabelTable((LEFT, RIGHT)))
    (region,) = flag_regions(maps, "variance", 0.05, min_volume_mm3=0)
    assert (region.label_value, region.label_name) == (7, "Right gland")


def test_any_map_can_flag():
    probability = np.array([[[0.02, 0.3, 0.02, 0.1]]])
    maps = make_maps(variance=np.zeros((1, 1, 4)), probability=probability)
    assert flag_regions(maps, "variance", 0.05, min_volume_mm3=0) == ()
    regions = flag_regions(maps, "error_probability", 0.05, min_volume_mm3=0)
    assert [region.peak_score for region in regions] == pytest.approx([0.3, 0.1])


@pytest.mark.parametrize("threshold", [0.0, -0.1, np.nan, np.inf])
def test_a_threshold_that_is_not_positive_is_refused(threshold):
    with pytest.raises(InvalidInput, match="positive"):
        flag_regions(make_maps(variance=np.zeros((1, 1, 1))), "variance", threshold)


def test_an_unknown_map_is_refused():
    with pytest.raises(InvalidInput, match="confidence"):
        flag_regions(make_maps(variance=np.zeros((1, 1, 1))), "confidence", 0.1)


def noisy_maps(seed=0, shape=(20, 24, 28)):
    """A wavy boundary in doubt, with loose components around it."""
    rng = np.random.default_rng(seed)
    noise = ndimage.gaussian_filter(rng.standard_normal(shape), 1.5)
    k, j, i = (np.arange(n) - (n - 1) / 2 for n in shape)
    distance = np.sqrt((k[:, None, None] * 1.2) ** 2 + (j[:, None] * 1.1) ** 2 + i**2)
    logit = (8 - distance) + 12 * noise
    probability = 1 / (1 + np.exp(-logit))
    variance = probability * (1 - probability) * rng.uniform(0.5, 1.0, shape)
    matrix = np.diag([-1.1, -1.2, 1.7, 1.0])
    matrix[:3, 3] = (14.0, 17.0, -9.0)
    return make_maps(
        variance=variance,
        probability=probability,
        labels=np.where(probability > 0.5, 3, 0),
        ijk_to_ras_mm=matrix,
    )


def reordered(maps, axes, flips):
    """The same patient in a file that stores its axes (k, j, i) in another order."""

    def turn(array):
        turned = (
            np.flip(array.transpose([axis - 3 for axis in axes]), flips)
            if array.ndim == 3
            else (np.stack([turn(channel) for channel in array]))
        )
        return np.ascontiguousarray(turned)

    index_ijk = np.zeros((4, 4))  # from new to old indices (i, j, k, 1)
    index_ijk[3, 3] = 1
    for new, old in enumerate(axes):
        size = maps.geometry.shape_kji[old]
        index_ijk[2 - old, 2 - new] = -1 if new in flips else 1
        index_ijk[2 - old, 3] = size - 1 if new in flips else 0
    shape = tuple(maps.geometry.shape_kji[old] for old in axes)
    arrays = {
        field.name: turn(value)
        for field in dataclasses.fields(maps)
        if isinstance(value := getattr(maps, field.name), np.ndarray)
    }
    geometry = type(maps.geometry)(shape, maps.geometry.ijk_to_ras_mm @ index_ijk)
    return dataclasses.replace(maps, geometry=geometry, **arrays)


ORDERS = [
    ((0, 1, 2), (2,)),
    ((0, 1, 2), (0, 1)),
    ((2, 0, 1), ()),
    ((1, 2, 0), (0, 2)),
]


@pytest.mark.parametrize(("axes", "flips"), ORDERS)
def test_the_regions_do_not_depend_on_the_order_of_the_axes(axes, flips):
    maps = noisy_maps()
    options = {"min_volume_mm3": 5.0, "max_extent_mm": 9.0}
    original = flag_regions(maps, "variance", 0.1, **options)
    turned = flag_regions(reordered(maps, axes, flips), "variance", 0.1, **options)
    assert len(original) == len(turned) > 10
    for one, other in zip(original, turned, strict=True):
        np.testing.assert_allclose(one.peak_ras_mm, other.peak_ras_mm, atol=1e-9)
        assert one.expected_error_mm3 == pytest.approx(other.expected_error_mm3, abs=1e-9)
        assert (one.reason, one.voxel_count) == (other.reason, other.voxel_count)


def test_equal_regions_are_ranked_by_position_in_the_patient():
    variance = np.zeros((3, 3, 3))
    corners = list(itertools.product((0, 2), repeat=3))
    for corner in corners:
        variance[corner] = 0.1
    # i to the right, j to anterior, k to superior: the order of the corners is that of the patient
    maps = make_maps(variance=variance)
    for turned in (maps, reordered(maps, (2, 0, 1), (1,))):
        regions = flag_regions(turned, "variance", 0.05, min_volume_mm3=0)
        found = [tuple(region.peak_ras_mm[::-1]) for region in regions]
        assert found == [tuple(map(float, corner)) for corner in corners]


def test_the_region_map_holds_the_voxels_of_the_regions():
    maps = noisy_maps()
    options = {"min_volume_mm3": 5.0, "max_extent_mm": 9.0}
    regions = flag_regions(maps, "variance", 0.1, **options)
    ids = region_map(maps, "variance", 0.1, **options)
    assert ids.dtype == np.int32
    assert set(np.unique(ids)) == set(range(len(regions) + 1))
    assert (maps.probability_variance[0][ids > 0] >= np.float32(0.1)).all()
    for region, window in zip(regions, ndimage.find_objects(ids), strict=True):
        assert region.window_kji == tuple((s.start, s.stop) for s in window)
        assert region.voxel_count == np.count_nonzero(ids == region.id)
        assert ids[region.peak_kji] == region.id
        scores = maps.probability_variance[0][ids == region.id]
        assert region.peak_score == scores.max()
        assert region.mean_score == pytest.approx(scores.mean(), rel=1e-5)


def test_nothing_flagged_gives_an_empty_map():
    maps = make_maps(variance=np.zeros((2, 2, 2)))
    assert not region_map(maps, "variance", 0.1).any()
