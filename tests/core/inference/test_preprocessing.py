"""Preprocessing equals nnU-Net's DefaultPreprocessor."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from nnunetv2.preprocessing.cropping.cropping import crop_to_nonzero

from mobseg.errors import InvalidInput
from mobseg.inference.plan import NORMALIZATIONS
from mobseg.inference.preprocessing import nonzero_box, preprocess
from mobseg.volume import ScalarVolume
from tests.core.inference.cases import GRIDS, Model, make_geometry, make_volume


def assert_equals_nnunet(model: Model, volume: ScalarVolume) -> None:
    spacing = volume.geometry.spacing_kji_mm
    expected, properties = model.run_nnunet(volume.array, spacing)
    result = preprocess(volume, model.plan)
    grid = result.grid
    assert result.data.dtype.is_floating_point and result.data.dtype.itemsize == 4
    np.testing.assert_allclose(result.data.numpy(), expected, atol=1e-5, rtol=0)
    assert grid.network_shape == expected.shape[1:]
    assert [[s.start, s.stop] for s in grid.crop] == properties["bbox_used_for_cropping"]
    assert tuple(s.stop - s.start for s in grid.crop) == tuple(
        properties["shape_after_cropping_and_before_resampling"]
    )


@pytest.mark.parametrize("name", GRIDS)
def test_grids(name):
    shape, spacing, target, transpose = GRIDS[name]
    assert_equals_nnunet(Model(target, transpose), make_volume(shape, spacing))


@pytest.mark.parametrize("normalization", NORMALIZATIONS)
def test_normalizations(normalization):
    volume = make_volume((20, 22, 24), (1.0, 1.0, 1.0))
    scaled = ScalarVolume(volume.array / 500.0, volume.geometry)
    assert_equals_nnunet(Model((1.5, 1.3, 1.3), normalization=normalization), scaled)


@pytest.mark.parametrize("transpose", [(0, 1, 2), (2, 0, 1)])
def test_crops_a_border_of_zeros(transpose):
    volume = make_volume((30, 32, 34), (1.0, 1.0, 1.0))
    array = np.zeros_like(volume.array)
    inside = (slice(3, 29), slice(0, 25), slice(6, 30))
    array[inside] = volume.array[inside] + 1
    padded = ScalarVolume(array, volume.geometry)
    model = Model((1.5, 1.3, 1.4), transpose)
    assert_equals_nnunet(model, padded)
    assert preprocess(padded, model.plan).grid.native_box_kji == inside


@pytest.mark.parametrize("dtype", [np.uint8, ">i2", np.float64, np.int32])
def test_any_real_type(dtype):
    volume = make_volume((16, 18, 20), (1.0, 1.0, 1.0))
    array = np.clip(volume.array, 1, 200).astype(dtype)
    assert_equals_nnunet(Model((1.4, 1.4, 1.4)), ScalarVolume(array, volume.geometry))


def test_input_is_left_alone():
    volume = make_volume((16, 18, 20), (1.5, 1.5, 1.5))
    before = volume.array.copy()
    preprocess(volume, Model((1.5, 1.5, 1.5), normalization="NoNormalization").plan)
    preprocess(volume, Model((1.5, 1.5, 1.5)).plan)
    np.testing.assert_array_equal(volume.array, before)


@pytest.mark.parametrize("target", [(1.5, 1.3, 1.7), (0.7, 0.8, 0.6)])
def test_air_stays_one_exact_value(target):
    volume = make_volume((20, 60, 40), (1.0, 1.0, 1.0))
    volume.array[:, :40] = -1000
    data = preprocess(volume, Model(target).plan).data
    # The spline's reach is below float32 resolution about 12 voxels away from the body.
    air = data[:, :, : int(28 / target[1])]
    assert air.unique().numel() == 1


@pytest.mark.parametrize("seed", range(5))
def test_nonzero_box_equals_nnunet(seed):
    rng = np.random.default_rng(seed)
    array = np.zeros((12, 14, 16), dtype=np.int16)
    for point in rng.integers(0, 12, size=(3 - seed // 2, 3)):
        array[tuple(point)] = -5
    _, _, expected = crop_to_nonzero(array[None])
    assert [[s.start, s.stop] for s in nonzero_box(array)] == expected


def test_box_of_nothing_is_everything():
    array = np.zeros((3, 4, 5))
    _, _, expected = crop_to_nonzero(array[None])
    assert [[s.start, s.stop] for s in nonzero_box(array)] == expected == [[0, 3], [0, 4], [0, 5]]


def test_too_thin_an_image_is_refused():
    volume = ScalarVolume(np.ones((1, 20, 20)), make_geometry((1, 20, 20), (0.5, 1.0, 1.0)))
    plan = replace(Model((1.5, 1.5, 1.5)).plan, spacing_mm=(3.0, 1.5, 1.5))
    with pytest.raises(InvalidInput, match="thinner than half a voxel"):
        preprocess(volume, plan)
