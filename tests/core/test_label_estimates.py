from __future__ import annotations

import numpy as np

from mobseg.label_estimates import LabelEstimates

LABELS, VOXELS = 5, 300


def make(seed: int, voxels: int = VOXELS) -> tuple[LabelEstimates, np.ndarray, np.ndarray]:
    """Estimates, and E[p] and Var[p] (F, n) as differences from what the voxels' own labels imply."""
    rng = np.random.default_rng(seed)
    is_own = rng.integers(-1, LABELS, voxels) == np.arange(LABELS)[:, None]
    mean = np.where(rng.random((LABELS, voxels)) < 0.3, rng.random((LABELS, voxels)), is_own)
    variance = rng.random((LABELS, voxels)) * (rng.random((LABELS, voxels)) < 0.2)
    mean, variance = mean.astype(np.float32), variance.astype(np.float32)
    return LabelEstimates.of(mean, variance, is_own), mean - is_own, variance


def assert_holds(
    estimates: LabelEstimates, difference: np.ndarray, variance: np.ndarray, is_own: np.ndarray
) -> None:
    found_mean, found_variance = np.zeros_like(difference), np.zeros_like(variance)
    at = (estimates.channel, estimates.voxel)
    found_mean[at] = estimates.mean - is_own[at]
    found_variance[at] = estimates.variance
    np.testing.assert_allclose(found_mean, difference, atol=1e-7)
    np.testing.assert_array_equal(found_variance, variance)
    assert len(estimates.mean) == ((difference != 0) | (variance != 0)).sum()
    place = estimates.channel.astype(np.int64) * difference.shape[1] + estimates.voxel
    assert (np.diff(place) > 0).all()


def own_of(seed: int, voxels: int = VOXELS) -> np.ndarray:
    own = np.random.default_rng(seed).integers(-1, LABELS, voxels)
    return own == np.arange(LABELS)[:, None]


def test_only_what_the_label_does_not_imply_is_kept() -> None:
    estimates, difference, variance = make(0)
    assert 0.3 < len(estimates.mean) / variance.size < 0.6
    assert_holds(estimates, difference, variance, own_of(0))


def test_the_voxels_of_several_parts_are_put_into_one_order() -> None:
    sizes = (VOXELS, 0, 70)
    parts = [make(seed, size) for seed, size in enumerate(sizes)]
    place = np.random.default_rng(1).permutation(sum(sizes))
    order = np.argsort(place)
    assert_holds(
        LabelEstimates.joined([part for part, _, _ in parts], sizes, place),
        np.concatenate([difference for _, difference, _ in parts], axis=1)[:, order],
        np.concatenate([variance for _, _, variance in parts], axis=1)[:, order],
        np.concatenate([own_of(seed, size) for seed, size in enumerate(sizes)], axis=1)[:, order],
    )


def test_voxels_in_another_order() -> None:
    estimates, difference, variance = make(0)
    place = np.random.default_rng(1).permutation(VOXELS)
    order = np.argsort(place)
    moved = estimates.moved(place)
    assert_holds(moved, difference[:, order], variance[:, order], own_of(0)[:, order])


def test_the_entries_of_one_label() -> None:
    estimates, _, _ = make(0)
    for channel in range(LABELS):
        span = estimates.span(channel)
        assert (estimates.channel[span] == channel).all()
        assert span.stop - span.start == (estimates.channel == channel).sum() > 0
    assert estimates.span(LABELS) == slice(len(estimates.mean), len(estimates.mean))
