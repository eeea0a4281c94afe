"""Enlarges the variance of stitched moments by a model's variance function."""

from __future__ import annotations

import dataclasses
import math

import torch
from scipy import ndimage
from torch import Tensor

from mobseg.bundle.variance_function import VarianceFunction
from mobseg.inference.accumulator import StitchedMoments


def resized(
    moments: StitchedMoments,
    function: VarianceFunction | None,
    spacing_mm: tuple[float, float, float],
) -> StitchedMoments:
    """Moments whose model variance has the size that was fitted; the mean and with it the label map stay.

    This is done on the network's grid, where samples are drawn too, so that maps and samples follow one law.
    The disagreement of windows, mirrors and folds is an observation and stays as it is.

    Args:
        moments: of a two-class model; ``mean`` and ``model_variance`` are (1, Z, Y, X).
        function: ``None`` leaves the moments as they are.
        spacing_mm: of the network's grid along (Z, Y, X).
    """
    if function is None:
        return moments
    factor = deviation_factor(moments.mean, function, spacing_mm)
    return dataclasses.replace(moments, model_variance=moments.model_variance * factor.square_())


def deviation_factor(
    mean: Tensor, function: VarianceFunction, spacing_mm: tuple[float, float, float]
) -> Tensor:
    """The factor on the standard deviation, in the shape and type of ``mean`` (1, Z, Y, X)."""
    distance = distance_to_other_label(mean[0], spacing_mm, function.distances_mm[-1])[None]
    knots, log_factors = (
        mean.new_tensor(function.distances_mm),
        mean.new_tensor(function.factors).log(),
    )
    return interpolate(distance, knots, log_factors).exp()


def distance_to_other_label(
    mean: Tensor, spacing_mm: tuple[float, float, float], limit_mm: float
) -> Tensor:
    """Distance in mm from each voxel to the nearest one of the other label, cut at ``limit_mm``.

    Args:
        mean: (Z, Y, X) mean of the difference of the two logits, positive in the foreground.
        spacing_mm: along (Z, Y, X).
        limit_mm: also the distance where there is one label only.
    """
    foreground = (mean > 0).cpu().numpy()
    distance = torch.full(mean.shape, limit_mm, dtype=mean.dtype)
    found = ndimage.find_objects(foreground.view("uint8"))
    if found and not foreground.all():
        # Beyond this margin every voxel is too far away, so the costly transform can skip it.
        margins = [math.ceil(limit_mm / step) for step in spacing_mm]
        box = tuple(
            slice(max(side.start - margin, 0), side.stop + margin)
            for side, margin in zip(found[0], margins, strict=True)
        )
        part = foreground[box]
        nearest = ndimage.distance_transform_edt(part, sampling=spacing_mm)
        nearest += ndimage.distance_transform_edt(~part, sampling=spacing_mm)
        distance[box] = torch.from_numpy(nearest).to(mean.dtype).clamp_max_(limit_mm)
    return distance.to(mean.device)


def interpolate(x: Tensor, knots: Tensor, values: Tensor) -> Tensor:
    """Linear between knots, constant beyond them; differentiable in ``values``.

    Args:
        x: any shape.
        knots: (K,) increasing.
        values: (K,) at the knots.
    """
    inside = x.clamp(knots[0], knots[-1])
    upper = torch.searchsorted(knots, inside).clamp_min(1)
    lower = upper - 1
    share = (inside - knots[lower]) / (knots[upper] - knots[lower])
    return torch.lerp(values[lower], values[upper], share)
