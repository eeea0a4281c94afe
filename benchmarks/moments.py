"""Closed-form moments against Monte Carlo with 30 samples: time and accuracy."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from mobseg.moments import sigmoid_moments

Moments = tuple[Tensor, Tensor]


def closed_form(mean: Tensor, variance: Tensor) -> Moments:
    """Mean and variance of the probability."""
    moments = sigmoid_moments(mean, variance)
    return moments.mean, moments.variance


def monte_carlo(mean: Tensor, variance: Tensor, samples: int = 30) -> Moments:
    """The same from samples of the one logit that matters, the cheapest way to sample it."""
    deviation = variance.sqrt()
    first, second = torch.zeros_like(mean), torch.zeros_like(mean)
    for _ in range(samples):
        p = torch.sigmoid(mean + deviation * torch.randn_like(mean))
        first += p
        second += p.square()
    first /= samples
    return first, (second / samples - first.square()) * (samples / (samples - 1))


def eq_14(mean: Tensor, variance: Tensor, samples: int = 30) -> Moments:
    """Eq. 13 and 14 as printed: noise for both classes and all 16 ranks, softmax, average."""
    rank = 16
    independent = (0.25 * variance).sqrt()  # half of the variance of the difference
    scales = (variance / (8 * rank)).sqrt()  # the other half
    basis = torch.ones(2, rank)
    basis[0] = -1.0
    first, second = torch.zeros_like(mean), torch.zeros_like(mean)
    for _ in range(samples):
        shared = basis @ (scales * torch.randn(rank, len(mean)))
        logits = torch.stack([torch.zeros_like(mean), mean])
        p = torch.softmax(logits + independent * torch.randn(2, len(mean)) + shared, dim=0)[1]
        first += p
        second += p.square()
    first /= samples
    return first, (second / samples - first.square()) * (samples / (samples - 1))


def measure(*, voxels: int, repeats: int) -> dict[str, Any]:
    """Time and compare with a dense trapezoid rule on part of the voxels.

    Args:
        voxels: how many, with logits spread over [-12, 12] and deviations over [0, 3].
        repeats: timed runs, interleaved.
    """
    generator = torch.Generator().manual_seed(0)
    mean = 24.0 * torch.rand(voxels, generator=generator) - 12.0
    variance = (3.0 * torch.rand(voxels, generator=generator)).square()
    ways: dict[str, Callable[[Tensor, Tensor], Moments]] = {
        "closed form": closed_form,
        "Monte Carlo, 30 samples of one logit": monte_carlo,
        "Monte Carlo, 30 samples by eq. 13": eq_14,
    }
    seconds: dict[str, list[float]] = {name: [] for name in ways}
    for _ in range(repeats + 1):
        for name, way in ways.items():
            begin = time.perf_counter()
            way(mean, variance)
            seconds[name].append(time.perf_counter() - begin)
    part = slice(0, 20_000)
    exact = _quadrature(mean[part].double(), variance[part].double())
    base = statistics.median(seconds["closed form"][1:])
    result: dict[str, Any] = {"voxels": voxels, "n": repeats}
    for name, way in ways.items():
        median = statistics.median(seconds[name][1:])
        errors = [
            float((value - truth).square().mean().sqrt())
            for value, truth in zip(way(mean[part], variance[part]), exact, strict=True)
        ]
        result[name] = {
            "median_seconds": median,
            "times_closed_form": median / base,
            "rmse_mean": errors[0],
            "rmse_variance": errors[1],
        }
    return result


def _quadrature(mean: Tensor, variance: Tensor) -> Moments:
    z = torch.linspace(-10, 10, 2001, dtype=torch.float64)
    weight = torch.exp(-0.5 * z.square())
    weight /= weight.sum()
    p = torch.sigmoid(mean[:, None] + variance.sqrt()[:, None] * z)
    first = (p * weight).sum(1)
    return first, ((p - first[:, None]).square() * weight).sum(1)
