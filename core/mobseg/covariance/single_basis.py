"""Single-Basis: one learned basis for the whole volume, eq. 4 and 5 of the paper."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from mobseg.covariance.base import StochasticHead, variance_from_log
from mobseg.covariance.basis import BasisLogits
from mobseg.covariance.diagonal import reset_log_variance, shift_log_variance

#: Standard deviation of the entries of a basis at the start.
INITIAL_BASIS_STD = 0.1


class SingleBasisHead(StochasticHead):
    """Predicts mu, log d and the scales a; learns B."""

    parameterisation = "single_basis"

    def __init__(
        self, mean: nn.Module, conv: type[nn.Module], features: int, classes: int, *, rank: int
    ) -> None:
        super().__init__(mean)
        self.log_variance = conv(features, classes, 1)
        self.scales = conv(features, rank, 1)
        self.basis = nn.Parameter(torch.empty(classes, rank))

    def learned_bases(self) -> Tensor:
        """B."""
        return self.basis[None]

    def distribution(self, features: Tensor) -> BasisLogits:
        """Eq. 4 with B the same for every voxel."""
        basis = self.basis.expand(features.shape[0], -1, -1)[..., None, None, None]
        return BasisLogits(
            self.mean(features),
            variance_from_log(self.log_variance(features)),
            self.scales(features),
            basis,
        )

    def reset_parameters(self) -> None:
        """Start with a small variance and small scales."""
        reset_log_variance(self.log_variance)
        reset_scales(self.scales)
        nn.init.normal_(self.basis, std=INITIAL_BASIS_STD)

    @torch.no_grad()
    def scale_deviation(self, factor: float) -> None:
        """Shift log d and multiply B."""
        shift_log_variance(self.log_variance, factor)
        self.basis.mul_(factor)


def reset_scales(layer: nn.Module) -> None:
    """Scales of about one tenth, away from zero, where their gradient would vanish."""
    nn.init.normal_(layer.get_parameter("weight"), std=1e-2)
    nn.init.normal_(layer.get_parameter("bias"), std=0.1)
