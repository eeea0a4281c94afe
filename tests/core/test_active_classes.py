"""The few classes that a voxel may belong to, against all classes and against Monte Carlo."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from mobseg.active_classes import LEFT_OUT, ProbabilityMoments, active_classes, softmax_estimates
from mobseg.covariance.basis_form import BasisForm
from mobseg.covariance.form import CovarianceForm, NoCovariance, PairForm
from mobseg.moments import softmax_moments
from mobseg.projections import covariance_factor, covariance_from_pairs

CLASSES, VOXELS, RANK = 25, 150, 4
Moments = tuple[Tensor, Tensor, Tensor]


def _moments(form: CovarianceForm, spacing: float, scale: float = 1.0, gap: float = 0.0) -> Moments:
    """Logits that fall off by ``spacing`` from class to class, in an order of its own per voxel.

    After the second class they fall by ``gap`` more.
    """
    generator = torch.Generator().manual_seed(0)
    order = torch.rand(CLASSES, VOXELS, generator=generator).argsort(0).float()
    mean = -spacing * order - gap * (order > 1) + torch.randn(CLASSES, VOXELS, generator=generator)
    values = scale * torch.rand(form.channels, VOXELS, generator=generator)
    disagreement = 0.2 * torch.rand(CLASSES, VOXELS, generator=generator)
    return mean - mean.mean(0), values, disagreement


def _basis_form() -> BasisForm:
    generator = torch.Generator().manual_seed(1)
    return BasisForm([0.5 * torch.randn(1, CLASSES, RANK, generator=generator)])


def _covariance(form: CovarianceForm, values: Tensor, disagreement: Tensor) -> Tensor:
    """(C, C, n) in float64 from all pairs, regular by a shift common to all classes."""
    pairs = form.all_pair_variances(values).double()
    covariance = covariance_from_pairs(pairs[None], CLASSES)[0] + 1.0
    return covariance + torch.diag_embed(disagreement.T.double()).movedim(0, -1)


def _reference(form: CovarianceForm, moments: Moments, points: int = 2**13) -> ProbabilityMoments:
    """All classes, with many Sobol points in float64."""
    mean, values, disagreement = moments
    factor = covariance_factor(_covariance(form, values, disagreement))
    exact = softmax_moments(mean.double()[None], factor[None], points)
    entropy = torch.special.entr(exact.mean[0]).sum(0)
    return ProbabilityMoments(
        exact.mean[0, 1:], exact.variance[0, 1:], entropy, exact.expected_entropy[0]
    )


def _errors(
    actual: ProbabilityMoments, expected: ProbabilityMoments, members: Tensor
) -> list[float]:
    return [
        float((getattr(actual, name) - getattr(expected, name))[..., members].abs().max())
        for name in ("mean", "variance", "entropy", "expected_entropy")
    ]


@pytest.mark.parametrize("kind", ["none", "bases"])
def test_two_of_many_classes_equal_all_of_them(kind: str) -> None:
    """The closed form is exact; 8192 points for 25 classes are off by 6e-5 on average."""
    form = NoCovariance(CLASSES) if kind == "none" else _basis_form()
    moments = _moments(form, spacing=2.0, gap=40.0)
    two = active_classes(*moments, form).sum(0) == 2
    assert two.all()
    actual, expected = softmax_estimates(*moments, form), _reference(form, moments)
    assert max(_errors(actual, expected, two)) < 4e-3
    assert (actual.mean - expected.mean).square().mean().sqrt() < 2e-4


def test_a_few_of_many_classes_equal_all_of_them() -> None:
    """Both sides are sums over Sobol points, 128 here, which are off by up to some thousandths."""
    form = _basis_form()
    moments = _moments(form, spacing=4.0)
    several = active_classes(*moments, form).sum(0) > 2
    assert several.sum() > 75
    actual, expected = softmax_estimates(*moments, form), _reference(form, moments)
    mean, variance, entropy, expected_entropy = _errors(actual, expected, several)
    assert max(mean, variance) < 1e-2
    assert max(entropy, expected_entropy) < 3e-2
    assert (actual.mean - expected.mean).square().mean().sqrt() < 8e-4


def test_what_is_left_out_is_below_the_stated_bound() -> None:
    """The same 4096 points with and without the classes that are left out."""
    form = _basis_form()
    mean, values, disagreement = _moments(form, spacing=2.5, scale=3.0)
    active = active_classes(mean, values, disagreement, form)
    assert 1 < active.sum(0).float().mean() < CLASSES - 5
    factor = covariance_factor(_covariance(form, values, disagreement))[None]
    everything = softmax_moments(mean.double()[None], factor, 2**12)
    without = mean.double().masked_fill(~active, -1e6)
    part = softmax_moments(without[None], factor, 2**12)
    assert everything.mean[0].masked_fill(active, 0.0).sum(0).max() < LEFT_OUT
    assert (part.mean - everything.mean).abs().max() < LEFT_OUT
    assert (part.variance - everything.variance).abs().max() < 2 * LEFT_OUT


def test_two_classes_equal_monte_carlo() -> None:
    """Mean and variance of 1e5 draws from all 25 classes, within 5 standard errors."""
    form = _basis_form()
    mean, values, disagreement = (part[:, :30] for part in _moments(form, spacing=2.0, gap=40.0))
    estimates = softmax_estimates(mean, values, disagreement, form)
    factor = covariance_factor(_covariance(form, values, disagreement))
    generator = torch.Generator().manual_seed(2)
    draws = 100_000
    first, second = torch.zeros(CLASSES, 30).double(), torch.zeros(CLASSES, 30).double()
    for _ in range(100):
        noise = torch.randn(draws // 100, CLASSES, generator=generator, dtype=torch.float64)
        p = (mean + torch.einsum("ckn,bk->bcn", factor, noise)).softmax(1)
        first, second = first + p.sum(0) / draws, second + p.square().sum(0) / draws
    variance = second - first.square()
    assert estimates.variance.max() > 0.01
    error = (estimates.mean - first[1:]).abs()
    assert (error <= 5 * (variance[1:] / draws).sqrt() + LEFT_OUT).all()
    # p lies in [0, 1], so the variance of (p - mean)^2 is below its mean.
    assert (
        (estimates.variance - variance[1:]).abs() <= 5 * (variance[1:] / draws).sqrt() + 1e-5
    ).all()


def test_pairs_and_bases_give_the_same_estimates() -> None:
    bases = _basis_form()
    mean, values, disagreement = _moments(bases, spacing=5.0)
    pairs = bases.all_pair_variances(values)
    first = softmax_estimates(mean, values, disagreement, bases)
    second = softmax_estimates(mean, pairs, disagreement, PairForm(CLASSES))
    same = torch.ones(VOXELS, dtype=torch.bool)
    # The bounds on the variances differ, and so do the classes that Sobol points are taken for.
    assert max(_errors(first, second, same)) < 2e-2
    two = active_classes(mean, values, disagreement, bases).sum(0) == 2
    assert max(_errors(first, second, two)) < 2e-4


def test_one_class_is_certain() -> None:
    form = NoCovariance(CLASSES)
    mean, values, disagreement = _moments(form, spacing=200.0)
    estimates = softmax_estimates(mean, values, disagreement, form)
    expected = torch.zeros_like(mean).scatter_(0, mean.argmax(0, keepdim=True), 1.0)
    assert torch.equal(estimates.mean, expected[1:])
    assert not estimates.variance.any()
    assert not estimates.entropy.any()
