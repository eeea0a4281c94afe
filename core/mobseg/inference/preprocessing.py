"""From a CT to the network's input, equal to nnU-Net's ``DefaultPreprocessor``, and the way back."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from torch import Tensor

from mobseg.errors import InvalidInput
from mobseg.inference.normalization import Normalization, NormalizedImage
from mobseg.inference.plan import InferencePlan, Size, Triple
from mobseg.inference.resampling import resample, separate_axis
from mobseg.volume import ScalarVolume

Box = tuple[slice, slice, slice]


@dataclass(frozen=True)
class GridRecord:
    """What preprocessing did to the grid: transpose, crop, resample, in this order.

    Attributes:
        native_shape_kji: shape of the input.
        transpose_forward: network axis n is native axis ``transpose_forward[n]``.
        transpose_backward: the inverse permutation.
        crop: box of the non-zero voxels along the network axes, before resampling.
        network_shape: shape of the network's input.
        native_spacing_mm: spacing before resampling along the network axes.
        network_spacing_mm: spacing after resampling along the network axes.
        nearest_axis: network axis that is resampled by nearest neighbour on the way back, if any.
    """

    native_shape_kji: Size
    transpose_forward: Size
    transpose_backward: Size
    crop: Box
    network_shape: Size
    native_spacing_mm: Triple
    network_spacing_mm: Triple
    nearest_axis: int | None

    @property
    def native_box_kji(self) -> Box:
        """The part of the native grid that the network saw; outside, all voxels are zero."""
        k, j, i = (self.crop[axis] for axis in self.transpose_backward)
        return (k, j, i)


@dataclass(frozen=True, eq=False)
class Preprocessed:
    """The network's input.

    Attributes:
        data: (1, Z, Y, X) float32 on the network's grid, normalised.
        grid: how to return to the native grid.
    """

    data: Tensor
    grid: GridRecord


def preprocess(volume: ScalarVolume, plan: InferencePlan) -> Preprocessed:
    """Transpose, crop, normalise and resample as the plans say.

    Equal to nnU-Net within float32 rounding; all work is done in float32.

    Args:
        volume: a CT with finite values.
        plan: the model's plan.

    Raises:
        InvalidInput: the image is thinner than half a voxel of the model's grid.
    """
    array = volume.array.transpose(plan.transpose_forward)
    spacing = _permute(volume.geometry.spacing_kji_mm, plan.transpose_forward)
    crop = nonzero_box(array)
    cropped = array[crop]
    new_shape = _resampled_shape(cropped.shape, spacing, plan.spacing_mm)
    image = NormalizedImage(cropped, Normalization.of(cropped, plan))
    nearest = separate_axis(plan.data_resampling.force_separate_z, spacing, plan.spacing_mm)
    data = resample(image, new_shape, plan.data_resampling.order, nearest).add_(image.minimum)
    grid = GridRecord(
        native_shape_kji=volume.geometry.shape_kji,
        transpose_forward=plan.transpose_forward,
        transpose_backward=plan.transpose_backward,
        crop=crop,
        network_shape=new_shape,
        native_spacing_mm=spacing,
        network_spacing_mm=plan.spacing_mm,
        nearest_axis=separate_axis(
            plan.probability_resampling.force_separate_z, plan.spacing_mm, spacing
        ),
    )
    return Preprocessed(data[None], grid)


def nonzero_box(array: npt.NDArray[Any]) -> Box:
    """The smallest box that holds all voxels that are not 0; everything if there are none.

    nnU-Net also fills the holes of the non-zero mask, which never changes its box. CT rarely has a
    border of zeros, so scanning from the outside usually stops at the first slice.
    """
    box = [slice(0, n) for n in array.shape]
    for axis in range(3):
        slices = np.moveaxis(array[tuple(box)], axis, 0)
        start = next((n for n in range(len(slices)) if slices[n].any()), None)
        if start is None:
            return (slice(0, array.shape[0]), slice(0, array.shape[1]), slice(0, array.shape[2]))
        stop = next(n for n in range(len(slices), 0, -1) if slices[n - 1].any())
        box[axis] = slice(start, stop)
    return (box[0], box[1], box[2])


def _resampled_shape(shape: tuple[int, ...], spacing: Triple, new_spacing: Triple) -> Size:
    z, y, x = (
        round(old / new * n) for old, new, n in zip(spacing, new_spacing, shape, strict=True)
    )
    if min(z, y, x) < 1:
        raise InvalidInput(
            "The image is thinner than half a voxel of the model along one axis (spacing "
            f"{_millimetres(new_spacing)}); use a thicker image or a model of finer spacing."
        )
    return (z, y, x)


def _permute(values: Triple, axes: Size) -> Triple:
    a, b, c = (values[axis] for axis in axes)
    return (a, b, c)


def _millimetres(spacing: Triple) -> str:
    return " x ".join(f"{s:g}" for s in spacing) + " mm"
