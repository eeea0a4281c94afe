"""Enlarging the variance by distance, against values computed by hand and by brute force."""

from __future__ import annotations

import numpy as np
import torch

from mobseg.bundle.variance_function import VarianceFunction
from mobseg.inference.accumulator import StitchedMoments
from mobseg.inference.variance_size import deviation_factor, distance_to_other_label, resized

SPACING = (3.0, 1.0, 2.0)
FUNCTION = VarianceFunction((0.0, 4.0, 8.0), (10.0, 5.0, 0.5))


def _random_mean(seed: int = 0) -> torch.Tensor:
    """A mean with a foreground of a few voxels in a corner of the grid."""
    mean = -torch.ones(7, 12, 9)
    generator = torch.Generator().manual_seed(seed)
    mean[:4, 2:7, :5] = torch.randn(4, 5, 5, generator=generator)
    return mean


def test_distance_equals_brute_force() -> None:
    mean = _random_mean()
    found = distance_to_other_label(mean, SPACING, 6.0).numpy()
    points = np.argwhere(np.ones(mean.shape)) * np.array(SPACING)
    foreground = (mean > 0).numpy().ravel()
    all_pairs = np.linalg.norm(points[:, None] - points[None], axis=2)
    other = foreground[:, None] != foreground[None]
    expected = np.where(other, all_pairs, np.inf).min(axis=1)
    np.testing.assert_allclose(found.ravel(), np.minimum(expected, 6.0), rtol=1e-6)
    assert (expected > 6).any(), "some voxels lie beyond the limit"


def test_distance_is_the_limit_where_there_is_one_label() -> None:
    for value in (-1.0, 1.0):
        distance = distance_to_other_label(torch.full((3, 4, 5), value), SPACING, 6.0)
        assert (distance == 6.0).all()


def test_factor_is_log_linear_in_the_distance() -> None:
    # A row of voxels 2 mm apart with one foreground voxel at its start.
    mean = -torch.ones(1, 1, 1, 7)
    mean[..., 0] = 1
    factor = deviation_factor(mean, FUNCTION, SPACING).ravel()
    # Distances 2, 2, 4, 6, 8, 10, 12 mm.
    expected = [50**0.5, 50**0.5, 5.0, 2.5**0.5, 0.5, 0.5, 0.5]
    torch.testing.assert_close(factor, torch.tensor(expected))


def test_only_the_model_variance_changes() -> None:
    mean = _random_mean()[None]
    moments = StitchedMoments(mean, torch.rand_like(mean) + 0.1, torch.rand_like(mean))
    kept = moments.model_variance.clone()
    changed = resized(moments, FUNCTION, SPACING)
    assert changed.mean is moments.mean
    assert changed.disagreement_variance is moments.disagreement_variance
    factor = deviation_factor(mean, FUNCTION, SPACING)
    torch.testing.assert_close(changed.model_variance, kept * factor**2)
    torch.testing.assert_close(moments.model_variance, kept)
    assert resized(moments, None, SPACING) is moments
