"""The box around the body."""

from __future__ import annotations

import numpy as np
import pytest

from mobseg.body import body_box
from mobseg.geometry import VolumeGeometry
from mobseg.region_of_interest import VoxelBox
from mobseg.volume import ScalarVolume

SHAPE = (20, 60, 80)
WHOLE: VoxelBox = (slice(0, 20), slice(0, 60), slice(0, 80))


def _volume(array: np.ndarray, spacing_ijk_mm: tuple[float, float, float]) -> ScalarVolume:
    return ScalarVolume(array, VolumeGeometry(array.shape, np.diag([*spacing_ijk_mm, 1.0])))


@pytest.fixture
def patient() -> np.ndarray:
    """A body of soft tissue with lungs of -850 HU, above a wider but thin table, in air."""
    array = np.full(SHAPE, -1000, np.int16)
    array[:, 20:40, 30:60] = 40
    array[5:15, 25:35, 40:50] = -850
    array[:, 50:52, 10:70] = 200
    return array


@pytest.mark.parametrize(
    ("spacing", "j", "i"),
    [
        ((5.0, 5.0, 5.0), slice(15, 45), slice(25, 65)),
        ((2.0, 3.0, 5.0), slice(11, 49), slice(17, 73)),
        ((1.4, 1.6, 1.0), slice(4, 56), slice(12, 78)),
    ],
)
def test_the_box_leaves_a_margin_around_the_body(
    patient: np.ndarray, spacing: tuple[float, float, float], j: slice, i: slice
) -> None:
    assert body_box(_volume(patient, spacing), WHOLE) == (slice(0, 20), j, i)


def test_only_inside_the_box_asked_for(patient: np.ndarray) -> None:
    within = (slice(3, 9), slice(0, 30), slice(35, 80))
    k, j, i = body_box(_volume(patient, (5.0, 5.0, 5.0)), within)
    assert (k, j, i) == (slice(3, 9), slice(15, 30), slice(35, 65))


def test_without_a_body_nothing_is_cropped() -> None:
    air = np.full(SHAPE, -1000, np.int16)
    assert body_box(_volume(air, (1.0, 1.0, 1.0)), WHOLE) == WHOLE


def test_values_that_are_no_hounsfield_units_crop_nothing(patient: np.ndarray) -> None:
    shifted = (patient + 1024).astype(np.uint16)
    assert body_box(_volume(shifted, (5.0, 5.0, 5.0)), WHOLE) == WHOLE


def test_a_flipped_image_has_the_flipped_box(patient: np.ndarray) -> None:
    k, j, i = body_box(_volume(patient, (2.0, 3.0, 1.0)), WHOLE)
    flipped = body_box(_volume(patient[:, ::-1, ::-1], (2.0, 3.0, 1.0)), WHOLE)
    assert flipped == (k, slice(60 - j.stop, 60 - j.start), slice(80 - i.stop, 80 - i.start))
