"""Numbers per voxel that stand for the covariance of C > 2 classes between the network and the maps.

A softmax depends on the variances of all differences eta_a - eta_b, a < b, which are C (C - 1) / 2 numbers.
Averages over windows, mirrors and folds and linear interpolation are valid for any numbers of which these
variances are a linear function. For projections onto learned bases that are the products
a_r^2 w_m w_m' and d_c, R M (M + 1) / 2 + C of them: 121 instead of 300 for 25 classes, 200 instead of 5356
for 104.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence

import torch
from torch import Tensor

from mobseg.covariance.base import LogitDistribution

#: Channels in a block.
_BLOCK = 16


class CovarianceForm(ABC):
    """How the variances of differences of C logits follow from V numbers of a voxel, linearly.

    "Values" are (V, n) or (V, *S): channels first, then voxels.

    Attributes:
        classes: C.
        channels: V.
    """

    classes: int
    channels: int

    @abstractmethod
    def factors(self, distribution: LogitDistribution, fold: int) -> tuple[Tensor, ...]:
        """What the network of a fold gives for a window, each (B, F, *S); :meth:`expand` uses it.

        The distribution is used up: its memory may be taken.
        """

    @property
    def blocks(self) -> Sequence[slice]:
        """Channels that are expanded at a time, in order."""
        return split_channels(self.channels)

    @abstractmethod
    def expand(self, factors: Sequence[Tensor], channels: slice, out: Tensor) -> None:
        """Values, which may be averaged, from the factors of a part of a window.

        Args:
            factors: each (F, *S).
            channels: one of :attr:`blocks`.
            out: (channels, *S), is filled.
        """

    @abstractmethod
    def pair_variances(self, values: Tensor, first: Tensor, second: Tensor) -> Tensor:
        """Variances of p differences of each voxel, (V, n), (p, n), (p, n) -> (p, n); a and b differ."""

    def numbers_for(self, pairs: int) -> int:
        """Numbers for a voxel in the course of :meth:`pair_variances`."""
        return self.channels + pairs

    @abstractmethod
    def variance_bound(self, values: Tensor, best: Tensor) -> Tensor:
        """At least the variance of eta_a - eta_best for each class a, (V, n), (n,) -> (C, n)."""

    @abstractmethod
    def largest_pair_variance(self, values: Tensor) -> Tensor:
        """At least the variance of every difference, (V, *S) -> (*S)."""

    @abstractmethod
    def mean_pair_variance(self, values: Tensor) -> Tensor:
        """Mean variance over all differences, (V, *S) -> (*S)."""

    @abstractmethod
    def all_pair_variances(self, values: Tensor) -> Tensor:
        """Variances of all differences in the order of ``torch.triu_indices``, (V, n) -> (Q, n)."""


class NoCovariance(CovarianceForm):
    """Of a model that predicts no variance: no numbers.

    Args:
        classes: C.
    """

    def __init__(self, classes: int) -> None:
        self.classes = classes
        self.channels = 0

    def factors(self, distribution: LogitDistribution, fold: int) -> tuple[Tensor, ...]:  # noqa: ARG002
        """No channels."""
        return (distribution.mean[:, :0],)

    def expand(self, factors: Sequence[Tensor], channels: slice, out: Tensor) -> None:
        """Nothing to do."""

    def pair_variances(self, values: Tensor, first: Tensor, second: Tensor) -> Tensor:  # noqa: ARG002
        """Zeros."""
        return values.new_zeros(first.shape)

    def all_pair_variances(self, values: Tensor) -> Tensor:
        """Zeros."""
        return values.new_zeros(self.classes * (self.classes - 1) // 2, values.shape[1])

    def variance_bound(self, values: Tensor, best: Tensor) -> Tensor:  # noqa: ARG002
        """Zeros."""
        return values.new_zeros(self.classes, values.shape[1])

    def largest_pair_variance(self, values: Tensor) -> Tensor:
        """Zeros."""
        return values.new_zeros(values.shape[1:])

    def mean_pair_variance(self, values: Tensor) -> Tensor:
        """Zeros."""
        return values.new_zeros(values.shape[1:])


class PairForm(CovarianceForm):
    """The variances of all differences themselves; serves every parameterisation.

    Args:
        classes: C.
    """

    def __init__(self, classes: int) -> None:
        self.classes = classes
        self.channels = classes * (classes - 1) // 2

    def factors(self, distribution: LogitDistribution, fold: int) -> tuple[Tensor, ...]:  # noqa: ARG002
        """The variances of all differences."""
        return (distribution.projected_variance(pair_projection(self.classes, distribution.mean)),)

    def expand(self, factors: Sequence[Tensor], channels: slice, out: Tensor) -> None:
        """A copy."""
        out.copy_(factors[0][channels])

    def pair_variances(self, values: Tensor, first: Tensor, second: Tensor) -> Tensor:
        """Some of the channels."""
        return values.gather(0, pair_channel(self.classes, first, second))

    def variance_bound(self, values: Tensor, best: Tensor) -> Tensor:
        """The variances themselves, and 0 for the best class."""
        rows = torch.arange(self.classes, device=best.device)[:, None]
        others = pair_channel(self.classes, rows, best).clamp_(0, self.channels - 1)
        return values.gather(0, others).masked_fill_(rows == best, 0.0)

    def largest_pair_variance(self, values: Tensor) -> Tensor:
        """The largest channel."""
        return values.amax(0)

    def mean_pair_variance(self, values: Tensor) -> Tensor:
        """The mean of the channels."""
        return values.mean(0)

    def all_pair_variances(self, values: Tensor) -> Tensor:
        """The channels."""
        return values


def split_channels(count: int) -> list[slice]:
    """Blocks of so few channels that a plane of a window stays in the processor's cache."""
    return [slice(n, min(n + _BLOCK, count)) for n in range(0, count, _BLOCK)]


def two_largest(values: Tensor) -> tuple[Tensor, Tensor]:
    """The largest and the second largest of (C, *S) over at least two channels, each (*S)."""
    first, second = torch.maximum(values[0], values[1]), torch.minimum(values[0], values[1])
    for value in values[2:]:
        second = torch.maximum(second, torch.minimum(first, value))
        first = torch.maximum(first, value)
    return first, second


def best_class(logits: Tensor) -> Tensor:
    """The first of the largest of (C, *S), (*S) int64; ten times as fast as ``argmax``."""
    largest = logits[0]
    best = torch.zeros(largest.shape, dtype=torch.int16, device=logits.device)
    for number, logit in enumerate(logits[1:], start=1):
        best.masked_fill_(logit > largest, number)
        largest = torch.maximum(largest, logit)
    return best.long()


def pair_projection(classes: int, like: Tensor) -> Tensor:
    """(C (C - 1) / 2, C) rows e_b - e_a for a < b, in the order of ``torch.triu_indices``."""
    first, second = torch.triu_indices(classes, classes, offset=1, device=like.device)
    rows = torch.arange(len(first), device=like.device)
    projection = like.new_zeros(len(first), classes)
    projection[rows, first] = -1.0
    projection[rows, second] = 1.0
    return projection


def pair_channel(classes: int, first: Tensor, second: Tensor) -> Tensor:
    """Place of pairs of classes in ``torch.triu_indices(C, C, offset=1)``."""
    low, high = torch.minimum(first, second), torch.maximum(first, second)
    return low * (2 * classes - low - 1) // 2 + high - low - 1
