"""The sparse prediction against the moments of every voxel, interpolated and integrated one by one."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
import torch
from scipy import ndimage

from mobseg import active_classes, estimates
from mobseg.covariance.form import NoCovariance, PairForm
from mobseg.estimates import PredictionBuilder, assign_labels
from mobseg.geometry import VolumeGeometry
from mobseg.inference.accumulator import StitchedMoments
from mobseg.inference.preprocessing import GridRecord, preprocess
from mobseg.inference.resampling import resample
from mobseg.labels import Label, LabelTable
from mobseg.moments import sigmoid_moments, softmax_moments
from mobseg.prediction import PredictionMaps
from mobseg.prediction_folder import rounded_maps
from mobseg.projections import Coordinates, covariance_from_pairs, softmax_factor
from mobseg.sparse_prediction import SparsePrediction
from tests.core.inference.cases import GRIDS, Model, make_geometry, make_volume

CLASSES = 4
TABLE = LabelTable(tuple(Label(n, f"organ {n}", (n, n, n)) for n in range(1, CLASSES)))
ONE_LABEL = LabelTable(TABLE.labels[:1])
#: Rounding to one of two neighbouring steps.
TOLERANCE = 2**-16


def make_grid(name: str) -> tuple[VolumeGeometry, GridRecord]:
    shape, spacing, target, transpose = GRIDS[name]
    grid = preprocess(make_volume(shape, spacing), Model(target, transpose).plan).grid
    return make_geometry(shape, spacing), grid


def make_moments(grid: GridRecord, channels: int, variances: int, scale: float) -> StitchedMoments:
    rng = np.random.default_rng(0)
    shape = (channels + variances + channels, *grid.network_shape)
    smooth = ndimage.gaussian_filter(rng.standard_normal(shape), (0, 2, 2, 2))
    smooth = torch.from_numpy((smooth / smooth.std()).astype(np.float32))
    mean, model, disagreement = smooth.split((channels, variances, channels))
    if channels > 1:
        mean = mean - mean.mean(0)
    return StitchedMoments(scale * mean, 0.5 + model.square(), disagreement.square())


def build(
    name: str, moments: StitchedMoments, coordinates: Coordinates, slabs: int = 1
) -> SparsePrediction:
    geometry, grid = make_grid(name)
    table = ONE_LABEL if coordinates == "difference" else TABLE
    form = None
    if coordinates == "centred":
        form = PairForm(CLASSES) if len(moments.model_variance) else NoCovariance(CLASSES)
    builder = PredictionBuilder(geometry, grid, table, coordinates, form)
    volumes = (moments.mean, moments.model_variance, moments.disagreement_variance)
    start, plane = 0, [slice(0, size) for size in grid.network_shape[1:]]
    for parts in zip(*(volume.tensor_split(slabs, dim=1) for volume in volumes), strict=True):
        z = slice(start, start + parts[0].shape[1])
        builder.add((z, *plane), StitchedMoments(*parts))
        start = z.stop
    return builder.finish(is_stochastic=True)


def dense_moments(name: str, moments: StitchedMoments) -> tuple[torch.Tensor, ...]:
    _, grid = make_grid(name)
    size = tuple(axis.stop - axis.start for axis in grid.crop)
    axes = (0, *(1 + axis for axis in grid.transpose_backward))
    return tuple(
        torch.stack([resample(channel, size, 1, grid.nearest_axis) for channel in volume]).permute(
            axes
        )
        for volume in (moments.mean, moments.model_variance, moments.disagreement_variance)
    )


def assert_equal(first: PredictionMaps, second: PredictionMaps) -> None:
    for field in dataclasses.fields(first):
        value = getattr(first, field.name)
        if isinstance(value, np.ndarray):
            np.testing.assert_array_equal(value, getattr(second, field.name), err_msg=field.name)


def assert_labels(prediction: SparsePrediction, mean: torch.Tensor, margin: torch.Tensor) -> None:
    """Equal but where the last digits of the interpolation decide."""
    coordinates = "difference" if len(mean) == 1 else "centred"
    expected = assign_labels(mean, coordinates, prediction.label_table).numpy()
    differs = prediction.labels != expected
    assert margin.numpy()[differs].max(initial=0) < 1e-4
    assert differs.mean() < 1e-3
    assert len(np.unique(expected)) == 1 + len(prediction.label_table)


@pytest.mark.parametrize("name", GRIDS)
def test_two_classes_equal_the_closed_form_of_every_voxel(name: str) -> None:
    _, grid = make_grid(name)
    moments = make_moments(grid, 1, 1, scale=60.0)
    found = build(name, moments, "difference")
    mean, model, disagreement = dense_moments(name, moments)
    expected = sigmoid_moments(mean[0], model[0] + disagreement[0])
    assert_labels(found, mean, mean[0].abs())
    assert 0.1 < len(found.voxels) / found.labels.size < 0.9
    maps = found.dense()
    for values, other in (
        (maps.probability_mean[0], expected.mean),
        (maps.probability_variance[0], expected.variance),
        (
            maps.mutual_information_nats,
            torch.special.entr(expected.mean)
            + torch.special.entr(expected.complement)
            - expected.expected_entropy,
        ),
    ):
        np.testing.assert_allclose(values, other.numpy(), atol=3e-5, rtol=0)
    stored = maps.logit_variance_model > 0
    assert stored.sum() == len(found.voxels)
    for values, other in (
        (maps.logit_variance_model, model[0]),
        (maps.logit_variance_disagreement, disagreement[0]),
    ):
        np.testing.assert_allclose(values[stored], other.numpy()[stored], rtol=2e-3, atol=1e-4)
        assert not values[~stored].any()


def test_logit_variances_are_kept_where_they_leave_the_probability_open() -> None:
    name = "isotropic, finer"
    _, grid = make_grid(name)
    moments = make_moments(grid, 1, 1, scale=60.0)
    found = build(name, moments, "difference")
    mean, model, disagreement = dense_moments(name, moments)
    margin = (mean.abs() - estimates.SATURATION - 0.5 * (model + disagreement))[0].numpy()
    in_doubt = np.zeros(found.labels.shape, np.bool_)
    in_doubt.reshape(-1)[found.voxels] = True
    assert in_doubt[margin < -1e-3].all()
    assert not in_doubt[margin > 1e-3].any()


def test_several_classes_equal_the_moments_of_every_voxel() -> None:
    name = "isotropic, coarser"
    _, grid = make_grid(name)
    moments = make_moments(grid, CLASSES, CLASSES * (CLASSES - 1) // 2, scale=40.0)
    # A covariance that is one: independent logits.
    first, second = torch.triu_indices(CLASSES, CLASSES, offset=1)
    own = moments.disagreement_variance
    moments = dataclasses.replace(moments, model_variance=0.5 * (own[first] + own[second]))
    found = build(name, moments, "centred")
    mean, model, disagreement = dense_moments(name, moments)
    two = mean.topk(2, dim=0).values
    assert_labels(found, mean, two[0] - two[1])
    pairs = model + disagreement[first] + disagreement[second]
    covariance = covariance_from_pairs(pairs.flatten(1)[None], CLASSES)
    expected = softmax_moments(mean.flatten(1)[None], softmax_factor(covariance), points=2**11)
    maps = found.dense()
    assert 0.05 < len(found.voxels) / found.labels.size < 0.8
    for values, other in (
        (maps.probability_mean, expected.mean[0, 1:]),
        (maps.probability_variance, expected.variance[0, 1:]),
    ):
        error = values - other.view(values.shape).numpy()
        # Of 128 Sobol points, where more than two classes are possible.
        assert np.abs(error).max() < 1e-2
        assert np.sqrt(np.square(error).mean()) < 3e-4


def test_overlapping_regions_keep_all_their_probabilities() -> None:
    """Where two regions are certain, the label alone would tell of one."""
    name = "isotropic, coarser"
    _, grid = make_grid(name)
    moments = make_moments(grid, CLASSES - 1, CLASSES - 1, scale=60.0)
    found = build(name, moments, "regions").dense()
    mean, model, disagreement = dense_moments(name, moments)
    expected = sigmoid_moments(mean, model + disagreement).mean.numpy()
    np.testing.assert_allclose(found.probability_mean, expected, atol=3e-5, rtol=0)
    assert ((expected > 0.999).sum(0) == 2).mean() > 0.05


@pytest.mark.parametrize("name", ["isotropic, coarser", "rotated axes"])
def test_slabs_of_the_network_give_the_whole(name: str) -> None:
    _, grid = make_grid(name)
    moments = make_moments(grid, 1, 1, scale=60.0)
    whole = build(name, moments, "difference")
    assert (np.diff(whole.voxels) > 0).all()
    assert_equal(whole.dense(), build(name, moments, "difference", slabs=4).dense())


@pytest.mark.parametrize("classes", [2, CLASSES])
def test_the_number_of_threads_does_not_matter(classes: int) -> None:
    name = "isotropic, finer"
    _, grid = make_grid(name)
    channels, variances = (1, 1) if classes == 2 else (classes, classes * (classes - 1) // 2)
    moments = make_moments(grid, channels, variances, scale=60.0)
    before = torch.get_num_threads()
    found = []
    try:
        for threads in (1, 3):
            torch.set_num_threads(threads)
            found.append(build(name, moments, "difference" if classes == 2 else "centred"))
    finally:
        torch.set_num_threads(before)
    assert len(found[0].voxels) > 1000
    assert_equal(found[0].dense(), found[1].dense())


def test_no_channels_of_variance_are_a_variance_of_zero() -> None:
    name = "same grid"
    _, grid = make_grid(name)
    moments = make_moments(grid, CLASSES, 6, scale=3.0)
    zeros = dataclasses.replace(moments, model_variance=0 * moments.model_variance)
    nothing = dataclasses.replace(moments, model_variance=moments.model_variance[:0])
    without = build(name, nothing, "centred").dense()
    assert without.probability_variance.max() > 0.01
    assert without.logit_variance_model.max() == 0
    assert_equal(without, build(name, zeros, "centred").dense())


def test_the_batches_of_voxels_do_not_matter(monkeypatch: pytest.MonkeyPatch) -> None:
    name = "isotropic, coarser"
    _, grid = make_grid(name)
    moments = make_moments(grid, CLASSES, 0, scale=3.0)
    at_once = build(name, moments, "centred")
    monkeypatch.setattr(active_classes, "_CHUNK_VALUES", 7 * 128 * CLASSES)
    in_batches = build(name, moments, "centred")
    np.testing.assert_array_equal(in_batches.voxels, at_once.voxels)
    for field in ("probability_mean", "probability_variance", "predictive_entropy_nats"):
        first, second = (getattr(one.dense(), field) for one in (at_once, in_batches))
        np.testing.assert_allclose(first, second, atol=TOLERANCE, rtol=2**-13)


def test_certain_voxels_are_not_stored() -> None:
    name = "same grid"
    _, grid = make_grid(name)
    shape = (CLASSES, *grid.network_shape)
    mean = torch.zeros(shape)
    best = torch.arange(mean[0].numel()).view(grid.network_shape) % CLASSES
    mean.scatter_(0, best[None], 2000.0)
    found = build(name, StitchedMoments(mean, mean[:0], torch.ones(shape)), "centred")
    assert found.voxels.size == 0
    np.testing.assert_array_equal(found.labels, best.numpy())
    for label, probability in zip(TABLE, found.probability_mean, strict=True):
        np.testing.assert_array_equal(probability.dense(), (best == label.value).float().numpy())


def test_labels_without_an_estimate_are_not_stored() -> None:
    name = "isotropic, finer"
    _, grid = make_grid(name)
    found = build(name, make_moments(grid, CLASSES, 0, scale=40.0), "centred")
    of_labels, maps = found.estimates.of_labels, found.dense()
    assert len(found.voxels) > 1000
    per_voxel = np.bincount(of_labels.voxel, minlength=len(found.voxels))
    assert per_voxel.mean() < 0.7 * len(TABLE)
    own = maps.labels == np.array([label.value for label in TABLE])[:, None, None, None]
    differs = (maps.probability_mean != own) | (maps.probability_variance > 0)
    assert differs.sum() <= len(of_labels.mean) <= 1.01 * differs.sum()


def test_maps_are_made_as_they_are_stored() -> None:
    name = "same grid"
    _, grid = make_grid(name)
    maps = build(name, make_moments(grid, CLASSES, 0, scale=3.0), "centred").dense()
    assert_equal(maps, rounded_maps(maps))
