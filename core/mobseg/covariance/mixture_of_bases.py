"""Mixture-of-Bases: learned bases, mixed per cell of the volume; eq. 6 and 7 of the paper.

The paper picks the most probable basis of each cell, through which W gets no gradient. The default here
is the soft mixture of the released code, B_p = sum_i W_pi B_i; a straight-through arg max and
Gumbel-softmax samples are the alternatives.
"""

from __future__ import annotations

import itertools
from typing import Literal

import torch
from torch import Tensor, nn
from torch.nn import functional

from mobseg.covariance.base import LogitDistribution, StochasticHead, variance_from_log
from mobseg.covariance.basis import BlockMixtureLogits, MixtureLogits
from mobseg.covariance.cells import cell_index
from mobseg.covariance.diagonal import reset_log_variance, shift_log_variance
from mobseg.covariance.single_basis import INITIAL_BASIS_STD, reset_scales
from mobseg.slabs import Slabwise, slabs_between

Selection = Literal["soft", "straight_through", "gumbel"]
WeightHead = Literal["convolution", "linear"]

#: Softmax temperature of the released code.
TEMPERATURE = 0.3


class CellWeights(nn.Module):
    """Features -> W, the weight of each basis in each cell.

    Pointwise convolution, average over each cell, GELU, then a second layer over the bases: a pointwise
    convolution by default, which treats all cells alike, or one linear layer over all cells together, as
    in the released code, which depends on where in the patch a cell lies.

    Args:
        conv: convolution class of the network.
        features: channels of the features.
        bases: M.
        cells: P.
        head: the second layer.
        selection: how the weights become a basis.
    """

    def __init__(
        self,
        conv: type[nn.Module],
        features: int,
        bases: int,
        cells: int,
        head: WeightHead,
        selection: Selection,
    ) -> None:
        super().__init__()
        self.cells = cells
        self.selection = selection
        self.project = conv(features, bases, 1)
        size = bases * cells**3
        self.mix = conv(bases, bases, 1) if head == "convolution" else nn.Linear(size, size)

    def forward(self, features: Tensor) -> Tensor:
        """(B, F, Z, Y, X) -> (B, M, P, P, P), non-negative and summing to one over M."""
        pooled = functional.adaptive_avg_pool3d(self.project(features), self.cells)
        hidden = functional.gelu(pooled)
        if isinstance(self.mix, nn.Linear):
            logits = self.mix(hidden.flatten(1)).view_as(hidden)
        else:
            logits = self.mix(hidden)
        return self._select(logits / TEMPERATURE)

    def _select(self, logits: Tensor) -> Tensor:
        if self.selection == "gumbel" and self.training:
            return functional.gumbel_softmax(logits, tau=1.0, hard=True, dim=1)
        soft = logits.softmax(dim=1)
        if self.selection == "soft":
            return soft
        hard = torch.zeros_like(soft).scatter_(1, soft.argmax(dim=1, keepdim=True), 1.0)
        return hard + soft - soft.detach()


class MixtureOfBasesHead(StochasticHead):
    """Predicts mu, log d, the scales a and the weights W; learns B_1..B_M."""

    parameterisation = "mixture_of_bases"
    logits: type[MixtureLogits] = MixtureLogits

    def __init__(
        self,
        mean: nn.Module,
        conv: type[nn.Module],
        features: int,
        classes: int,
        *,
        rank: int,
        bases: int,
        cells: int,
        weight_head: WeightHead,
        selection: Selection,
    ) -> None:
        super().__init__(mean)
        self.log_variance = conv(features, classes, 1)
        self.scales = conv(features, rank, 1)
        self.weights = CellWeights(conv, features, bases, cells, weight_head, selection)
        self.bases = nn.Parameter(torch.empty(bases, classes, rank))

    def learned_bases(self) -> Tensor:
        """B_1..B_M."""
        return self.bases

    def distribution(self, features: Tensor) -> MixtureLogits:
        """Eq. 7 in every cell."""
        return self._distribution(features, self.weights(features))

    def _by_slabs(self, features: Tensor, thickness: int) -> Slabwise[LogitDistribution]:
        """Slabs within layers of cells, as the weights of a cell depend on all of its voxels."""
        if thickness >= features.shape[2]:
            return super()._by_slabs(features, thickness)
        weights = self.weights(features)
        layer = cell_index(features.shape[2], self.weights.cells, torch.device("cpu"))
        ends = [0, *layer.bincount().cumsum(0).tolist()]
        slabs = [
            slab
            for start, stop in itertools.pairwise(ends)
            for slab in slabs_between(start, stop, thickness)
        ]

        def compute(planes: slice) -> LogitDistribution:
            own = slice(int(layer[planes.start]), int(layer[planes.start]) + 1)
            return self._distribution(features[:, :, planes], weights[:, :, own])

        return Slabwise(slabs, compute)

    def _distribution(self, features: Tensor, weights: Tensor) -> MixtureLogits:
        return self.logits(
            self.mean(features),
            variance_from_log(self.log_variance(features)),
            self.scales(features),
            self.bases,
            weights,
        )

    def reset_parameters(self) -> None:
        """Start with a small variance, small scales and different bases in about equal parts."""
        reset_log_variance(self.log_variance)
        reset_scales(self.scales)
        nn.init.normal_(self.bases, std=INITIAL_BASIS_STD)
        for layer in (self.weights.project, self.weights.mix):
            nn.init.normal_(layer.get_parameter("weight"), std=1e-1)
            nn.init.zeros_(layer.get_parameter("bias"))

    @torch.no_grad()
    def scale_deviation(self, factor: float) -> None:
        """Shift log d and multiply all bases."""
        shift_log_variance(self.log_variance, factor)
        self.bases.mul_(factor)


class MixtureOfBlocksHead(MixtureOfBasesHead):
    """The same heads with noise that is shared within each cell."""

    parameterisation = "mixture_of_blocks"
    logits = BlockMixtureLogits
