"""A network without a cost, to time everything else: organs are ranges of the smoothed intensity."""

from __future__ import annotations

from collections.abc import Mapping
from types import SimpleNamespace
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from mobseg.covariance.basis import MixtureLogits
from mobseg.network import StochasticResidualEncoderUNet

#: Steepness of the logits: most voxels are certain, as for a trained network.
_GAIN = 40.0
_RANK, _BASES, _CELLS = 16, 3, 4


class Standin(StochasticResidualEncoderUNet):
    """Gives the distribution of a Mixture-of-Bases head, at the cost of one average.

    Args:
        classes: logit channels.
    """

    def __init__(self, classes: int) -> None:
        nn.Module.__init__(self)
        generator = torch.Generator().manual_seed(0)
        # Background takes the lower half of the normalised soft-tissue range.
        centres = torch.cat((torch.tensor([-1.6]), torch.linspace(0.0, 1.6, classes - 1)))
        self.register_buffer("centres", centres.view(1, -1, 1, 1, 1))
        self.register_buffer(
            "bases", 0.3 * torch.randn(_BASES, classes, _RANK, generator=generator)
        )

    @property
    def head(self) -> Any:
        """Only its name is asked for."""
        return SimpleNamespace(parameterisation="mixture_of_bases")

    def forward(self, x: Tensor) -> Tensor:
        """(B, 1, *P) -> mean logits (B, C, *P)."""
        smooth = x
        for axis in ((7, 1, 1), (1, 7, 1), (1, 1, 7)):
            padding = tuple(n // 2 for n in axis)
            smooth = functional.avg_pool3d(smooth, axis, 1, padding, count_include_pad=False)
        return (smooth - self.centres).square_().mul_(-_GAIN)

    def distribution(self, x: Tensor) -> MixtureLogits:
        """The mean with noise of constant size."""
        mean = self(x)
        weights = x.new_full((len(x), _BASES, _CELLS, _CELLS, _CELLS), 1 / _BASES)
        scales = x.expand(-1, _RANK, -1, -1, -1) * 0.3
        return MixtureLogits(mean, torch.full_like(mean, 0.2), scales, self.bases, weights)

    def load_state_dict(self, state_dict: Mapping[str, Any], *_: Any, **__: Any) -> Any:
        """Stock nnU-Net loads the folder's weights before each image; there are none to load."""
        return SimpleNamespace(missing_keys=[], unexpected_keys=list(state_dict))
