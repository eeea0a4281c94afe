"""A network without a cost, to time everything else: organs are ranges of the smoothed intensity."""

from __future__ import annotations

from collections.abc import Mapping
from types import SimpleNamespace
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from mobseg.covariance.base import LogitDistribution, StochasticHead
from mobseg.covariance.basis import MixtureLogits
from mobseg.covariance.deterministic import DeterministicHead
from mobseg.network import StochasticResidualEncoderUNet

#: Intensities, normalised: of the background, and of the first and the last organ.
BACKGROUND, FIRST, LAST = -1.6, 0.0, 3.2
#: How far the logits fall between the intensities of neighbouring organs, and where they end: most voxels
#: are certain, as for a trained network.
_FALL, _LEAST_LOGIT = 102.4, -60.0
_RANK, _BASES, _CELLS = 16, 3, 4


class Standin(StochasticResidualEncoderUNet):
    """Gives the distribution of a Mixture-of-Bases head, at the cost of one average.

    Args:
        classes: logit channels.
        is_stochastic: whether mobseg is given the distribution, or a network without a variance.
    """

    def __init__(self, classes: int, *, is_stochastic: bool = True) -> None:
        nn.Module.__init__(self)
        mean = _Mean(classes)
        self._classes = classes
        self.decoder = _Decoder(_Head(mean, classes) if is_stochastic else DeterministicHead(mean))

    def forward(self, x: Tensor) -> Tensor | LogitDistribution:
        """(B, 1, *P) -> mean logits (B, C, *P), or their distribution."""
        smooth = x
        # The edge of the body would pass through the intensities of all organs.
        is_smoothed = self._classes == 2
        for axis in ((7, 1, 1), (1, 7, 1), (1, 1, 7)) if is_smoothed else ():
            padding = tuple(n // 2 for n in axis)
            smooth = functional.avg_pool3d(smooth, axis, 1, padding, count_include_pad=False)
        above = smooth - FIRST
        spacing = (LAST - FIRST) / max(self._classes - 2, 1)
        place = 1 + torch.where(above > 0, above / spacing, above / (FIRST - BACKGROUND))
        place.clamp_(0, self._classes - 1)
        features: Tensor | LogitDistribution = self.decoder(torch.cat([place, x], dim=1))
        return features

    def load_state_dict(self, state_dict: Mapping[str, Any], *_: Any, **__: Any) -> Any:
        """Stock nnU-Net loads the folder's weights before each image; there are none to load."""
        return SimpleNamespace(missing_keys=[], unexpected_keys=list(state_dict))


class _Decoder(nn.Module):
    """Its last layer has the usual name."""

    def __init__(self, head: StochasticHead) -> None:
        super().__init__()
        self.seg_layers = nn.ModuleList([head])

    def forward(self, features: Tensor) -> Any:
        return self.seg_layers[-1](features)


class _Mean(nn.Module):
    """Mean logits from (B, 2, *S), the place among the organs and the intensity."""

    def __init__(self, classes: int) -> None:
        super().__init__()
        self.register_buffer("classes", torch.arange(float(classes)).view(1, -1, 1, 1, 1))

    def forward(self, features: Tensor) -> Tensor:
        mean = (features[:, :1] - self.classes).square_().mul_(-_FALL)
        # Logits of a trained network have a lower end.
        return mean.clamp_(min=-_FALL if self.classes.numel() == 2 else _LEAST_LOGIT)


class _Variance(nn.Module):
    def __init__(self, classes: int) -> None:
        super().__init__()
        self._classes = classes

    def forward(self, features: Tensor) -> Tensor:
        return features.new_full((len(features), self._classes, *features.shape[2:]), 0.2)


class _Scales(nn.Module):
    def forward(self, features: Tensor) -> Tensor:
        return features[:, 1:].expand(-1, _RANK, -1, -1, -1) * 0.3


class _Head(StochasticHead):
    """Noise of constant size around the mean."""

    parameterisation = "mixture_of_bases"

    def __init__(self, mean: nn.Module, classes: int) -> None:
        super().__init__(mean)
        self.variance = _Variance(classes)
        self.scales = _Scales()
        generator = torch.Generator().manual_seed(0)
        self.register_buffer(
            "bases", 0.3 * torch.randn(_BASES, classes, _RANK, generator=generator)
        )

    def learned_bases(self) -> Tensor:
        return self.bases

    def distribution(self, features: Tensor) -> LogitDistribution:
        mean = self.mean(features)
        weights = mean.new_full((len(mean), _BASES, _CELLS, _CELLS, _CELLS), 1 / _BASES)
        variance, scales = self.variance(features), self.scales(features)
        return MixtureLogits(mean, variance, scales, self.bases, weights)

    def reset_parameters(self) -> None:
        """Nothing to initialise."""

    def scale_deviation(self, factor: float) -> None:
        """Nothing to scale."""
