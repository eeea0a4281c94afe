from __future__ import annotations

import dataclasses

import numpy as np
import pytest
import torch

from mobseg import active_classes
from mobseg.covariance.form import NoCovariance, PairForm
from mobseg.estimates import MapBuilder
from mobseg.geometry import VolumeGeometry
from mobseg.labels import Label, LabelTable
from mobseg.prediction import PredictionMaps
from mobseg.prediction_folder import rounded_maps

SHAPE = (3, 4, 5)
CLASSES = 4
TABLE = LabelTable(tuple(Label(n, f"organ {n}", (n, n, n)) for n in range(1, CLASSES)))
BOX = tuple(slice(0, n) for n in SHAPE)


def _maps(mean: torch.Tensor, model: torch.Tensor, disagreement: torch.Tensor) -> PredictionMaps:
    form = PairForm(CLASSES) if len(model) else NoCovariance(CLASSES)
    builder = MapBuilder(VolumeGeometry(SHAPE, np.eye(4)), TABLE, "centred", form)
    builder.add(BOX, mean, model, disagreement)
    return builder.finish(is_stochastic=True)


def _moments(scale: float = 3.0) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    generator = torch.Generator().manual_seed(0)
    mean = scale * torch.randn(CLASSES, *SHAPE, generator=generator)
    pairs = torch.zeros(CLASSES * (CLASSES - 1) // 2, *SHAPE)
    return mean - mean.mean(0), pairs, torch.rand(CLASSES, *SHAPE, generator=generator)


def _assert_equal(first: PredictionMaps, second: PredictionMaps) -> None:
    for field in dataclasses.fields(first):
        value = getattr(first, field.name)
        if isinstance(value, np.ndarray):
            np.testing.assert_array_equal(value, getattr(second, field.name), err_msg=field.name)


def test_no_channels_of_variance_are_a_variance_of_zero() -> None:
    mean, zeros, disagreement = _moments()
    without = _maps(mean, zeros[:0], disagreement)
    assert without.probability_variance.max() > 0.01
    assert without.logit_variance_model.max() == 0
    _assert_equal(without, _maps(mean, zeros, disagreement))


def test_the_batches_of_voxels_do_not_matter(monkeypatch: pytest.MonkeyPatch) -> None:
    mean, zeros, disagreement = _moments()
    at_once = _maps(mean, zeros + 0.5, disagreement)
    monkeypatch.setattr(active_classes, "_CHUNK_VALUES", 7 * 4 * CLASSES)
    _assert_equal(at_once, _maps(mean, zeros + 0.5, disagreement))


def test_certain_voxels_have_no_variance_and_their_best_class() -> None:
    mean, zeros, disagreement = _moments(scale=2000.0)
    maps = _maps(mean, zeros[:0], disagreement)
    assert maps.probability_variance.max() == 0
    for label in TABLE:
        expected = (mean.argmax(0) == label.value).float().numpy()
        np.testing.assert_array_equal(maps.probability_mean[label.value - 1], expected)


def test_maps_are_made_as_they_are_stored() -> None:
    mean, zeros, disagreement = _moments()
    maps = _maps(mean, zeros + 0.5, disagreement)
    _assert_equal(maps, rounded_maps(maps))
