from __future__ import annotations

import numpy as np
import pytest
import torch

from mobseg.covariance.form import PairForm
from mobseg.inference.accumulator import StitchedMoments
from mobseg.sampling import CORRELATION_LENGTH_MM, gaussian_field, sample_logits

SPACING = (3.0, 3.0, 3.0)


def _moments(shape: tuple[int, int, int], channels: int = 1) -> StitchedMoments:
    generator = torch.Generator().manual_seed(0)
    pairs = channels * (channels - 1) // 2 if channels > 1 else 1
    mean = torch.randn(channels, *shape, generator=generator)
    return StitchedMoments(
        mean - mean.mean(0, keepdim=True) if channels > 1 else mean,
        torch.rand(pairs, *shape, generator=generator) + 0.5,
        torch.rand(channels, *shape, generator=generator),
    )


def test_the_field_has_unit_variance_and_the_stated_correlation() -> None:
    """Averages over 60 fields; a Gaussian kernel of width s correlates as exp(-d^2 / (4 s^2))."""
    rng = np.random.default_rng(0)
    fields = torch.stack([gaussian_field((24, 24, 24), (2.0, 2.0, 2.0), rng) for _ in range(60)])
    assert float(fields.square().mean()) == pytest.approx(1.0, abs=0.03)
    neighbours = (fields * fields.roll(3, dims=3)).mean()
    assert float(neighbours) == pytest.approx(np.exp(-9 / 16), abs=0.03)


def test_samples_have_the_models_marginals() -> None:
    """Mean and variance of each voxel within 5 standard errors."""
    moments = _moments((6, 7, 8))
    n = 2000
    drawn = torch.stack([s.mean for s in sample_logits(moments, SPACING, n, seed=0)])
    total = moments.model_variance + moments.disagreement_variance
    assert ((drawn.mean(0) - moments.mean).abs() <= 5 * (total / n).sqrt()).all()
    assert ((drawn.var(0) - total).abs() <= 5 * total * (2 / n) ** 0.5).all()


def test_samples_of_three_classes_have_the_models_differences() -> None:
    moments = _moments((3, 4, 5), channels=3)
    n = 4000
    drawn = torch.stack([s.mean for s in sample_logits(moments, SPACING, n, 0, PairForm(3))])
    difference = drawn[:, 1] - drawn[:, 0]
    spread = moments.disagreement_variance
    expected = moments.model_variance[0] + spread[0] + spread[1]
    assert ((difference.var(0) - expected).abs() <= 5 * expected * (2 / n) ** 0.5 + 1e-4).all()


def test_equal_seeds_give_equal_samples() -> None:
    first, second, third = (
        next(sample_logits(_moments((4, 4, 4)), SPACING, 1, seed)).mean for seed in (1, 1, 2)
    )
    assert torch.equal(first, second)
    assert not torch.equal(first, third)


def test_the_correlation_length_is_in_millimetres() -> None:
    """Neighbours along an axis of finer spacing resemble each other more."""
    shape = (24, 24, 24)
    still = StitchedMoments(torch.zeros(1, *shape), torch.ones(1, *shape), torch.zeros(1, *shape))
    spacing = (CORRELATION_LENGTH_MM, CORRELATION_LENGTH_MM, CORRELATION_LENGTH_MM / 4)
    drawn = torch.stack([s.mean[0] for s in sample_logits(still, spacing, 40, 0)])
    coarse = float((drawn * drawn.roll(1, dims=1)).mean())
    fine = float((drawn * drawn.roll(1, dims=3)).mean())
    assert fine > 0.9 > coarse
