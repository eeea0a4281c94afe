"""Windows, weights and padding equal nnU-Net's."""

from __future__ import annotations

import pytest
import torch
from acvl_utils.cropping_and_padding.padding import pad_nd_image
from nnunetv2.inference.sliding_window_prediction import (
    compute_gaussian,
    compute_steps_for_sliding_window,
)

from mobseg.inference.windows import (
    gaussian_importance,
    in_window,
    pad_to_patch,
    window_slices,
    window_starts,
)


@pytest.mark.parametrize("step", [0.3, 0.5, 0.8, 1.0])
def test_window_starts_equal_nnunet(step):
    for patch in (5, 16, 40, 64):
        for size in range(patch, 4 * patch, 3):
            expected = compute_steps_for_sliding_window((size,), (patch,), step)[0]
            assert window_starts(size, patch, step) == expected


def test_window_slices_cover_everything_in_order():
    windows = window_slices((20, 9, 16), (8, 9, 10), 0.5)
    assert len(windows) == 4 * 1 * 3
    assert windows[0] == (slice(0, 8), slice(0, 9), slice(0, 10))
    assert windows[1] == (slice(0, 8), slice(0, 9), slice(3, 13))
    assert windows[-1] == (slice(12, 20), slice(0, 9), slice(6, 16))
    covered = torch.zeros(20, 9, 16)
    for window in windows:
        covered[window] += 1
    assert covered.min() >= 1


@pytest.mark.parametrize("patch", [(32, 32, 32), (40, 80, 64), (5, 7, 9), (1, 16, 3)])
def test_gaussian_equals_nnunet(patch):
    expected = compute_gaussian(
        patch, value_scaling_factor=10, dtype=torch.float32, device=torch.device("cpu")
    )
    actual = gaussian_importance(patch)
    assert actual.dtype == torch.float32
    assert actual.min() > 0
    torch.testing.assert_close(actual, expected, rtol=1e-6, atol=0)


@pytest.mark.parametrize("shape", [(10, 20, 20), (7, 9, 30), (16, 17, 18), (1, 1, 1)])
def test_padding_equals_nnunet(shape):
    data = torch.randn(1, *shape, generator=torch.Generator().manual_seed(0))
    patch = (16, 16, 16)
    expected, slicer = pad_nd_image(data, patch, "constant", {"value": 0}, True, None)
    padded, inside = pad_to_patch(data, patch)
    assert torch.equal(padded, expected)
    assert inside == tuple(slicer[1:])
    assert torch.equal(in_window(padded, inside), data)
