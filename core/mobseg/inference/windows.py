"""Where nnU-Net puts its windows and how it weights them."""

from __future__ import annotations

import itertools
import math

import numpy as np
import torch
from scipy import ndimage
from torch import Tensor
from torch.nn import functional

from mobseg.inference.plan import Size

Window = tuple[slice, slice, slice]

#: nnU-Net's width of the importance map relative to the window, and its value at the centre.
_SIGMA_SCALE = 1 / 8
_PEAK = 10.0


def window_starts(size: int, patch: int, step: float) -> list[int]:
    """First voxels of the windows along one axis, evenly spread from edge to edge.

    Args:
        size: length of the axis, at least ``patch``.
        patch: length of a window.
        step: largest distance of neighbouring windows as a fraction of ``patch``, in (0, 1].
    """
    count = math.ceil((size - patch) / (patch * step)) + 1
    distance = (size - patch) / max(count - 1, 1)
    return [round(distance * n) for n in range(count)]


def window_slices(shape: Size, patch: Size, step: float) -> list[Window]:
    """All windows over a volume of at least the size of one window, the last axis fastest."""
    starts = [window_starts(n, p, step) for n, p in zip(shape, patch, strict=True)]
    z, y, x = patch
    return [
        (slice(a, a + z), slice(b, b + y), slice(c, c + x))
        for a, b, c in itertools.product(*starts)
    ]


def in_window(data: Tensor, window: Window) -> Tensor:
    """The part of (C, Z, Y, X) ``data`` inside a window, as a view."""
    z, y, x = window
    return data[:, z, y, x]


def gaussian_importance(patch: Size) -> Tensor:
    """The weight of each voxel of a window, (Z, Y, X) float32 and positive.

    A Gaussian around the voxel ``patch // 2`` with a standard deviation of 1/8 of the window; where it
    is cut to zero it is replaced by its smallest other value, so that every voxel has a weight.
    """
    profiles = []
    for n in patch:
        impulse = np.zeros(n)
        impulse[n // 2] = 1
        profiles.append(ndimage.gaussian_filter1d(impulse, n * _SIGMA_SCALE, mode="constant"))
    z, y, x = profiles
    weights = z[:, None, None] * y[:, None] * x
    result = torch.from_numpy((weights * (_PEAK / weights.max())).astype(np.float32))
    result[result == 0] = result[result > 0].min()
    return result


def pad_to_patch(data: Tensor, patch: Size) -> tuple[Tensor, Window]:
    """Centre an image that is smaller than a window in zeros.

    Args:
        data: (C, Z, Y, X).
        patch: the least size of the result along Z, Y and X.

    Returns:
        The padded image, and where the image lies in it.
    """
    missing = [max(p - n, 0) for p, n in zip(patch, data.shape[1:], strict=True)]
    before = [m // 2 for m in missing]
    z, y, x = (slice(b, b + n) for b, n in zip(before, data.shape[1:], strict=True))
    if not any(missing):
        return data, (z, y, x)
    pairs = [(b, m - b) for b, m in zip(before, missing, strict=True)]
    return functional.pad(data, [n for pair in reversed(pairs) for n in pair]), (z, y, x)
