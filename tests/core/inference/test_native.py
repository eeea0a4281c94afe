"""The way back to the native grid equals nnU-Net's export."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from nnunetv2.inference.export_prediction import (
    convert_predicted_logits_to_segmentation_with_correct_shape,
)
from scipy import ndimage

from mobseg.inference import native
from mobseg.inference.accumulator import StitchedMoments
from mobseg.inference.native import to_native
from mobseg.inference.preprocessing import GridRecord, preprocess
from mobseg.volume import ScalarVolume
from tests.core.inference.cases import GRIDS, Model, make_volume

CLASSES = 3


def smooth_logits(shape: tuple[int, ...], seed: int = 1) -> torch.Tensor:
    noise = np.random.default_rng(seed).standard_normal((CLASSES, *shape))
    smooth = ndimage.gaussian_filter(noise, (0, 2, 2, 2))
    return torch.from_numpy((5 * smooth / smooth.std()).astype(np.float32))


class Collector:
    """Puts slabs together over the whole native grid; NaN where no slab was."""

    def __init__(self, grid: GridRecord) -> None:
        self.grid = grid
        self.slabs: list[slice] = []
        self.mean, self.model_variance, self.disagreement = (
            np.full((CLASSES, *grid.native_shape_kji), np.nan, dtype=np.float32) for _ in range(3)
        )

    def __call__(self, slab, mean, model_variance, disagreement):
        self.slabs.append(slab)
        index = (slice(None), slab, *self.grid.native_box_kji[1:])
        self.mean[index] = mean
        self.model_variance[index] = model_variance
        self.disagreement[index] = disagreement


def back_to_native(logits: torch.Tensor, grid: GridRecord) -> Collector:
    collector = Collector(grid)
    to_native(StitchedMoments(logits, 2 * logits, logits - 3), grid, collector)
    return collector


@pytest.mark.parametrize("padded", [False, True], ids=["whole", "zero-padded"])
@pytest.mark.parametrize("name", GRIDS)
def test_equals_nnunets_export(name, padded, monkeypatch):
    monkeypatch.setattr(native, "_SLAB_VALUES", 50_000)
    shape, spacing, target, transpose = GRIDS[name]
    volume = make_volume(shape, spacing)
    if padded:
        array = np.zeros_like(volume.array)
        array[1:-2, 3:, :-4] = volume.array[1:-2, 3:, :-4] + 1
        volume = ScalarVolume(array, volume.geometry)
    model = Model(target, transpose, n_labels=CLASSES - 1)
    _, properties = model.run_nnunet(volume.array, spacing)
    grid = preprocess(volume, model.plan).grid
    logits = smooth_logits(grid.network_shape)

    label_manager = model.plans_manager.get_label_manager(model.dataset)
    expected_labels = convert_predicted_logits_to_segmentation_with_correct_shape(
        logits, model.plans_manager, model.configuration, label_manager, properties
    )
    expected_logits = model.configuration.resampling_fn_probabilities(
        logits,
        properties["shape_after_cropping_and_before_resampling"],
        model.configuration.spacing,
        [spacing[axis] for axis in transpose],
    )
    axes = [0, *(1 + axis for axis in model.plans_manager.transpose_backward)]
    expected_logits = np.asarray(expected_logits).transpose(axes)

    result = back_to_native(logits, grid)
    box = (slice(None), *grid.native_box_kji)
    np.testing.assert_allclose(result.mean[box], expected_logits, atol=1e-4, rtol=0)
    np.testing.assert_allclose(result.model_variance[box], 2 * result.mean[box], atol=1e-4)
    np.testing.assert_allclose(result.disagreement[box], result.mean[box] - 3, atol=1e-4)

    outside = np.isnan(result.mean[0])
    labels = np.where(outside, 0, np.nan_to_num(result.mean).argmax(0))
    assert (labels == expected_labels).mean() >= 0.9999
    assert (expected_labels[outside] == 0).all()
    assert outside.any() == padded


def test_slabs_are_bounded_and_in_order(monkeypatch):
    monkeypatch.setattr(native, "_SLAB_VALUES", 3 * CLASSES * 34 * 38 * 7)
    shape, spacing, target, transpose = GRIDS["isotropic, coarser"]
    grid = preprocess(make_volume(shape, spacing), Model(target, transpose).plan).grid
    slabs = back_to_native(smooth_logits(grid.network_shape), grid).slabs
    assert slabs == [slice(a, min(a + 7, 30)) for a in range(0, 30, 7)]


def test_slabs_join_without_seams(monkeypatch):
    shape, spacing, target, transpose = GRIDS["rotated axes"]
    grid = preprocess(make_volume(shape, spacing), Model(target, transpose).plan).grid
    logits = smooth_logits(grid.network_shape)
    whole = back_to_native(logits, grid)
    monkeypatch.setattr(native, "_SLAB_VALUES", 1)
    slices = back_to_native(logits, grid)
    assert len(whole.slabs) == 1
    assert len(slices.slabs) == shape[0]
    np.testing.assert_allclose(slices.mean, whole.mean, atol=1e-5, rtol=0)


def test_a_model_without_variance_channels():
    shape, spacing, target, transpose = GRIDS["transposed"]
    grid = preprocess(make_volume(shape, spacing), Model(target, transpose).plan).grid
    mean = torch.ones(1, *grid.network_shape)
    seen = []
    moments = StitchedMoments(mean, mean[:0], 0 * mean)
    to_native(moments, grid, lambda *slab: seen.append(slab))
    assert seen[0][2].shape == (0, *shape)
    torch.testing.assert_close(seen[0][1], torch.ones(1, *shape))
