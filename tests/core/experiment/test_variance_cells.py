"""Cells stand for the voxels they hold."""

from __future__ import annotations

import torch

from mobseg.experiment.native_moments import NativeMoments
from mobseg.experiment.variance_cells import VarianceCells
from mobseg.moments import log_expected_sigmoid, sigmoid_moments


def _moments(n: int, seed: int) -> NativeMoments:
    generator = torch.Generator().manual_seed(seed)

    def uniform(low: float, high: float) -> torch.Tensor:
        return low + (high - low) * torch.rand(n, generator=generator)

    mean = uniform(-12, 8)
    share = (torch.rand(n, generator=generator) < torch.sigmoid(mean / 4)).float()
    band = torch.rand(n, generator=generator) < 0.3
    return NativeMoments(mean, uniform(0.2, 2), uniform(0, 3), uniform(0, 60), share, band)


def test_the_likelihood_of_cells_is_that_of_their_voxels() -> None:
    moments = _moments(40_000, 0)
    cells = VarianceCells.of(moments)
    assert float(cells.voxels.sum()) == 40_000
    assert len(cells.voxels) < 40_000 * 0.8
    factor = 3.0
    variance = (factor**2 * moments.variance + moments.disagreement).double()
    mean = moments.mean.double()
    dense = -torch.where(
        moments.share > 0,
        log_expected_sigmoid(mean, variance),
        log_expected_sigmoid(-mean, variance),
    )
    torch.testing.assert_close(cells.nll(factor).sum(), dense.sum(), rtol=1e-3, atol=0)
    torch.testing.assert_close(
        (cells.nll(factor) * cells.band).sum(), dense[moments.band].sum(), rtol=3e-3, atol=0
    )
    assert abs(cells.n_wrong - float(((moments.mean > 0) != (moments.share > 0)).sum())) < 1e-6
    error = sigmoid_moments(mean.abs(), variance).complement.sum()
    assert abs(cells.expected_wrong(factor) / float(error) - 1) < 1e-3


def test_joining_cases_adds_their_sums() -> None:
    parts = [VarianceCells.of(_moments(500, seed)) for seed in (1, 2)]
    joined = VarianceCells.joined(parts)
    assert float(joined.voxels.sum()) == 1000
    expected = sum(float(part.nll(2.0).sum()) for part in parts)
    assert abs(float(joined.nll(2.0).sum()) - expected) < 1e-9 * expected
