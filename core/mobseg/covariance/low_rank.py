"""Diagonal plus low rank over the whole patch: eq. 3 of the paper, as in Monteiro et al., NeurIPS 2020.

The factor P has one row for every (class, voxel) pair, so one vector z in R^R correlates all logits of
the patch. (Flattening classes and voxels in any other order than both the mean's and the target's
silently mixes classes with places; tests compare against a dense oracle for that reason.)
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from mobseg.covariance.base import (
    LogitDistribution,
    StochasticHead,
    squared_projection_of_diagonal,
    standard_normal,
    variance_from_log,
)
from mobseg.covariance.diagonal import reset_log_variance, shift_log_variance


class LowRankLogits(LogitDistribution):
    """N(mean, diag(d) + P P^T).

    Args:
        mean: (B, C, *S).
        variance: (B, C, *S), d > 0.
        factor: (B, C, R, *S), P.
    """

    def __init__(self, mean: Tensor, variance: Tensor, factor: Tensor) -> None:
        super().__init__(mean)
        self.diagonal_variance = variance
        self.factor = factor

    def rsample(self, n: int, *, generator: torch.Generator | None = None) -> Tensor:
        """Eta = mu + sqrt(d) z1 + P z2 with one z2 in R^R for the whole patch."""
        batch, _, rank = self.factor.shape[:3]
        voxel_noise = standard_normal((n, *self.mean.shape), self.mean, generator)
        patch_noise = standard_normal((n, batch, rank), self.mean, generator)
        shared = torch.einsum("bcr...,nbr->nbc...", self.factor, patch_noise)
        return self.mean + self.diagonal_variance.sqrt() * voxel_noise + shared

    def voxel_covariance(self) -> Tensor:
        """diag(d_n) + P_n P_n^T."""
        diagonal = torch.diag_embed(self.diagonal_variance.movedim(1, -1))
        shared = torch.einsum("bcr...,bdr...->bcd...", self.factor, self.factor)
        return diagonal.movedim((-2, -1), (1, 2)) + shared

    def projected_variance(self, projection: Tensor) -> Tensor:
        """(T * T) d + the row sums of (T P) * (T P)."""
        projected = torch.einsum("qc,bcr...->bqr...", projection, self.factor)
        diagonal = squared_projection_of_diagonal(projection, self.diagonal_variance)
        return diagonal + projected.square().sum(dim=2)


class LowRankHead(StochasticHead):
    """Predicts mu, log d and P."""

    parameterisation = "low_rank"

    def __init__(
        self, mean: nn.Module, conv: type[nn.Module], features: int, classes: int, *, rank: int
    ) -> None:
        super().__init__(mean)
        self.rank = rank
        self.log_variance = conv(features, classes, 1)
        self.factor = conv(features, classes * rank, 1)

    def distribution(self, features: Tensor) -> LowRankLogits:
        """N(mu, diag(exp(log d)) + P P^T)."""
        mean = self.mean(features)
        factor = self.factor(features).unflatten(1, (mean.shape[1], self.rank))
        return LowRankLogits(mean, variance_from_log(self.log_variance(features)), factor)

    def reset_parameters(self) -> None:
        """Start with a small variance and a much smaller shared part."""
        reset_log_variance(self.log_variance)
        nn.init.normal_(self.factor.get_parameter("weight"), std=1e-2)
        nn.init.zeros_(self.factor.get_parameter("bias"))

    @torch.no_grad()
    def scale_deviation(self, factor: float) -> None:
        """Shift log d and multiply P."""
        shift_log_variance(self.log_variance, factor)
        for parameter in self.factor.parameters():
            parameter.mul_(factor)
