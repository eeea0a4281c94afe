"""A network without a cost, to time everything else: organs are ranges of the smoothed intensity."""

from __future__ import annotations

from collections.abc import Mapping
from types import SimpleNamespace
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from mobseg.covariance.base import LogitDistribution
from mobseg.covariance.basis import MixtureLogits
from mobseg.covariance.deterministic import DeterministicLogits
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
        generator = torch.Generator().manual_seed(0)
        self._spacing = (LAST - FIRST) / max(classes - 2, 1)
        self._is_stochastic = is_stochastic
        self._returns_distribution = False
        self.register_buffer("classes", torch.arange(float(classes)).view(1, -1, 1, 1, 1))
        self.register_buffer(
            "bases", 0.3 * torch.randn(_BASES, classes, _RANK, generator=generator)
        )

    @property
    def head(self) -> Any:
        """What is asked of a head that is not run."""
        name = "mixture_of_bases" if self._is_stochastic else "deterministic"
        return SimpleNamespace(parameterisation=name, learned_bases=lambda: self.bases)

    def forward(self, x: Tensor) -> Tensor | LogitDistribution:
        """(B, 1, *P) -> mean logits (B, C, *P), or their distribution."""
        smooth = x
        # The edge of the body would pass through the intensities of all organs.
        is_smoothed = self.classes.numel() == 2
        for axis in ((7, 1, 1), (1, 7, 1), (1, 1, 7)) if is_smoothed else ():
            padding = tuple(n // 2 for n in axis)
            smooth = functional.avg_pool3d(smooth, axis, 1, padding, count_include_pad=False)
        above = smooth - FIRST
        place = 1 + torch.where(above > 0, above / self._spacing, above / (FIRST - BACKGROUND))
        place.clamp_(0, self.classes.numel() - 1)
        mean = (place - self.classes).square_().mul_(-_FALL)
        # Logits of a trained network have a lower end.
        mean.clamp_(min=-_FALL if self.classes.numel() == 2 else _LEAST_LOGIT)
        return self._around(mean, x) if self._returns_distribution else mean

    def distribution(self, x: Tensor) -> LogitDistribution:
        """The mean with noise of constant size."""
        self._returns_distribution = True
        try:
            distribution: LogitDistribution = self(x)
        finally:
            self._returns_distribution = False
        return distribution

    def _around(self, mean: Tensor, x: Tensor) -> LogitDistribution:
        if not self._is_stochastic:
            return DeterministicLogits(mean)
        weights = x.new_full((len(x), _BASES, _CELLS, _CELLS, _CELLS), 1 / _BASES)
        scales = x.expand(-1, _RANK, -1, -1, -1) * 0.3
        return MixtureLogits(mean, torch.full_like(mean, 0.2), scales, self.bases, weights)

    def load_state_dict(self, state_dict: Mapping[str, Any], *_: Any, **__: Any) -> Any:
        """Stock nnU-Net loads the folder's weights before each image; there are none to load."""
        return SimpleNamespace(missing_keys=[], unexpected_keys=list(state_dict))
