"""Estimates for more than two classes, from the few classes that a voxel may belong to.

With m >= 0 the margin of the likeliest class over class a and s^2 the variance of their difference, the
probability of a is at most sigmoid(-m + s z) <= exp(-t (m - s z)) for every t in [0, 1], hence on average

    E[p_a] <= exp(-m + s^2 / 2) if s^2 <= m, else exp(-m^2 / (2 s^2)).

Classes whose bounds add up to no more than :data:`LEFT_OUT` are left out as exactly 0. Without them each p
grows by no more than their sum, so E[p] is wrong by at most LEFT_OUT, Var[p] by twice that, and the
entropies by h(LEFT_OUT) + LEFT_OUT log C with h the binary entropy, 1.7e-4 nats for 100 classes. Two classes
that remain have the closed form of their difference; of more, Sobol points are taken in the space of
their differences.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from mobseg.covariance.form import CovarianceForm, best_class
from mobseg.moments import SOBOL_POINTS, binary_entropy, sigmoid_moments, softmax_moments
from mobseg.projections import covariance_factor

#: Most expected probability that is left out of a voxel, over all classes; maps are rounded to 8e-6.
LEFT_OUT = 1e-5

#: Numbers at a time: coefficients of variances, and logits at Sobol points; 4 MB each.
_CHUNK_VALUES = 1_000_000


@dataclass(frozen=True, eq=False)
class ProbabilityMoments:
    """Moments of the probabilities of n voxels: probability and its variance (F, n), the two entropies (n,)."""

    mean: Tensor
    variance: Tensor
    entropy: Tensor
    expected_entropy: Tensor


@dataclass(frozen=True, eq=False)
class _Voxels:
    """Moments of n voxels: mean and disagreement (C, n), values of the covariance's form (V, n)."""

    mean: Tensor
    values: Tensor
    disagreement: Tensor
    form: CovarianceForm

    def take(self, index: Tensor) -> _Voxels:
        """Some of the voxels."""
        return _Voxels(
            self.mean.index_select(1, index),
            self.values.index_select(1, index),
            self.disagreement.index_select(1, index),
            self.form,
        )

    def pair_variances(self, first: Tensor, second: Tensor) -> Tensor:
        """Variances of eta_a - eta_b, (p, n); disagreements of different classes count as independent."""
        spread = self.disagreement.gather(0, first) + self.disagreement.gather(0, second)
        return self.form.pair_variances(self.values, first, second) + spread


def softmax_estimates(
    mean: Tensor, values: Tensor, disagreement: Tensor, form: CovarianceForm
) -> ProbabilityMoments:
    """Estimates of the foreground classes of n voxels.

    Args:
        mean: (C, n) logits up to a shift.
        values: (V, n) float32 of ``form``.
        disagreement: (C, n) variance between windows, mirrors and folds.
        form: what the values are.
    """
    voxels = _Voxels(mean, values, disagreement, form)
    active = active_classes(mean, values, disagreement, form)
    probability = active.to(mean.dtype)
    spread = torch.zeros_like(mean)
    entropy, expected = mean.new_zeros(mean.shape[1]), mean.new_zeros(mean.shape[1])
    counts = active.sum(0)
    for count in torch.bincount(counts).nonzero()[:, 0].tolist():
        if count == 1:
            continue
        members = (counts == count).nonzero()[:, 0]
        for chunk in torch.split(members, _chunk_size(count, form)):
            classes = active[:, chunk].T.nonzero()[:, 1].view(-1, count).T
            estimates = _of_classes(voxels.take(chunk), classes)
            probability[classes, chunk] = estimates.mean
            spread[classes, chunk] = estimates.variance
            entropy[chunk] = estimates.entropy
            expected[chunk] = estimates.expected_entropy
    return ProbabilityMoments(probability[1:], spread[1:], entropy, expected)


def active_classes(
    mean: Tensor, values: Tensor, disagreement: Tensor, form: CovarianceForm
) -> Tensor:
    """(C, n) all classes but those that together have at most :data:`LEFT_OUT` of the probability."""
    best = best_class(mean)
    margin = mean.gather(0, best[None]) - mean
    variance = form.variance_bound(values, best)
    variance = variance + disagreement + disagreement.gather(0, best[None])
    narrow = 0.5 * variance - margin
    wide = -0.5 * margin.square() / variance.clamp_min(torch.finfo(mean.dtype).tiny)
    bound = torch.where(variance <= margin, narrow, wide).exp_()
    small = bound < LEFT_OUT
    together = torch.where(small, bound, 0.0).sum(0)
    threshold = torch.where(together <= LEFT_OUT, LEFT_OUT, LEFT_OUT / len(mean))
    return (bound >= threshold).scatter_(0, best[None], value=True)


def _chunk_size(count: int, form: CovarianceForm) -> int:
    numbers = form.numbers_for(count * (count - 1) // 2) + SOBOL_POINTS * (count > 2) * count
    return max(1, _CHUNK_VALUES // numbers)


def _of_classes(voxels: _Voxels, classes: Tensor) -> ProbabilityMoments:
    """Estimates of k classes of each voxel, ``classes`` (k, n), which have all the probability."""
    mean = voxels.mean.gather(0, classes)
    if len(classes) == 2:
        return _of_two(mean[1] - mean[0], voxels.pair_variances(classes[:1], classes[1:])[0])
    factor = covariance_factor(_covariance_of_differences(voxels, classes))
    # The first class is the origin: its difference to itself is zero.
    factor = torch.cat((torch.zeros_like(factor[:1]), factor))
    moments = softmax_moments((mean - mean[0])[None], factor[None])
    entropy = torch.special.entr(moments.mean[0]).sum(0)
    return ProbabilityMoments(
        moments.mean[0], moments.variance[0], entropy, moments.expected_entropy[0]
    )


def _of_two(difference: Tensor, variance: Tensor) -> ProbabilityMoments:
    moments = sigmoid_moments(difference, variance)
    return ProbabilityMoments(
        torch.stack((moments.complement, moments.mean)),
        moments.variance.expand(2, -1),
        binary_entropy(moments.mean, moments.complement),
        moments.expected_entropy,
    )


def _covariance_of_differences(voxels: _Voxels, classes: Tensor) -> Tensor:
    """(k - 1, k - 1, n) covariance of eta_a - eta_0, by which Cov = (g_a0 + g_b0 - g_ab) / 2."""
    first, second = torch.triu_indices(len(classes), len(classes), offset=1)
    between = classes.new_zeros(len(classes), *classes.shape).to(voxels.mean.dtype)
    between[first, second] = voxels.pair_variances(classes[first], classes[second])
    between[second, first] = between[first, second]
    to_first = between[0, 1:]
    return 0.5 * (to_first[:, None] + to_first - between[1:, 1:])
