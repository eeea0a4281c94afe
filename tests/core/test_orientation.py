from __future__ import annotations

from itertools import permutations, product

import numpy as np
import pytest

from mobseg.errors import InvalidInput
from mobseg.geometry import VolumeGeometry
from mobseg.orientation import axis_codes, reorient
from mobseg.volume import ScalarVolume

ALL_CODES = [
    "".join(letters) for order in permutations(("LR", "PA", "IS")) for letters in product(*order)
]
STRAIGHT = np.eye(3)
#: 17 degrees about R, then 11 about S: every axis keeps its nearest direction.
TILT = np.array(
    [
        [np.cos(0.19), -np.sin(0.19), 0],
        [np.sin(0.19), np.cos(0.19), 0],
        [0, 0, 1],
    ]
) @ np.array(
    [
        [1, 0, 0],
        [0, np.cos(0.3), -np.sin(0.3)],
        [0, np.sin(0.3), np.cos(0.3)],
    ]
)
TOWARD = {
    "R": (1, 0, 0),
    "L": (-1, 0, 0),
    "A": (0, 1, 0),
    "P": (0, -1, 0),
    "S": (0, 0, 1),
    "I": (0, 0, -1),
}


def volume_with(codes: str, rotation=STRAIGHT) -> ScalarVolume:
    """Voxels numbered from 0; i, j and k grow toward ``codes``, before the rotation."""
    matrix = np.eye(4)
    directions = np.array([TOWARD[code] for code in codes]).T
    matrix[:3, :3] = rotation @ directions * [1.5, 2.5, 3.5]
    matrix[:3, 3] = [7, -8, 9]
    array = np.arange(2 * 3 * 4, dtype=np.int16).reshape(2, 3, 4)
    return ScalarVolume(array, VolumeGeometry((2, 3, 4), matrix))


def positions_by_value(volume: ScalarVolume) -> np.ndarray:
    """(N, 3): where in RAS the voxel numbered n lies."""
    k, j, i = np.indices(volume.array.shape)
    points = volume.geometry.ijk_to_ras(np.stack([i, j, k], axis=-1))
    return points.reshape(-1, 3)[np.argsort(volume.array.ravel())]


def test_there_are_48_orientations() -> None:
    assert len(set(ALL_CODES)) == 48


@pytest.mark.parametrize("rotation", [STRAIGHT, TILT], ids=["straight", "oblique"])
@pytest.mark.parametrize("codes", ALL_CODES)
def test_axis_codes(codes: str, rotation) -> None:
    assert axis_codes(volume_with(codes, rotation).geometry) == codes


def test_codes_differ_even_when_two_axes_are_nearest_to_one_direction() -> None:
    # i and j both lie nearest to A, i more so.
    matrix = np.eye(4)
    matrix[:3, 0] = [0.5, 0.8, 0]
    matrix[:3, 1] = [-0.6, 0.7, 0]
    assert axis_codes(VolumeGeometry((2, 2, 2), matrix)) == "ALS"


@pytest.mark.parametrize("rotation", [STRAIGHT, TILT], ids=["straight", "oblique"])
@pytest.mark.parametrize("codes", ALL_CODES)
def test_voxels_stay_in_the_patient_and_come_back_in_order(codes: str, rotation) -> None:
    original = volume_with("PIR", rotation)

    reoriented, change = reorient(original, codes)

    assert axis_codes(reoriented.geometry) == codes
    np.testing.assert_allclose(
        positions_by_value(reoriented), positions_by_value(original), atol=1e-12
    )
    np.testing.assert_array_equal(change.undo(reoriented.array), original.array)
    np.testing.assert_array_equal(change.apply(original.array), reoriented.array)


def test_undo_of_maps_with_a_leading_axis() -> None:
    original = volume_with("LPS")
    reoriented, change = reorient(original, "SAR")
    maps = np.stack([reoriented.array, reoriented.array * 10])
    restored = change.undo(maps)
    np.testing.assert_array_equal(restored[0], original.array)
    np.testing.assert_array_equal(restored[1], original.array * 10)


def test_nothing_is_copied() -> None:
    original = volume_with("LPS")
    reoriented, change = reorient(original, "SAR")
    assert np.shares_memory(reoriented.array, original.array)
    assert np.shares_memory(change.undo(reoriented.array), original.array)


def test_an_example_by_hand() -> None:
    original = volume_with("LPS")  # i to the left, j to posterior, k to superior
    reoriented, _ = reorient(original, "SRP")  # i to superior, j to the right, k to posterior
    # k, j, i of the result are the original j, the original i backwards and the original k.
    expected = original.array.transpose(1, 2, 0)[:, ::-1, :]
    np.testing.assert_array_equal(reoriented.array, expected)
    assert reoriented.geometry.spacing_ijk_mm == pytest.approx((3.5, 1.5, 2.5))
    first_voxel = original.geometry.ijk_to_ras([3, 0, 0])
    np.testing.assert_allclose(reoriented.geometry.ijk_to_ras([0, 0, 0]), first_voxel)


@pytest.mark.parametrize("codes", ["", "LP", "LLS", "LRS", "XPS", "LPSI", "lps"])
def test_impossible_codes_are_refused(codes: str) -> None:
    with pytest.raises(InvalidInput, match="not an orientation"):
        reorient(volume_with("LPS"), codes)


def test_single_voxels_come_back_to_where_the_array_does() -> None:
    volume = volume_with("LPS")
    flat = np.arange(volume.array.size).reshape(volume.array.shape)
    for codes in ALL_CODES:
        turned, change = reorient(volume, codes)
        indices = np.unravel_index(np.arange(flat.size), turned.array.shape)
        back = change.undo_indices(indices, turned.array.shape)
        np.testing.assert_array_equal(
            flat[back].reshape(turned.array.shape), change.apply(flat), err_msg=codes
        )
