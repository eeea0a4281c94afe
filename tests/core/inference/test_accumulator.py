"""The accumulator's moments against float64, and its invariants."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from mobseg.inference.accumulator import MomentAccumulator
from mobseg.inference.windows import gaussian_importance, in_window, window_slices

SHAPE = (20, 18, 16)
PATCH = (8, 10, 8)


def passes(level: float, spread: float, repeats: int = 4):
    """Windows with their means and variances, around ``level``."""
    generator = torch.Generator().manual_seed(0)
    for _ in range(repeats):
        for window in window_slices(SHAPE, PATCH, 0.5):
            mean = level + spread * torch.randn(2, *PATCH, generator=generator)
            yield window, mean, torch.rand(1, *PATCH, generator=generator)


def accumulate(items):
    accumulator = MomentAccumulator(2, 1, SHAPE)
    weight = gaussian_importance(PATCH)
    for window, mean, variance in items:
        accumulator.add(window, mean, [variance], weight)
    return accumulator.finish()


def reference(items):
    """Weighted sums of m, s^2 and m^2 in float64."""
    weight = gaussian_importance(PATCH).double()
    total = torch.zeros(SHAPE, dtype=torch.float64)
    sums = [torch.zeros(n, *SHAPE, dtype=torch.float64) for n in (2, 1, 2)]
    for window, mean, variance in items:
        total[window] += weight
        values = (mean.double(), variance.double(), mean.double().square())
        for running, value in zip(sums, values, strict=True):
            in_window(running, window).add_(weight * value)
    mean, variance, square = (running / total for running in sums)
    return mean, variance, square - mean.square()


@pytest.mark.parametrize(("level", "spread"), [(0.0, 3.0), (20.0, 0.1), (-20.0, 1e-3)])
def test_moments_equal_float64(level, spread):
    stitched = accumulate(passes(level, spread))
    mean, variance, disagreement = reference(passes(level, spread))
    torch.testing.assert_close(stitched.mean.double(), mean, atol=1e-5, rtol=0)
    torch.testing.assert_close(stitched.model_variance.double(), variance, atol=1e-6, rtol=0)
    # Relative to the variance itself; at level -20 its size is 1e-6 while the mean square is 400.
    scale = float(disagreement.mean())
    error = (stitched.disagreement_variance - disagreement).abs().max()
    assert error < 0.02 * scale
    assert stitched.disagreement_variance.min() >= 0


def test_difference_of_squares_would_fail_in_float32():
    """The reason for the running update: the textbook formula has no correct digit here."""
    items = list(passes(-20.0, 1e-3))
    weight = gaussian_importance(PATCH)
    total, first, second = torch.zeros(SHAPE), torch.zeros(2, *SHAPE), torch.zeros(2, *SHAPE)
    for window, mean, _ in items:
        total[window] += weight
        in_window(first, window).add_(weight * mean)
        in_window(second, window).add_(weight * mean.square())
    naive = second / total - (first / total).square()
    _, _, disagreement = reference(items)
    assert (naive - disagreement).abs().max() > 10 * disagreement.mean()


@pytest.mark.parametrize("value", [0.0, 0.1, -17.3, 1e-4])
def test_constant_in_constant_out(value):
    items = [
        (window, torch.full((2, *PATCH), value), torch.full((1, *PATCH), abs(value)))
        for window in window_slices(SHAPE, PATCH, 0.3)
    ]
    stitched = accumulate(items)
    assert torch.equal(stitched.mean, torch.full((2, *SHAPE), value))
    assert torch.equal(stitched.model_variance, torch.full((1, *SHAPE), abs(value)))
    assert torch.equal(stitched.disagreement_variance, torch.zeros(2, *SHAPE))


def test_two_equal_windows_that_disagree():
    """Means 1 and 3 of equal weight: mean 2, disagreement 1."""
    window = (slice(0, 8), slice(0, 10), slice(0, 8))
    accumulator = MomentAccumulator(1, 0, PATCH)
    for value in (1.0, 3.0):
        accumulator.add(
            window, torch.full((1, *PATCH), value), [torch.zeros(0, *PATCH)], torch.ones(PATCH)
        )
    stitched = accumulator.finish()
    assert stitched.model_variance.shape == (0, *PATCH)
    np.testing.assert_array_equal(stitched.mean, 2.0)
    np.testing.assert_array_equal(stitched.disagreement_variance, 1.0)


def test_order_of_passes_does_not_matter():
    items = list(passes(5.0, 2.0))
    forwards, backwards = accumulate(items), accumulate(reversed(items))
    torch.testing.assert_close(forwards.mean, backwards.mean, atol=1e-5, rtol=0)
    torch.testing.assert_close(
        forwards.disagreement_variance, backwards.disagreement_variance, atol=1e-4, rtol=0
    )


def test_crop_is_a_view_of_the_box():
    stitched = accumulate(passes(0.0, 1.0, repeats=1))
    box = (slice(2, 9), slice(0, 5), slice(3, 4))
    assert torch.equal(stitched.crop(box).mean, stitched.mean[:, 2:9, 0:5, 3:4])
    assert stitched.crop(box).disagreement_variance.shape == (2, 7, 5, 1)
