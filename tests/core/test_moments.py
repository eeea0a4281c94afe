"""Closed forms against quadrature, Monte Carlo and each other."""

from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor

from mobseg.moments import (
    binary_entropy,
    log_expected_sigmoid,
    sigmoid_moments,
    softmax_moments,
)

DEVIATIONS = (0.0, 0.1, 0.5, 1.0, 3.0, 8.0, 20.0)


def _grid(deviation: float) -> tuple[Tensor, Tensor]:
    mean = torch.linspace(-40, 40, 321, dtype=torch.float64)
    return mean, torch.full_like(mean, deviation**2)


def _quadrature(mean: Tensor, deviation: float) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Mean, variance, expected entropy and log mean by a dense trapezoid rule (spectrally accurate)."""
    z = torch.linspace(-12, 12, 8_001, dtype=torch.float64)
    weight = torch.exp(-0.5 * z.square())
    weight = weight / weight.sum()
    logit = mean[:, None] + deviation * z
    p = logit.sigmoid()
    first = (p * weight).sum(1)
    variance = ((p - first[:, None]).square() * weight).sum(1)
    entropy = (binary_entropy(p, (-logit).sigmoid()) * weight).sum(1)
    log_mean = (torch.nn.functional.logsigmoid(logit) + weight.log()).logsumexp(1)
    return first, variance, entropy, log_mean


@pytest.mark.parametrize("deviation", DEVIATIONS)
@pytest.mark.parametrize(("dtype", "tolerance"), [(torch.float32, 1e-6), (torch.float64, 2e-8)])
def test_sigmoid_moments_equal_quadrature(
    deviation: float, dtype: torch.dtype, tolerance: float
) -> None:
    mean, variance = _grid(deviation)
    first, spread, entropy, _ = _quadrature(mean, deviation)
    moments = sigmoid_moments(mean.to(dtype), variance.to(dtype))
    # the entropy integrates the error of the mixture and is good to 5e-8 in float64
    for value, expected, bound in (
        (moments.mean, first, tolerance),
        (moments.complement, 1.0 - first, tolerance),
        (moments.variance, spread, tolerance),
        (moments.slope, first * (1.0 - first) - spread, tolerance),
        (moments.expected_entropy, entropy, max(tolerance, 1e-7)),
    ):
        assert (value.double() - expected).abs().max() <= bound


@pytest.mark.parametrize("deviation", [0.001, 0.1, 0.14, 0.15, 0.5, 1.0, 2.0, 3.0])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_a_tiny_variance_is_precise(deviation: float, dtype: torch.dtype) -> None:
    mean, variance = _grid(deviation)
    # What is farther out is certain.
    kept = mean.abs() <= 16 + 0.5 * deviation**2
    spread = _quadrature(-mean[kept].abs(), deviation)[1]
    assert spread.min() < 1e-6
    moments = sigmoid_moments(mean[kept].to(dtype), variance[kept].to(dtype))
    assert (moments.variance.double() / spread - 1).abs().max() < 0.01


def test_a_tiny_variance_of_three_classes_is_precise() -> None:
    mean = torch.tensor([12.0, 0.0, 0.0])[None, :, None]
    factor = 0.1 * torch.eye(3)[None, :, :, None]
    spread = softmax_moments(mean, factor).variance.flatten()
    # Nearly log-normal: of exp(x) with x ~ N(-12, 0.02), and of the sum of two that share a half.
    one = math.exp(-24 + 0.02) * math.expm1(0.02)
    both = 2 * one + 2 * math.exp(-24 + 0.02) * math.expm1(0.01)
    torch.testing.assert_close(spread, torch.tensor([both, one, one]), rtol=0.05, atol=0)


@pytest.mark.parametrize("deviation", DEVIATIONS)
def test_log_mean_is_precise_in_both_tails(deviation: float) -> None:
    mean, variance = _grid(deviation)
    expected = _quadrature(mean, deviation)[3]
    value = log_expected_sigmoid(mean.float(), variance.float()).double()
    assert ((value - expected).abs() / expected.abs().clamp_min(1.0)).max() < 1e-4


def test_zero_variance_is_the_sigmoid() -> None:
    mean = torch.linspace(-12, 12, 101)
    moments = sigmoid_moments(mean, torch.zeros_like(mean))
    assert (moments.mean - mean.sigmoid()).abs().max() < 3e-7
    assert moments.variance.max() < 1e-7
    entropy = binary_entropy(moments.mean, moments.complement)
    assert (moments.expected_entropy - entropy).abs().max() < 3e-7


def test_slope_is_the_derivative_of_the_mean() -> None:
    mean = torch.linspace(-5, 5, 21, dtype=torch.float64, requires_grad=True)
    variance = torch.linspace(0.1, 4, 21, dtype=torch.float64)
    moments = sigmoid_moments(mean, variance)
    (derivative,) = torch.autograd.grad(moments.mean.sum(), mean)
    torch.testing.assert_close(moments.slope, derivative)


def test_closed_forms_are_differentiable_twice() -> None:
    mean = torch.tensor([-3.0, 0.2, 2.0], dtype=torch.float64, requires_grad=True)
    variance = torch.tensor([0.5, 1.0, 2.0], dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(log_expected_sigmoid, (mean, variance))
    assert torch.autograd.gradcheck(lambda m, v: sigmoid_moments(m, v).variance, (mean, variance))
    assert torch.autograd.gradgradcheck(lambda m, v: sigmoid_moments(m, v).mean, (mean, variance))


def test_gradients_of_the_log_mean_are_finite_for_extreme_logits() -> None:
    mean = torch.tensor([-1e4, -50.0, 0.0, 50.0, 1e4], requires_grad=True)
    variance = torch.tensor([0.0, 100.0, 0.0, 1e-8, 148.0], requires_grad=True)
    log_expected_sigmoid(mean, variance).sum().backward()
    assert torch.isfinite(mean.grad).all() and torch.isfinite(variance.grad).all()
    assert mean.grad[0] == pytest.approx(1.0)  # log sigmoid is linear there


def test_monte_carlo_converges_to_the_closed_form() -> None:
    """1e5 samples within 5 estimated standard errors, for the mean and for the variance."""
    generator = torch.Generator().manual_seed(0)
    mean = torch.tensor([-4.0, -1.0, 0.0, 0.7, 3.0], dtype=torch.float64)
    deviation = torch.tensor([2.0, 0.5, 1.0, 3.0, 1.5], dtype=torch.float64)
    n = 100_000
    noise = torch.randn(n, 5, generator=generator, dtype=torch.float64)
    p = (mean + deviation * noise).sigmoid()
    moments = sigmoid_moments(mean, deviation.square())
    assert ((p.mean(0) - moments.mean).abs() <= 5 * p.std(0) / n**0.5).all()
    squares = (p - p.mean(0)).square()
    assert ((p.var(0) - moments.variance).abs() <= 5 * squares.std(0) / n**0.5).all()


def test_mutual_information_is_never_negative() -> None:
    mean, variance = torch.meshgrid(
        torch.linspace(-20, 20, 81), torch.linspace(0, 100, 51), indexing="ij"
    )
    moments = sigmoid_moments(mean, variance)
    assert (
        binary_entropy(moments.mean, moments.complement) - moments.expected_entropy
    ).min() > -1e-6


def test_two_class_softmax_agrees_with_the_closed_form() -> None:
    """Sobol points against the exact moments of the logit difference."""
    generator = torch.Generator().manual_seed(4)
    mean = 2.0 * torch.randn(1, 2, 50, generator=generator, dtype=torch.float64)
    factor = 0.7 * torch.randn(1, 2, 2, 50, generator=generator, dtype=torch.float64)
    sobol = softmax_moments(mean, factor, points=1024)
    difference = factor[:, 1] - factor[:, 0]
    exact = sigmoid_moments(mean[0, 1] - mean[0, 0], difference.square().sum(dim=1)[0])
    assert (sobol.mean[0, 1] - exact.mean).abs().max() < 2e-3
    assert (sobol.variance[0, 1] - exact.variance).abs().max() < 2e-3
    assert (sobol.expected_entropy[0] - exact.expected_entropy).abs().max() < 4e-3


def test_sobol_beats_monte_carlo_for_three_classes() -> None:
    generator = torch.Generator().manual_seed(5)
    mean = 2.0 * torch.randn(1, 3, 200, generator=generator, dtype=torch.float64)
    factor = 0.7 * torch.randn(1, 3, 3, 200, generator=generator, dtype=torch.float64)
    reference = softmax_moments(mean, factor, points=2**14)
    sobol = softmax_moments(mean, factor)
    noise = torch.randn(128, 1, 3, 200, generator=generator, dtype=torch.float64)
    logits = mean + torch.einsum("bckv,nbkv->nbcv", factor, noise)
    monte_carlo = logits.softmax(dim=2).mean(0)
    error = (sobol.mean - reference.mean).abs().mean()
    assert error < 1.5e-3
    assert error < 0.2 * (monte_carlo - reference.mean).abs().mean()


def test_softmax_probabilities_sum_to_one() -> None:
    mean = torch.randn(1, 5, 20, generator=torch.Generator().manual_seed(0))
    factor = torch.randn(1, 5, 5, 20, generator=torch.Generator().manual_seed(1))
    moments = softmax_moments(mean, factor)
    torch.testing.assert_close(moments.mean.sum(1), torch.ones(1, 20))
    assert (moments.variance >= 0).all()
    assert (moments.expected_entropy <= torch.log(torch.tensor(5.0)) + 1e-6).all()
