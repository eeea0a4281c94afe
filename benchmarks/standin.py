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

#: Steepness of the logits, and how far they fall between the centres of neighbouring organs: most voxels
#: are certain, as for a trained network.
_GAIN, _FALL = 40.0, 100.0
#: Logits of a trained network have a lower end.
_LEAST_LOGIT = -60.0
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
        # Background takes the lower half of the normalised soft-tissue range.
        centres = torch.cat((torch.tensor([-1.6]), torch.linspace(0.0, 1.6, classes - 1)))
        spacing = 1.6 / max(classes - 2, 1)
        self._gain = max(_GAIN, _FALL / spacing**2)
        self._is_stochastic = is_stochastic
        self._returns_distribution = False
        self.register_buffer("centres", centres.view(1, -1, 1, 1, 1))
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
        for axis in ((7, 1, 1), (1, 7, 1), (1, 1, 7)):
            padding = tuple(n // 2 for n in axis)
            smooth = functional.avg_pool3d(smooth, axis, 1, padding, count_include_pad=False)
        mean = (smooth - self.centres).square_().mul_(-self._gain)
        if len(self.centres[0]) > 2:
            mean.clamp_(min=_LEAST_LOGIT)
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
