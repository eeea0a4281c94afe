"""Resampling equals nnU-Net's, which is skimage in float64."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from nnunetv2.preprocessing.resampling.default_resampling import (
    determine_do_sep_z_and_axis,
    resample_data_or_seg_to_shape,
)
from nnunetv2.preprocessing.resampling.resample_torch import resample_torch_fornnunet
from scipy import ndimage

from mobseg.inference.resampling import (
    axis_weights,
    nearest_indices,
    separate_axis,
)
from mobseg.inference.resampling import resample as resample_channel

ISOTROPIC = (1.0, 1.0, 1.0)


def resample(data: torch.Tensor, *arguments: object, **keywords: object) -> torch.Tensor:
    return torch.stack([resample_channel(channel, *arguments, **keywords) for channel in data])


def noise(shape: tuple[int, ...], seed: int = 0) -> np.ndarray:
    """Noise has the strongest overshoots, so the limits of the range matter."""
    return np.random.default_rng(seed).standard_normal(shape).astype(np.float32)


@pytest.mark.parametrize("order", [1, 3])
@pytest.mark.parametrize(
    ("shape", "new_shape"),
    [
        ((20, 24, 28), (13, 17, 15)),
        ((9, 11, 13), (20, 17, 31)),
        ((20, 9, 14), (11, 21, 14)),
        ((1, 12, 12), (4, 7, 12)),
        ((12, 12, 12), (1, 24, 6)),
        ((16, 16, 16), (16, 16, 16)),
        ((3, 4, 400), (3, 5, 171)),
    ],
)
def test_resample_equals_nnunet(shape, new_shape, order):
    data = noise((2, *shape))
    data[1] = 5 * data[1] + 3
    expected = resample_data_or_seg_to_shape(
        data.copy(), new_shape, ISOTROPIC, ISOTROPIC, order=order, force_separate_z=False
    )
    actual = resample(torch.from_numpy(data), new_shape, order)
    np.testing.assert_allclose(actual.numpy(), expected, atol=1e-5, rtol=0)


@pytest.mark.parametrize("order", [1, 3])
@pytest.mark.parametrize("axis", [0, 1, 2])
@pytest.mark.parametrize("n_out", [5, 10, 13, 20, 40])
def test_separate_axis_equals_nnunet(axis, n_out, order):
    shape, new_shape = [16, 16, 16], [11, 11, 11]
    shape[axis], new_shape[axis] = 10, n_out
    new_shape[(axis + 1) % 3] = 23
    spacing = [1.0, 1.0, 1.0]
    spacing[axis] = 5.0
    data = noise((1, *shape))
    # Slices of very different ranges: the spline is limited to the range of each slice.
    data *= np.moveaxis(np.linspace(0.1, 3, 10, dtype=np.float32)[:, None, None, None], 0, 1 + axis)
    expected = resample_data_or_seg_to_shape(
        data.copy(), new_shape, spacing, ISOTROPIC, order=order, order_z=0, force_separate_z=None
    )
    actual = resample(torch.from_numpy(data), tuple(new_shape), order, nearest_axis=axis)
    np.testing.assert_allclose(actual.numpy(), expected, atol=1e-5, rtol=0)


def test_order_1_equals_nnunets_resampling_in_torch():
    data = torch.from_numpy(noise((2, 6, 20, 22)))
    expected = resample_torch_fornnunet(data, (12, 13, 31), (5.0, 1.0, 1.0), ISOTROPIC)
    actual = resample(data, (12, 13, 31), 1, nearest_axis=0)
    torch.testing.assert_close(actual, expected, atol=1e-5, rtol=0)


def test_separate_axis_choice_equals_nnunet():
    rng = np.random.default_rng(0)
    values = [0.5, 0.7, 1.0, 1.6, 3.0, 5.0]
    for _ in range(500):
        current, new = rng.choice(values, 3).tolist(), rng.choice(values, 3).tolist()
        for force in (None, True, False):
            expected_separate, expected = determine_do_sep_z_and_axis(force, current, new)
            assert (expected is not None) == expected_separate
            assert separate_axis(force, current, new) == expected


def test_nearest_indices_equal_scipy():
    for n_in in range(1, 30):
        for n_out in range(1, 50):
            coordinates = n_in / n_out * (np.arange(n_out) + 0.5) - 0.5
            expected = ndimage.map_coordinates(
                np.arange(n_in, dtype=float), coordinates[None], order=0, mode="nearest"
            )
            np.testing.assert_array_equal(nearest_indices(n_in, n_out), expected)


@pytest.mark.parametrize("order", [1, 3])
def test_weights_reproduce_constants(order):
    for n_in, n_out in [(1, 5), (7, 3), (40, 61), (64, 64)]:
        np.testing.assert_allclose(axis_weights(n_in, n_out, order).sum(1), 1, atol=1e-6)


def test_weights_hold_no_denormal_numbers():
    """They would make the products 20 times slower."""
    weights = np.abs(axis_weights(400, 171, 3))
    assert weights[weights > 0].min() > np.finfo(np.float32).tiny


def test_result_stays_in_the_range_of_the_input():
    data = torch.zeros(1, 12, 12, 12)
    data[:, 6:] = 1.0
    result = resample(data, (30, 12, 12), 3)
    assert result.min() == 0.0
    assert result.max() == 1.0


def test_same_shape_changes_nothing():
    data = torch.rand(1, 4, 5, 6)
    torch.testing.assert_close(resample(data, (4, 5, 6), 3), data, rtol=0, atol=0)
