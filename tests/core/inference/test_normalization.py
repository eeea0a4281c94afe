"""Planes that are normalised when they are asked for; equality with nnU-Net is in test_preprocessing."""

from __future__ import annotations

import numpy as np
import torch

from mobseg.inference.normalization import Normalization, NormalizedImage

ARRAY = np.array([-1000, -200, 40, 3000], np.int16).reshape(4, 1, 1)


def test_values_are_limited_shifted_and_scaled() -> None:
    image = NormalizedImage(ARRAY, Normalization(-500.0, 1000.0, shift=40.0, scale=80.0))
    assert image.minimum == -6.75
    assert image.shape == (4, 1, 1)
    above = image[slice(0, 4)].flatten()
    torch.testing.assert_close(above + image.minimum, torch.tensor([-6.75, -3.0, 0.0, 12.0]))


def test_the_lowest_value_is_exactly_zero() -> None:
    image = NormalizedImage(ARRAY, Normalization(shift=13.7, scale=0.3))
    assert image[slice(0, 1)].item() == 0.0


def test_the_image_is_left_alone() -> None:
    array = ARRAY.astype(np.float32)
    NormalizedImage(array, Normalization(-500.0, 1000.0))[slice(0, 4)].zero_()
    np.testing.assert_array_equal(array, ARRAY)
