"""Zero covariance: the base model, and the control Deterministic-FT when it is fine-tuned."""

from __future__ import annotations

import torch
from torch import Tensor

from mobseg.covariance.base import LogitDistribution, StochasticHead


class DeterministicLogits(LogitDistribution):
    """All probability on the mean."""

    def rsample(self, n: int, *, generator: torch.Generator | None = None) -> Tensor:  # noqa: ARG002
        """The mean, ``n`` times."""
        return self.mean.expand(n, *self.mean.shape)

    def voxel_covariance(self) -> Tensor:
        """Zeros, (B, C, C, *S)."""
        batch, classes, *shape = self.mean.shape
        return self.mean.new_zeros(batch, classes, classes, *shape)

    def projected_variance(self, projection: Tensor) -> Tensor:
        """Zeros, (B, Q, *S)."""
        batch, _, *shape = self.mean.shape
        return self.mean.new_zeros(batch, projection.shape[0], *shape)


class DeterministicHead(StochasticHead):
    """The base model's last layer, unchanged."""

    parameterisation = "deterministic"

    def distribution(self, features: Tensor) -> DeterministicLogits:
        """All probability on the mean."""
        return DeterministicLogits(self.mean(features))

    def reset_parameters(self) -> None:
        """Nothing to initialise."""

    def scale_deviation(self, factor: float) -> None:
        """Zero times anything is zero."""
