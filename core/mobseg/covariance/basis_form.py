"""The form of covariances that are projections onto learned bases, and the choice of a form."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence

import torch
from torch import Tensor

from mobseg.covariance.base import LogitDistribution, StochasticHead
from mobseg.covariance.basis import BasisLogits, MixtureLogits
from mobseg.covariance.cells import spread_cells
from mobseg.covariance.deterministic import DeterministicHead
from mobseg.covariance.diagonal import DiagonalLogits
from mobseg.covariance.form import (
    CovarianceForm,
    NoCovariance,
    PairForm,
    pair_channel,
    split_channels,
    two_largest,
)

#: Time for the variance of a chosen pair, relative to its share in the product of matrices for all.
_COST_OF_SOME = 20


def covariance_form(heads: Sequence[StochasticHead], classes: int) -> CovarianceForm:
    """The form with the fewest numbers.

    Args:
        heads: of each fold; none for networks without a variance.
        classes: C > 2.
    """
    deterministic = DeterministicHead.parameterisation
    stochastic = [head for head in heads if head.parameterisation != deterministic]
    if not stochastic:
        return NoCovariance(classes)
    pairs = PairForm(classes)
    bases = [bases for head in stochastic if (bases := head.learned_bases()) is not None]
    if len(bases) < len(stochastic):
        return pairs
    form = BasisForm(bases)
    return form if form.channels < pairs.channels else pairs


class BasisForm(CovarianceForm):
    """Products of squared scales and mixing weights, and d, for projections onto learned bases.

    With B_p = sum_m w_m B_m, the variance of eta_a - eta_b is

        sum_r sum_{m <= m'} (a_r^2 w_m w_m') k_{mm'r} + d_a + d_b,

    k = (2 - [m = m']) (B_m[a, r] - B_m[b, r]) (B_m'[a, r] - B_m'[b, r]). Single-Basis has M = 1, a
    diagonal covariance M = 0. Each fold has bases of its own, and products of its own, which are zero in
    the passes of other folds.

    Args:
        bases: (M, C, R) of each fold, B_1..B_M.
    """

    def __init__(self, bases: Sequence[Tensor]) -> None:
        self._mixtures, self.classes, self._rank = bases[0].shape
        self._folds = len(bases)
        # A shift common to all classes changes no difference; without it the bounds are closer.
        centred = [fold.detach().cpu().float() for fold in bases]
        centred = [fold - fold.mean(dim=1, keepdim=True) for fold in centred]
        first, second = torch.triu_indices(self.classes, self.classes, offset=1)
        self._of_class = _coefficients(centred)
        self._of_pair = _coefficients([fold[:, first] - fold[:, second] for fold in centred])
        self._largest = self._of_pair.amax(0).clamp_min(0.0)
        self._products = self._of_pair.shape[1]
        self._pairs = list(_pairs_of_bases(self._folds, self._mixtures))
        self.channels = self._products + self.classes

    def factors(self, distribution: LogitDistribution, fold: int) -> tuple[Tensor, ...]:
        """The squared scales, the weight of each basis of each fold, and d."""
        if isinstance(distribution, DiagonalLogits):
            nothing = distribution.mean[:, :0]
            return nothing, nothing, distribution.diagonal_variance
        assert isinstance(distribution, BasisLogits)
        weights = distribution.mean.new_zeros(
            len(distribution.mean), self._folds * self._mixtures, *distribution.mean.shape[2:]
        )
        own = weights[:, fold * self._mixtures : (fold + 1) * self._mixtures]
        if isinstance(distribution, MixtureLogits):
            own.copy_(spread_cells(distribution.weights, own.shape[2:]))
        else:
            own.fill_(1.0)
        return distribution.scales.square_(), weights, distribution.diagonal_variance

    @property
    def blocks(self) -> Sequence[slice]:
        """All scales of a pair of bases at a time, then d."""
        products = [
            slice(start, start + self._rank) for start in range(0, self._products, self._rank or 1)
        ]
        diagonal = split_channels(self.classes)
        shift = self._products
        return [*products, *(slice(shift + d.start, shift + d.stop) for d in diagonal)]

    def expand(self, factors: Sequence[Tensor], channels: slice, out: Tensor) -> None:
        """The products of a pair of bases, or some d."""
        squared_scales, weights, diagonal = factors
        if channels.start >= self._products:
            start = channels.start - self._products
            out.copy_(diagonal[start : start + len(out)])
        else:
            first, second = self._pairs[channels.start // self._rank]
            torch.mul(squared_scales, weights[first] * weights[second], out=out)

    def pair_variances(self, values: Tensor, first: Tensor, second: Tensor) -> Tensor:
        """Of the products and d; not below zero, where rounding may lead."""
        channel = pair_channel(self.classes, first, second)
        if self._takes_all(len(first)):
            return self.all_pair_variances(values).gather(0, channel)
        products, diagonal = values[: self._products], values[self._products :]
        projected = torch.stack(
            [torch.einsum("nv,vn->n", self._of_pair[pair], products) for pair in channel]
        )
        return projected.clamp_min_(0.0) + diagonal.gather(0, first) + diagonal.gather(0, second)

    def numbers_for(self, pairs: int) -> int:
        """Coefficients of one pair, or the variances of all pairs."""
        return self.channels + (len(self._of_pair) if self._takes_all(pairs) else self._products)

    def _takes_all(self, pairs: int) -> bool:
        """Whether one product of matrices for all pairs costs less than sums for some."""
        return pairs * _COST_OF_SOME > len(self._of_pair)

    def variance_bound(self, values: Tensor, best: Tensor) -> Tensor:
        """By the inequality of Cauchy and Schwarz, without a sum for each pair."""
        deviation = (self._of_class @ values[: self._products]).clamp_min_(0.0).sqrt_()
        diagonal = values[self._products :]
        bound = (deviation + deviation.gather(0, best[None])).square_()
        bound += diagonal + diagonal.gather(0, best[None])
        return bound.scatter_(0, best[None], 0.0)

    def largest_pair_variance(self, values: Tensor) -> Tensor:
        """The largest coefficient of each product, as none is negative, and the two largest d."""
        projected = torch.einsum("v,v...->...", self._largest, values[: self._products])
        return projected + sum(two_largest(values[self._products :]))

    def mean_pair_variance(self, values: Tensor) -> Tensor:
        """The mean coefficients."""
        coefficients = torch.cat(
            (self._of_pair.mean(0), torch.full((self.classes,), 2.0 / self.classes))
        )
        return torch.einsum("v,v...->...", coefficients, values)

    def all_pair_variances(self, values: Tensor) -> Tensor:
        """One product of matrices."""
        first, second = torch.triu_indices(self.classes, self.classes, offset=1)
        diagonal = values[self._products :]
        projected = (self._of_pair @ values[: self._products]).clamp_min_(0.0)
        return projected + diagonal[first] + diagonal[second]


def _pairs_of_bases(folds: int, mixtures: int) -> Iterator[tuple[int, int]]:
    """Bases m <= m' of the same fold, counted over all folds."""
    for fold in range(folds):
        of_fold = range(fold * mixtures, (fold + 1) * mixtures)
        yield from itertools.combinations_with_replacement(of_fold, 2)


def _coefficients(rows: Sequence[Tensor]) -> Tensor:
    """Coefficients of the products in the variance of each of n rows of the bases.

    Args:
        rows: (M, n, R) of each fold.

    Returns:
        (n, products), in the order of :meth:`BasisForm.expand`.
    """
    bases = torch.cat(list(rows))
    pairs = _pairs_of_bases(len(rows), len(rows[0]))
    blocks = [(1.0 if m == other else 2.0) * bases[m] * bases[other] for m, other in pairs]
    return torch.cat([bases.new_zeros(bases.shape[1], 0), *blocks], dim=1)
