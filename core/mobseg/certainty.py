"""Which voxels have a probability of 0 or 1 whatever the variance of their logits."""

from __future__ import annotations

import torch
from torch import Tensor

from mobseg.covariance.form import CovarianceForm, best_class, two_largest
from mobseg.projections import Coordinates

#: Beyond |m| = 16 + s^2 / 2 one minus the probability of the likelier side is at most
#: exp(-|m| + s^2 / 2) < 1.2e-7, the resolution of float32 at 1, so nothing is computed there.
SATURATION = 16.0

#: What :func:`certain_class` gives for a voxel in doubt.
IN_DOUBT = 0

_LARGEST_UINT8 = 255


def certain_class(
    mean: Tensor,
    model: Tensor,
    disagreement: Tensor,
    coordinates: Coordinates,
    form: CovarianceForm | None = None,
) -> Tensor:
    """The only class that a voxel can have.

    By how much the margin of a class exceeds what the variance allows is a concave function of the moments, as
    the bound on the variance is convex, a maximum of linear functions. So where linear interpolation mixes
    moments with the same certain class, the result has this certain class as well.

    Args:
        mean: (Q, *S) mean of the logit coordinates.
        model: (V, *S) variance that the model predicts, or what stands for it; V is 0 if it predicts none.
        disagreement: (Q, *S) variance between windows, mirrors and folds.
        coordinates: what they are of.
        form: what stands for the covariance of more than two classes.

    Returns:
        (*S) integers: :data:`IN_DOUBT`, 1 for background, or 2 + the index of the label. With overlapping
        regions a voxel that is certain to be in several has no single class and counts as in doubt.
    """
    classes = len(mean) + (coordinates != "centred")
    dtype = torch.uint8 if classes < _LARGEST_UINT8 else torch.int32
    if form is not None:
        largest = form.largest_pair_variance(model) + sum(two_largest(disagreement))
        return _certain_of_classes(mean, largest).to(dtype)
    return _certain_of_regions(mean, model + disagreement if len(model) else disagreement, dtype)


def _certain_of_classes(mean: Tensor, largest_variance: Tensor) -> Tensor:
    first, second = two_largest(mean)
    is_certain = first - second > SATURATION + 0.5 * largest_variance
    return torch.where(is_certain, 1 + best_class(mean), IN_DOUBT)


def _certain_of_regions(mean: Tensor, variance: Tensor, dtype: torch.dtype) -> Tensor:
    least = SATURATION + 0.5 * variance
    is_inside, is_outside = mean > least, mean < -least
    if len(mean) == 1:
        return is_outside[0].to(dtype).add_(is_inside[0].to(dtype), alpha=2)
    number = torch.arange(1, 1 + len(mean)).view(-1, *(1,) * (mean.ndim - 1))
    is_single = (is_inside | is_outside).all(0) & (is_inside.sum(0) <= 1)
    return torch.where(is_single, 1 + (is_inside * number).sum(0), IN_DOUBT).to(dtype)
