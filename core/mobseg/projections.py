"""Logit coordinates: the few numbers per voxel that the class probabilities depend on.

* Two classes: m = eta_1 - eta_0 and its variance.
* Sigmoid regions: each logit and its variance.
* More classes: the logits, centred over the classes, and numbers that the variances of all differences
  eta_a - eta_b, a < b, are linear functions of (:mod:`mobseg.covariance.form`), so that averages of
  them over windows, mirrors and folds remain valid. These variances determine the covariance of the
  centred logits, Sigma_c = -J Gamma J / 2 with J = I - 1 1^T / C and Gamma_ab the variance of the
  difference.
"""

from __future__ import annotations

from typing import Literal

import torch
from torch import Tensor

from mobseg.covariance.base import LogitDistribution
from mobseg.covariance.form import CovarianceForm, pair_projection
from mobseg.errors import NumericalError

Coordinates = Literal["difference", "regions", "centred"]

#: More than a covariance that is one but for rounding can need.
_LARGEST_JITTER = 1e3

#: Added to the diagonal before a Cholesky factorisation of a centred, hence singular, covariance.
JITTER = 1e-6


def coordinates_for(channels: int, *, regions: bool) -> Coordinates:
    """The coordinates of a network with this many output channels."""
    if regions:
        return "regions"
    return "difference" if channels == 2 else "centred"


def difference_variance(distribution: LogitDistribution) -> Tensor:
    """(B, 1, *S) variance of eta_1 - eta_0 of a two-class model."""
    return distribution.projected_variance(pair_projection(2, distribution.mean))


def logit_coordinates(
    distribution: LogitDistribution, coordinates: Coordinates
) -> tuple[Tensor, Tensor]:
    """Mean (B, Q, *S) and variance (B, Q, *S) of two classes (Q = 1) or of Q regions."""
    mean = distribution.mean
    if coordinates == "regions":
        identity = torch.eye(mean.shape[1], dtype=mean.dtype, device=mean.device)
        return mean, distribution.projected_variance(identity)
    return mean[:, 1:] - mean[:, :1], difference_variance(distribution)


def centred_coordinates(
    distribution: LogitDistribution, form: CovarianceForm, fold: int
) -> tuple[Tensor, ...]:
    """Mean (B, C, *S) of more than two classes, and the factors of their covariance's form.

    The distribution is used up: of 104 classes a second mean of a window of 128^3 would be 0.9 GB, so
    its own is centred.
    """
    mean = distribution.mean
    mean -= mean.mean(dim=1, keepdim=True)
    return mean, *form.factors(distribution, fold)


def covariance_from_pairs(pair_variance: Tensor, classes: int) -> Tensor:
    """Sigma_c = -J Gamma J / 2, (B, C (C - 1) / 2, *S) -> (B, C, C, *S)."""
    batch, _, *shape = pair_variance.shape
    gamma = pair_variance.new_zeros(batch, classes, classes, *shape)
    first, second = torch.triu_indices(classes, classes, offset=1, device=gamma.device)
    gamma[:, first, second] = pair_variance
    gamma[:, second, first] = pair_variance
    centring = torch.eye(classes, dtype=gamma.dtype, device=gamma.device) - 1.0 / classes
    return -0.5 * torch.einsum("ac,bcd...,de->bae...", centring, gamma, centring)


def softmax_factor(covariance: Tensor) -> Tensor:
    """(B, C, K, *S) factor F with F F^T = Sigma per voxel, up to a shift common to all classes.

    Adding c 1 1^T to the covariance shifts all logits together and leaves the softmax as it is, which
    makes a centred covariance regular.

    Args:
        covariance: (B, C, C, *S), positive semi-definite.
    """
    classes = covariance.shape[1]
    matrices = covariance.movedim((1, 2), (-2, -1))
    scale = matrices.diagonal(dim1=-2, dim2=-1).mean(dim=-1)[..., None, None].clamp_min(JITTER)
    ones = torch.ones(classes, classes, dtype=matrices.dtype, device=matrices.device)
    identity = torch.eye(classes, dtype=matrices.dtype, device=matrices.device)
    regular = matrices + scale * (ones / classes + JITTER * identity)
    factor: Tensor = torch.linalg.cholesky(regular)
    return factor.movedim((-2, -1), (1, 2))


def covariance_factor(covariance: Tensor) -> Tensor:
    """(k, k, n) lower triangular F with F F^T = Sigma per voxel.

    Averages that were rounded to half precision may leave a covariance not quite positive definite; such
    ones get as much more on their diagonal as they need.

    Args:
        covariance: (k, k, n).
    """
    matrices = covariance.movedim(-1, 0)
    scale = matrices.diagonal(dim1=-2, dim2=-1).mean(dim=-1)[:, None, None].clamp_min(JITTER)
    identity = torch.eye(matrices.shape[-1], dtype=matrices.dtype, device=matrices.device)
    jitter = torch.full_like(scale, JITTER)
    while bool(jitter.max() < _LARGEST_JITTER):
        factor, failed = torch.linalg.cholesky_ex(matrices + jitter * scale * identity)
        if not failed.any():
            result: Tensor = factor.movedim(0, -1)
            return result
        jitter[failed > 0] *= 10.0
    raise NumericalError(
        "The model's covariance is not a covariance at some voxel; check that the model is intact."
    )
