from __future__ import annotations

import numpy as np
import pytest

from mobseg.errors import InvalidInput
from mobseg.geometry import VolumeGeometry


def oblique(shape_kji=(4, 5, 6)) -> VolumeGeometry:
    """Rotated by 30 degrees about S, spacing 2 x 3 x 4 mm, i running toward the left."""
    cos, sin = np.cos(np.pi / 6), np.sin(np.pi / 6)
    matrix = np.eye(4)
    matrix[:3, 0] = np.array([-cos, -sin, 0]) * 2
    matrix[:3, 1] = np.array([-sin, cos, 0]) * 3
    matrix[:3, 2] = np.array([0, 0, 1]) * 4
    matrix[:3, 3] = [10, -20, 30]
    return VolumeGeometry(shape_kji, matrix)


def test_points_in_ras() -> None:
    points = oblique().ijk_to_ras([[0, 0, 0], [1, 0, 0], [0, 2, 0], [0, 0, 3]])
    cos, sin = np.sqrt(3) / 2, 0.5
    expected = [
        [10, -20, 30],
        [10 - 2 * cos, -20 - 2 * sin, 30],
        [10 - 6 * sin, -20 + 6 * cos, 30],
        [10, -20, 42],
    ]
    np.testing.assert_allclose(points, expected, atol=1e-12)


def test_ras_to_ijk_inverts_ijk_to_ras() -> None:
    points = np.random.default_rng(0).uniform(-5, 5, (2, 7, 3))
    geometry = oblique()
    np.testing.assert_allclose(geometry.ras_to_ijk(geometry.ijk_to_ras(points)), points, atol=1e-12)


def test_spacing_and_voxel_volume() -> None:
    geometry = oblique()
    np.testing.assert_allclose(geometry.spacing_ijk_mm, (2, 3, 4))
    np.testing.assert_allclose(geometry.spacing_kji_mm, (4, 3, 2))
    assert geometry.voxel_volume_mm3 == pytest.approx(24)


def test_is_close_looks_at_the_far_corner() -> None:
    first = oblique((101, 5, 6))
    matrix = first.ijk_to_ras_mm.copy()
    matrix[2, 2] += 2e-5  # 2 micrometres at the far corner, 100 voxels away
    second = VolumeGeometry(first.shape_kji, matrix)
    assert first.is_close(second, tolerance_mm=2.1e-3)
    assert not first.is_close(second, tolerance_mm=1.9e-3)


def test_is_close_needs_the_same_shape() -> None:
    assert not oblique((4, 5, 6)).is_close(oblique((4, 5, 7)))


def test_matrix_is_a_read_only_copy() -> None:
    matrix = np.eye(4)
    geometry = VolumeGeometry((2, 2, 2), matrix)
    matrix[0, 3] = 99
    assert geometry.ijk_to_ras_mm[0, 3] == 0
    with pytest.raises(ValueError, match="read-only"):
        geometry.ijk_to_ras_mm[0, 3] = 1


@pytest.mark.parametrize(
    ("shape", "matrix", "message"),
    [
        ((2, 2, 2), np.eye(3), "4 x 4"),
        ((2, 2, 2), np.full((4, 4), np.nan), "finite"),
        ((2, 2, 2), np.diag([1.0, 0, 1, 1]), "do not span a volume"),
        ((2, 2), np.eye(4), "three positive sizes"),
        ((2, 0, 2), np.eye(4), "three positive sizes"),
    ],
)
def test_impossible_grids_are_refused(shape, matrix, message) -> None:
    with pytest.raises(InvalidInput, match=message):
        VolumeGeometry(shape, matrix)
