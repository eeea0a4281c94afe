from __future__ import annotations

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from mobseg.geometry import VolumeGeometry
from mobseg.report.planes import AXIAL, CORONAL, PLANES, SAGITTAL, Cut, resample

CENTER = np.array((12.0, -30.0, 55.0))


def geometry_of(rotation, spacing, shape):
    matrix = np.eye(4)
    matrix[:3, :3] = rotation * spacing
    matrix[:3, 3] = CENTER - matrix[:3, :3] @ ((np.array(shape[::-1]) - 1) / 2)
    return VolumeGeometry(shape, matrix)


GEOMETRIES = {
    "LPS, thick slices": geometry_of(np.diag([-1.0, -1.0, 1.0]), (1.0, 1.0, 4.0), (20, 80, 80)),
    "coronal": geometry_of(
        np.array(((1.0, 0, 0), (0, 0, -1.0), (0, 1.0, 0))), (0.8, 2.0, 1.0), (80, 40, 100)
    ),
    "oblique": geometry_of(
        Rotation.from_euler("xyz", (20, -35, 50), degrees=True).as_matrix(),
        (1.0, 1.5, 2.0),
        (40, 54, 80),
    ),
}
geometries = pytest.mark.parametrize("geometry", GEOMETRIES.values(), ids=GEOMETRIES.keys())


def ras_of(geometry):
    k, j, i = np.indices(geometry.shape_kji)
    return geometry.ijk_to_ras(np.stack((i, j, k), axis=-1))


def bright_ball(geometry, center_ras_mm, radius_mm):
    """An edge that is smooth over a few voxels, so that sampling it is accurate."""
    distance = np.linalg.norm(ras_of(geometry) - center_ras_mm, axis=-1)
    return np.clip((radius_mm - distance) / 4 + 0.5, 0, 1).astype(np.float32)


@geometries
@pytest.mark.parametrize("plane", PLANES, ids=lambda plane: plane.name)
def test_a_ball_is_round_and_of_its_size(geometry, plane):
    ball = bright_ball(geometry, CENTER, 15.0)
    picture = Cut(plane, CENTER, 60.0, 240).sample(ball, geometry)
    rows, columns = (np.flatnonzero((picture > 0.5).any(axis=axis)) for axis in (1, 0))
    for extent in (rows, columns):
        assert np.ptp(extent) + 1 == pytest.approx(30.0 * 4, abs=6)
        assert extent.mean() == pytest.approx(119.5, abs=2)


@geometries
@pytest.mark.parametrize(
    ("plane", "offset_ras", "expected"),
    [
        (AXIAL, (-1, 0, 0), "right"),
        (AXIAL, (0, 1, 0), "top"),
        (CORONAL, (-1, 0, 0), "right"),
        (CORONAL, (0, 0, 1), "top"),
        (SAGITTAL, (0, 1, 0), "left"),
        (SAGITTAL, (0, 0, 1), "top"),
    ],
)
def test_orientation(geometry, plane, offset_ras, expected):
    ball = bright_ball(geometry, CENTER + 12.0 * np.array(offset_ras), 6.0)
    picture = Cut(plane, CENTER, 60.0, 60).sample(ball, geometry)
    row, column = np.unravel_index(picture.argmax(), picture.shape)
    side = {"right": column > 35, "left": column < 25, "top": row < 25}
    assert side[expected]
    assert picture[row, column] > 0.9
    assert (
        "RASLPI"[np.flatnonzero(np.array((*offset_ras, *np.negative(offset_ras))) > 0)[0]]
        == (plane.edges[["left", "right", "top"].index(expected)])
    )


def test_values_are_interpolated_at_the_centres_of_the_pixels():
    geometry = VolumeGeometry((3, 4, 5), np.eye(4))
    ramp = ras_of(geometry) @ (1.0, 10.0, 100.0)
    cut = Cut(AXIAL, np.array((2.0, 1.5, 1.25)), 2.0, 2)
    # columns at R 2.5 and 1.5, rows at A 2.0 and 1.0
    np.testing.assert_allclose(
        cut.sample(ramp, geometry), [[147.5 - 0.0, 146.5], [137.5, 136.5]], rtol=1e-6
    )
    assert cut.extent_mm == (-3.0, -1.0, -0.5, -2.5)


def test_beyond_the_volume_is_the_value_for_outside():
    geometry = VolumeGeometry((4, 4, 4), np.eye(4))
    picture = Cut(CORONAL, np.array((1.5, 1.5, 1.5)), 20.0, 20).sample(
        np.ones((4, 4, 4)), geometry, outside=-7.0
    )
    assert picture[0, 0] == -7.0
    assert picture[10, 10] == 1.0
    far = Cut(CORONAL, np.array((500.0, 0.0, 0.0)), 20.0, 20)
    assert (far.sample(np.ones((4, 4, 4)), geometry, outside=-7.0) == -7.0).all()


def test_the_mask_of_one_label():
    geometry = VolumeGeometry((1, 1, 4), np.eye(4))
    labels = np.array([[[1, 2, 2, 3]]], dtype=np.uint8)
    steps = np.diag([0.5, 0.0, 0.0])
    sampled = resample(
        labels, geometry, np.zeros(3), steps, (7, 1, 1), outside=0.0, value=2
    ).ravel()
    np.testing.assert_allclose(sampled, [0, 0.5, 1, 1, 1, 0.5, 0])
