"""Every native voxel is either given a certain class or its moments, and both are right."""

from __future__ import annotations

from functools import partial

import numpy as np
import pytest
import torch
from scipy import ndimage
from torch import Tensor

from mobseg.certainty import IN_DOUBT, certain_class
from mobseg.inference import native_sweep
from mobseg.inference.accumulator import StitchedMoments
from mobseg.inference.axis import native_axes
from mobseg.inference.native_sweep import NativeSweep
from mobseg.inference.preprocessing import GridRecord, preprocess
from mobseg.inference.resampling import resample
from mobseg.inference.windows import Window
from mobseg.volume import ScalarVolume
from tests.core.inference.cases import GRIDS, Model, make_volume

CLASSIFY = partial(certain_class, coordinates="difference")


def random_moments(shape: tuple[int, ...]) -> StitchedMoments:
    """One smooth logit that is far from 0 almost everywhere, with variances."""
    rng = np.random.default_rng(0)
    smooth = ndimage.gaussian_filter(rng.standard_normal((3, *shape)), (0, 3, 3, 3))
    smooth = torch.from_numpy((smooth / smooth.std()).astype(np.float32))
    return StitchedMoments(150 * smooth[:1], smooth[1:2].square(), smooth[2:3].square())


class Collector:
    """Puts everything together on the whole native grid."""

    def __init__(self, grid: GridRecord) -> None:
        size = grid.native_shape_kji
        self.classes = np.full(size, 255, np.uint8)
        self.box = self.classes.transpose(grid.transpose_forward)[grid.crop]
        self.moments = np.full((3, *size), np.nan, np.float32)
        self.counts: list[int] = []

    def add_classes(self, box: Window, classes: Tensor) -> None:
        assert (self.box[box] == 255).all()
        self.box[box] = classes.numpy()

    def add_moments(self, index: Tensor, *moments: Tensor) -> None:
        assert (self.classes.reshape(-1)[index.numpy()] == IN_DOUBT).all()
        self.moments.reshape(3, -1)[:, index.numpy()] = torch.cat(moments).numpy()
        self.counts.append(len(index))


class Planes:
    """Whole planes of moments, one after the other."""

    def __init__(self, moments: StitchedMoments) -> None:
        self._volumes = (moments.mean, moments.model_variance, moments.disagreement_variance)
        self.depth = moments.mean.shape[1]
        self.channels = [len(volume) for volume in self._volumes]

    def plane(self, n: int) -> Tensor:
        return torch.cat([volume[:, n] for volume in self._volumes])


def sweep(moments: StitchedMoments, grid: GridRecord, slabs: int = 1) -> Collector:
    collector = Collector(grid)
    native = NativeSweep(grid, native_axes(grid), CLASSIFY, collector)
    volumes = (moments.mean, moments.model_variance, moments.disagreement_variance)
    for parts in zip(*(volume.tensor_split(slabs, dim=1) for volume in volumes), strict=True):
        native.add(Planes(StitchedMoments(*parts)))
    return collector


def make_grid(name: str, *, padded: bool = False) -> GridRecord:
    shape, spacing, target, transpose = GRIDS[name]
    volume = make_volume(shape, spacing)
    if padded:
        array = np.zeros_like(volume.array)
        array[1:-2, 3:, :-4] = volume.array[1:-2, 3:, :-4] + 1
        volume = ScalarVolume(array, volume.geometry)
    return preprocess(volume, Model(target, transpose).plan).grid


@pytest.mark.parametrize("padded", [False, True], ids=["whole", "zero-padded"])
@pytest.mark.parametrize("name", GRIDS)
def test_equals_dense_interpolation(name: str, padded: bool) -> None:
    grid = make_grid(name, padded=padded)
    moments = random_moments(grid.network_shape)
    found = sweep(moments, grid)

    size = tuple(axis.stop - axis.start for axis in grid.crop)
    axes = (0, *(1 + axis for axis in grid.transpose_backward))
    dense = [
        torch.stack([resample(channel, size, 1, grid.nearest_axis) for channel in volume]).permute(
            axes
        )
        for volume in (moments.mean, moments.model_variance, moments.disagreement_variance)
    ]
    expected = CLASSIFY(*dense).numpy()
    inside = grid.native_box_kji
    classes = found.classes[inside]
    is_interpolated = classes == IN_DOUBT
    np.testing.assert_array_equal(classes[~is_interpolated], expected[~is_interpolated])
    assert is_interpolated[expected == IN_DOUBT].all()
    assert is_interpolated.sum() == sum(found.counts) < 0.7 * classes.size
    values = found.moments[(slice(None), *inside)][:, is_interpolated]
    np.testing.assert_allclose(values, torch.cat(dense).numpy()[:, is_interpolated], atol=2e-4)
    outside = np.ones(grid.native_shape_kji, np.bool_)
    outside[inside] = False
    assert (found.classes[outside] == 255).all()
    assert outside.any() == padded


@pytest.mark.parametrize("name", ["isotropic, coarser", "rotated axes", "thin slices become thick"])
@pytest.mark.parametrize("slabs", [2, 5, 1000])
def test_slabs_join_without_seams(name: str, slabs: int) -> None:
    grid = make_grid(name)
    moments = random_moments(grid.network_shape)
    slabs = min(slabs, grid.network_shape[0])
    whole, parts = sweep(moments, grid), sweep(moments, grid, slabs)
    np.testing.assert_array_equal(parts.classes, whole.classes)
    np.testing.assert_array_equal(parts.moments, whole.moments)


def test_few_voxels_of_a_plane_at_a_time(monkeypatch: pytest.MonkeyPatch) -> None:
    grid = make_grid("isotropic, finer")
    moments = random_moments(grid.network_shape)
    whole = sweep(moments, grid)
    monkeypatch.setattr(native_sweep, "_VALUES_AT_ONCE", 3 * 40)
    parts = sweep(moments, grid)
    assert len(parts.counts) > 2 * len(whole.counts)
    np.testing.assert_array_equal(parts.classes, whole.classes)
    np.testing.assert_array_equal(parts.moments, whole.moments)


def test_a_model_without_variance_channels() -> None:
    grid = make_grid("transposed")
    moments = random_moments(grid.network_shape)
    seen: list[list[int]] = []
    collector = Collector(grid)
    collector.add_moments = lambda _index, *parts: seen.append([len(p) for p in parts])
    without = StitchedMoments(moments.mean, moments.mean[:0], moments.disagreement_variance)
    NativeSweep(grid, native_axes(grid), CLASSIFY, collector).add(Planes(without))
    assert seen == [[1, 0, 1]] * len(seen) != []
