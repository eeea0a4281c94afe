"""The interface that every covariance parameterisation implements.

Notation: B batch, C classes (logit channels), R rank, *S the spatial shape (Z, Y, X).
"""

from __future__ import annotations

from abc import ABC, abstractmethod

import torch
from torch import Tensor, nn
from torch.nn import functional

from mobseg.covariance.released import reset_as_released
from mobseg.slabs import Slabwise, slabs_between

#: Log-variances are clamped to this range, as in the released code of the paper.
LOG_VARIANCE_RANGE = (-5.0, 5.0)

#: Initial log-variance: small enough that step 0 of fine-tuning is close to the base model.
INITIAL_LOG_VARIANCE = -2.0


class LogitDistribution(ABC):
    """A multivariate normal distribution over the logits of a volume, N(mean, Sigma)."""

    def __init__(self, mean: Tensor) -> None:
        self.mean = mean

    @abstractmethod
    def rsample(self, n: int, *, generator: torch.Generator | None = None) -> Tensor:
        """Draw ``n`` reparameterised samples of all logits.

        Returns:
            (n, B, C, *S) samples that carry gradients to mean and covariance.
        """

    @abstractmethod
    def voxel_covariance(self) -> Tensor:
        """The C x C covariance of the logits of each voxel, (B, C, C, *S)."""

    @abstractmethod
    def projected_variance(self, projection: Tensor) -> Tensor:
        r"""Variance of linear combinations of the logits of each voxel.

        Args:
            projection: (Q, C) coefficients T.

        Returns:
            (B, Q, *S) with :math:`\operatorname{diag}(T \Sigma_n T^\top)`, without forming
            :math:`\Sigma_n`.
        """


class StochasticHead(nn.Module, ABC):
    """Last layer of the network: features -> logit distribution.

    The layer that gives the mean keeps the weights of the base model. By default the head returns the
    mean alone, so the network behaves as the base model in any software that knows nothing of
    distributions; :attr:`returns_distribution` switches that.
    """

    #: Name in plans, bundles and on the command line.
    parameterisation: str

    def __init__(self, mean: nn.Module) -> None:
        super().__init__()
        self.mean = mean
        self.returns_distribution = False
        #: Start as the released code's heads do, see :mod:`mobseg.covariance.released`.
        self.starts_as_released = False
        #: Share of the features that are left out while training.
        self.dropout = 0.0
        #: Leave features out in inference, too, so that every pass is another sample (Monte Carlo dropout).
        self.drops_in_inference = False

    def learned_bases(self) -> Tensor | None:
        """(M, C, R) bases that make the covariance together with diag(d); ``None`` if they do not."""
        return None

    @abstractmethod
    def distribution(self, features: Tensor) -> LogitDistribution:
        """The distribution of the logits given (B, F, *S) float32 features."""

    @abstractmethod
    def reset_parameters(self) -> None:
        """Initialise everything but the mean, such that the variance starts small."""

    def initialise(self) -> None:
        """Initialise everything but the mean in the way that was chosen."""
        if self.starts_as_released:
            reset_as_released(self)
        else:
            self.reset_parameters()

    @abstractmethod
    def scale_deviation(self, factor: float) -> None:
        """Multiply the standard deviation of the logits by ``factor``, so Sigma by its square.

        The mean stays what it is, and log d must not leave :data:`LOG_VARIANCE_RANGE`.
        """

    def forward(self, features: Tensor) -> Tensor | LogitDistribution:
        """The mean logits (B, C, *S), or the distribution when :attr:`returns_distribution` is set.

        Distributions are computed in float32 even where the backbone runs in lower precision.
        """
        features = self._with_dropout(features)
        if not self.returns_distribution:
            mean: Tensor = self.mean(features)
            return mean
        with torch.autocast(features.device.type, enabled=False):
            return self.distribution(features.float())

    def by_slabs(self, features: Tensor, thickness: int) -> Slabwise[LogitDistribution]:
        """The distribution of one slab of planes after the other, in float32 outside of autocast.

        Args:
            features: (B, F, Z, Y, X), what the network gives the last layer.
            thickness: planes of a slab, at most.
        """
        return self._by_slabs(self._with_dropout(features).float(), thickness)

    def _by_slabs(self, features: Tensor, thickness: int) -> Slabwise[LogitDistribution]:
        """Of a head that treats every voxel on its own."""
        slabs = slabs_between(0, features.shape[2], thickness)
        return Slabwise(slabs, lambda planes: self.distribution(features[:, :, planes]))

    def _with_dropout(self, features: Tensor) -> Tensor:
        if self.dropout and (self.training or self.drops_in_inference):
            return functional.dropout3d(features, self.dropout)
        return features


def variance_from_log(log_variance: Tensor) -> Tensor:
    """D = exp(log d) with log d clamped to :data:`LOG_VARIANCE_RANGE`."""
    return log_variance.clamp(*LOG_VARIANCE_RANGE).exp()


def standard_normal(
    shape: tuple[int, ...], like: Tensor, generator: torch.Generator | None
) -> Tensor:
    """Standard normal noise on the device and in the dtype of ``like``."""
    return torch.randn(shape, dtype=like.dtype, device=like.device, generator=generator)


def squared_projection_of_diagonal(projection: Tensor, variance: Tensor) -> Tensor:
    """diag(T diag(d) T^T) = (T * T) d for T (Q, C) and d (B, C, *S)."""
    return torch.einsum("qc,bc...->bq...", projection.square(), variance)
