"""nnU-Net's change of grid as exact separable matrix products.

nnU-Net calls ``skimage.transform.resize(mode="edge", anti_aliasing=False)``, which is linear in the
image and separable: along each axis the output is a fixed matrix times the input. Applying the band of these
matrices that is not negligible in float32 gives the same cubic spline more than an order of magnitude faster.
Along an axis of much lower resolution nnU-Net takes the nearest slice instead ("separate z").
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import torch
from scipy import ndimage
from torch import Tensor

from mobseg.inference.banded import BandedMatrix
from mobseg.inference.grid_change import PlaneChange, Volume, change_first_axis
from mobseg.inference.plan import Size

#: Ratio of the largest to the smallest spacing from which nnU-Net treats an axis separately.
ANISOTROPY_THRESHOLD = 3.0

_NEGLIGIBLE_WEIGHT = 1e-9


def separate_axis(
    force_separate_z: bool | None, current_spacing: Sequence[float], new_spacing: Sequence[float]
) -> int | None:
    """The axis that is resampled by nearest neighbour, or ``None``.

    As in nnU-Net: the axis of the largest spacing, if there is only one such axis, of the current or
    else the new grid, if that grid is anisotropic.
    """
    if force_separate_z is False:
        return None
    for spacing in (current_spacing, new_spacing):
        if force_separate_z or max(spacing) / min(spacing) > ANISOTROPY_THRESHOLD:
            coarsest = [axis for axis, s in enumerate(spacing) if max(spacing) / s == 1]
            return coarsest[0] if len(coarsest) == 1 else None
    return None


def resample(
    volume: Volume, new_shape: Size, order: int, nearest_axis: int | None = None
) -> Tensor:
    """Resample to a new shape, as nnU-Net's ``resample_data_or_seg_to_shape`` does for images.

    A cubic spline overshoots at edges; its result is limited to the range of the input, as a whole or, with
    ``nearest_axis``, per slice.

    Args:
        volume: (Z, Y, X) float32, or what gives its planes; each is asked for once.
        new_shape: size along Z, Y and X.
        order: 1 or 3.
        nearest_axis: axis (0 to 2) that is resampled by nearest neighbour.

    Returns:
        ``new_shape`` float32.
    """
    first, rows, columns = (
        _axis_matrix(n_in, n_out, 0 if axis == nearest_axis else order)
        for axis, (n_in, n_out) in enumerate(zip(volume.shape, new_shape, strict=True))
    )
    is_limited = order > 1
    measured = [axis for axis in range(3) if is_limited and axis != nearest_axis]
    planes, *limits = PlaneChange(rows, columns)(volume, measured)
    if nearest_axis is not None:
        n_in, n_out = volume.shape[nearest_axis], new_shape[nearest_axis]
        index = torch.from_numpy(nearest_indices(n_in, n_out))
        limits = [limit.index_select(nearest_axis, index) for limit in limits]
    lowest, highest = limits
    return change_first_axis(planes, first, (lowest, highest) if is_limited else None)


def _axis_matrix(n_in: int, n_out: int, order: int) -> BandedMatrix | None:
    """What changes one axis, by nearest neighbour if the order is 0; ``None`` if it stays."""
    if n_in == n_out:
        return None
    if order == 0:
        return BandedMatrix(np.eye(n_in, dtype=np.float32)[nearest_indices(n_in, n_out)])
    return BandedMatrix(axis_weights(n_in, n_out, order))


def axis_weights(n_in: int, n_out: int, order: int) -> npt.NDArray[np.float32]:
    """The (n_out, n_in) matrix of spline interpolation along one axis with replicated edges.

    A cubic spline reaches over the whole line, but its weights fall by 0.27 per voxel. Those below
    float32 resolution are set to zero: they change nothing, and as denormal numbers they would make the
    products 20 times slower.
    """
    weights: npt.NDArray[np.float64] = ndimage.zoom(
        np.eye(n_in), (n_out / n_in, 1.0), order=order, mode="nearest", grid_mode=True
    )
    weights[np.abs(weights) < _NEGLIGIBLE_WEIGHT] = 0.0
    return weights.astype(np.float32)


def nearest_indices(n_in: int, n_out: int) -> npt.NDArray[np.int64]:
    """For each output position the nearest input position; halves round up, as in scipy."""
    coordinates = n_in / n_out * (np.arange(n_out) + 0.5) - 0.5
    indices: npt.NDArray[np.float64] = np.clip(np.floor(coordinates + 0.5), 0, n_in - 1)
    return indices.astype(np.int64)


def apply_along_axis(weights: Tensor, data: Tensor, axis: int) -> Tensor:
    """Multiply every line of ``data`` along ``axis`` (1 or later) by the (n_out, n_in) ``weights``."""
    if axis == data.ndim - 1:
        return data @ weights.T
    shape = list(data.shape)
    shape[axis] = weights.shape[0]
    lines = data.flatten(axis + 1).flatten(0, axis - 1)
    return torch.matmul(weights, lines).reshape(shape)
