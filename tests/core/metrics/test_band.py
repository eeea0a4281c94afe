from __future__ import annotations

import numpy as np
import pytest
from scipy.spatial import cKDTree

from mobseg.metrics.band import boundary_band, boundary_voxels


def test_boundary_voxels_lie_on_both_sides_of_a_change():
    labels = np.zeros((1, 1, 8), dtype=np.uint8)
    labels[0, 0, 3:5] = 1
    labels[0, 0, 5:] = 2
    assert np.flatnonzero(boundary_voxels(labels)).tolist() == [2, 3, 4, 5]


def test_the_edge_of_the_image_is_no_boundary():
    assert not boundary_voxels(np.ones((4, 4, 4), dtype=np.uint8)).any()


@pytest.mark.parametrize("distance_mm", [0.0, 2.0, 3.4, 6.0, 1000.0])
def test_distances_are_in_millimetres_along_every_axis(distance_mm):
    spacing = (3.0, 1.0, 0.7)
    rng = np.random.default_rng(0)
    prediction, reference = np.zeros((2, 9, 20, 24), dtype=np.uint8)
    prediction[4:6, 8:12, 9:14] = 1
    reference[3:5, 9:13, 10:15] = rng.integers(0, 3, (2, 4, 5))

    boundary = boundary_voxels(prediction) | boundary_voxels(reference)
    nearest = cKDTree(np.argwhere(boundary) * spacing)
    voxels = np.indices(prediction.shape).reshape(3, -1).T * spacing
    expected = nearest.query(voxels)[0].reshape(prediction.shape) <= distance_mm + 1e-9
    band = boundary_band(prediction, reference, spacing, distance_mm)
    assert np.array_equal(band, expected)


def test_prediction_and_reference_are_interchangeable_and_both_count():
    near, far = np.zeros((2, 5, 5, 40), dtype=np.uint8)
    near[2, 2, 5] = 1
    far[2, 2, 35] = 1
    spacing = (1.0, 1.0, 1.0)
    band = boundary_band(near, far, spacing, 2.0)
    assert np.array_equal(band, boundary_band(far, near, spacing, 2.0))
    assert band[2, 2, 5]
    assert band[2, 2, 35]
    assert not band[2, 2, 20]


def test_two_empty_label_maps_have_an_empty_band():
    empty = np.zeros((3, 4, 5), dtype=np.uint8)
    assert not boundary_band(empty, empty, (1.0, 1.0, 1.0)).any()
