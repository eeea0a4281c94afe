from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from mobseg.errors import GeometryMismatch
from mobseg.geometry import VolumeGeometry
from mobseg.label_estimates import LabelEstimates
from mobseg.labels import LabelTable
from mobseg.prediction import COMMON_FIELDS, LABEL_FIELDS
from mobseg.prediction_folder import read_prediction_folder, rounded_maps, write_prediction_folder
from mobseg.regions import flag_regions
from mobseg.sparse_prediction import SparsePrediction, VoxelEstimates
from mobseg.uncertainty import SCORE_NAMES, score_map
from tests.core.prediction_folder.test_folder import THRESHOLD
from tests.support.predictions import LEFT, RECORD, RIGHT

SHAPE = (12, 30, 31)
GEOMETRY = VolumeGeometry(SHAPE, np.diag([1.0, 1.5, 2.0, 1.0]))


def make(seed: int = 0, stored: int = 3000) -> SparsePrediction:
    rng = np.random.default_rng(seed)
    labels = np.zeros(SHAPE, np.uint8)
    labels[3:8, 5:20, 8:20] = LEFT.value
    labels[3:8, 5:20, 20:28] = RIGHT.value
    voxels = np.sort(rng.choice(labels.size, stored, replace=False))
    steps = 2.0**-16

    def values(*shape: int) -> np.ndarray:
        return (rng.integers(1, 2**14, (*shape, stored)) * steps).astype(np.float32)

    own = labels.reshape(-1)[voxels]
    is_own = own == np.array([[LEFT.value], [RIGHT.value]])
    mean, variance = values(2), values(2)
    # At every third voxel the label says all there is to say.
    mean[:, ::3], variance[:, ::3] = is_own[:, ::3], 0
    estimates = VoxelEstimates(
        LabelTable((LEFT, RIGHT)),
        own,
        LabelEstimates.of(mean, variance, is_own),
        **{field: values() for field in COMMON_FIELDS},
    )
    return SparsePrediction(GEOMETRY, labels, voxels, estimates, is_stochastic=True)


def test_all_maps_of_all_voxels() -> None:
    sparse = make()
    dense = sparse.dense()
    inside = np.zeros(SHAPE, np.bool_)
    inside.reshape(-1)[sparse.voxels] = True
    of_labels = sparse.estimates.of_labels
    for number, label in enumerate((LEFT, RIGHT)):
        entries = of_labels.channel == number
        at = sparse.voxels[of_labels.voxel[entries]]
        mean, variance = dense.probability_mean[number], dense.probability_variance[number]
        np.testing.assert_array_equal(mean.flat[at], of_labels.mean[entries])
        np.testing.assert_array_equal(variance.flat[at], of_labels.variance[entries])
        is_implied = np.ones(SHAPE, np.bool_)
        is_implied.flat[at] = False
        assert (is_implied & inside).sum() == 1000
        np.testing.assert_array_equal(mean[is_implied], (dense.labels == label.value)[is_implied])
        assert not variance[is_implied].any()
    for field in COMMON_FIELDS:
        assert not getattr(dense, field)[..., ~inside].any()
        found = getattr(dense, field)[..., inside]
        np.testing.assert_array_equal(found, getattr(sparse.estimates, field))
    assert dense.label_table == sparse.label_table
    assert dense.is_stochastic


@pytest.mark.parametrize("name", SCORE_NAMES)
def test_scores_and_regions_are_those_of_the_dense_maps(name: str) -> None:
    sparse = make()
    dense = sparse.dense()
    np.testing.assert_array_equal(score_map(sparse, name).dense(), score_map(dense, name))
    regions = flag_regions(sparse, name, 0.1)
    assert regions == flag_regions(dense, name, 0.1)
    assert regions


def test_the_files_are_those_of_the_dense_maps(tmp_path) -> None:
    sparse = make()
    write_prediction_folder(tmp_path / "out", sparse, (), RECORD, threshold=THRESHOLD)
    stored = read_prediction_folder(tmp_path / "out").maps
    expected = sparse.dense()
    for field in ("labels", *LABEL_FIELDS, *COMMON_FIELDS):
        np.testing.assert_array_equal(getattr(stored, field), getattr(expected, field))
    rounded = rounded_maps(expected)
    np.testing.assert_array_equal(rounded.probability_mean, expected.probability_mean)


def test_voxels_are_sorted_where_they_are_moved_to() -> None:
    sparse = make()
    dense = sparse.dense()
    turned = np.ascontiguousarray(sparse.labels[::-1, :, ::-1])
    k, j, i = np.unravel_index(sparse.voxels, SHAPE)
    there = np.ravel_multi_index((SHAPE[0] - 1 - k, j, SHAPE[2] - 1 - i), SHAPE)
    moved = sparse.moved(GEOMETRY, turned, there)
    assert (np.diff(moved.voxels) > 0).all()
    found = moved.dense()
    for field in (*LABEL_FIELDS, *COMMON_FIELDS):
        np.testing.assert_array_equal(
            getattr(found, field)[..., ::-1, :, ::-1], getattr(dense, field)
        )


def test_voxels_that_keep_their_order_are_moved_as_they_are() -> None:
    sparse = make()
    geometry = VolumeGeometry((SHAPE[0] + 1, *SHAPE[1:]), np.eye(4))
    labels = np.concatenate((np.zeros((1, *SHAPE[1:]), np.uint8), sparse.labels))
    moved = sparse.moved(geometry, labels, sparse.voxels + SHAPE[1] * SHAPE[2])
    assert moved.estimates is sparse.estimates
    found, dense = moved.dense(), sparse.dense()
    for field in (*LABEL_FIELDS, *COMMON_FIELDS):
        np.testing.assert_array_equal(getattr(found, field)[..., 1:, :, :], getattr(dense, field))


def test_labels_of_another_grid_are_refused() -> None:
    with pytest.raises(GeometryMismatch):
        dataclasses.replace(make(), labels=np.zeros((2, 3, 4), np.uint8))
