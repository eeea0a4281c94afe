"""Independent logits: Sigma = diag(d), figure 2a of the paper."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn

from mobseg.covariance.base import (
    INITIAL_LOG_VARIANCE,
    LogitDistribution,
    StochasticHead,
    squared_projection_of_diagonal,
    standard_normal,
    variance_from_log,
)


class DiagonalLogits(LogitDistribution):
    """N(mean, diag(d)).

    Args:
        mean: (B, C, *S).
        variance: (B, C, *S), d > 0.
    """

    def __init__(self, mean: Tensor, variance: Tensor) -> None:
        super().__init__(mean)
        self.diagonal_variance = variance

    def rsample(self, n: int, *, generator: torch.Generator | None = None) -> Tensor:
        """Eta = mu + sqrt(d) z."""
        noise = standard_normal((n, *self.mean.shape), self.mean, generator)
        return self.mean + self.diagonal_variance.sqrt() * noise

    def voxel_covariance(self) -> Tensor:
        """diag(d_n)."""
        return torch.diag_embed(self.diagonal_variance.movedim(1, -1)).movedim((-2, -1), (1, 2))

    def projected_variance(self, projection: Tensor) -> Tensor:
        """(T * T) d."""
        return squared_projection_of_diagonal(projection, self.diagonal_variance)


class DiagonalHead(StochasticHead):
    """Predicts mu and log d."""

    parameterisation = "diagonal"

    def __init__(self, mean: nn.Module, conv: type[nn.Module], features: int, classes: int) -> None:
        super().__init__(mean)
        self.log_variance = conv(features, classes, 1)

    def learned_bases(self) -> Tensor:
        """No bases: diag(d) is all."""
        bias = self.log_variance.get_parameter("bias")
        return bias.new_zeros(0, len(bias), 0)

    def distribution(self, features: Tensor) -> DiagonalLogits:
        """N(mu, diag(exp(log d)))."""
        return DiagonalLogits(self.mean(features), variance_from_log(self.log_variance(features)))

    def reset_parameters(self) -> None:
        """Start at one small variance everywhere."""
        reset_log_variance(self.log_variance)

    def scale_deviation(self, factor: float) -> None:
        """Shift log d."""
        shift_log_variance(self.log_variance, factor)


def reset_log_variance(layer: nn.Module) -> None:
    """Small weights and a bias of :data:`INITIAL_LOG_VARIANCE`."""
    nn.init.normal_(layer.get_parameter("weight"), std=1e-2)
    nn.init.constant_(layer.get_parameter("bias"), INITIAL_LOG_VARIANCE)


@torch.no_grad()
def shift_log_variance(layer: nn.Module, factor: float) -> None:
    """Multiply sqrt(d) by ``factor``."""
    layer.get_parameter("bias").add_(2 * math.log(factor))
