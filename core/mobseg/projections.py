"""Logit coordinates: the few numbers per voxel that the class probabilities depend on.

* Two classes: m = eta_1 - eta_0 and its variance.
* Sigmoid regions: each logit and its variance.
* More classes: the logits, centred over the classes, and the variances of all differences
  eta_a - eta_b, a < b. These determine the covariance of the centred logits,
  Sigma_c = -J Gamma J / 2 with J = I - 1 1^T / C and Gamma_ab the variance of the difference, and
  averages of them (over windows, mirrors and folds) remain valid.
"""

from __future__ import annotations

from typing import Literal

import torch
from torch import Tensor

from mobseg.covariance.base import LogitDistribution

Coordinates = Literal["difference", "regions", "centred"]

#: Added to the diagonal before a Cholesky factorisation of a centred, hence singular, covariance.
JITTER = 1e-6


def coordinates_for(channels: int, *, regions: bool) -> Coordinates:
    """The coordinates of a network with this many output channels."""
    if regions:
        return "regions"
    return "difference" if channels == 2 else "centred"


def pair_projection(classes: int, like: Tensor) -> Tensor:
    """(C (C - 1) / 2, C) rows e_b - e_a for a < b, in the order of ``torch.triu_indices``."""
    first, second = torch.triu_indices(classes, classes, offset=1, device=like.device)
    rows = torch.arange(len(first), device=like.device)
    projection = like.new_zeros(len(first), classes)
    projection[rows, first] = -1.0
    projection[rows, second] = 1.0
    return projection


def difference_variance(distribution: LogitDistribution) -> Tensor:
    """(B, 1, *S) variance of eta_1 - eta_0 of a two-class model."""
    return distribution.projected_variance(pair_projection(2, distribution.mean))


def logit_coordinates(
    distribution: LogitDistribution, coordinates: Coordinates
) -> tuple[Tensor, Tensor]:
    """Mean (B, Q, *S) and variance (B, V, *S) in the given coordinates.

    Q, V are 1, 1 for two classes; F, F for F regions; C, C (C - 1) / 2 for C classes.
    """
    mean = distribution.mean
    if coordinates == "regions":
        identity = torch.eye(mean.shape[1], dtype=mean.dtype, device=mean.device)
        return mean, distribution.projected_variance(identity)
    variance = distribution.projected_variance(pair_projection(mean.shape[1], mean))
    if coordinates == "difference":
        return mean[:, 1:] - mean[:, :1], variance
    return mean - mean.mean(dim=1, keepdim=True), variance


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
