from __future__ import annotations

import numpy as np
import pytest

from mobseg.labels import LabelTable
from mobseg.regions import flag_regions
from tests.support.predictions import LEFT, RIGHT, make_maps

SHAPE = (7, 9, 9)


def reasons(labels, flagged, **options):
    maps = make_maps(
        variance=np.stack((np.where(flagged, 0.1, 0.0), np.zeros(SHAPE))),
        labels=labels,
        table=LabelTable((LEFT, RIGHT)),
    )
    regions = flag_regions(maps, "variance", 0.05, min_volume_mm3=0, **options)
    return [region.reason for region in regions]


def box(*slices):
    mask = np.zeros(SHAPE, dtype=bool)
    mask[slices] = True
    return mask


STRUCTURE = box(slice(1, 6), slice(1, 6), slice(1, 6))


@pytest.mark.parametrize(
    ("flagged", "reason"),
    [
        (box(3, 3, slice(4, 8)), "boundary"),  # across the surface
        (box(3, 3, 6), "boundary"),  # background that touches the surface
        (box(3, 3, 5), "boundary"),  # structure that touches the surface
        (box(3, 3, 3), "interior"),
        (box(3, 3, slice(2, 5)), "interior"),
        (box(3, 3, 8), "missed candidate"),  # two voxels away
        (STRUCTURE, "isolated"),  # all of it in doubt
        (box(slice(0, 7), slice(0, 7), slice(0, 7)), "isolated"),  # and its surroundings
    ],
)
def test_reason(flagged, reason):
    assert reasons(np.where(STRUCTURE, 3, 0), flagged) == [reason]


def test_the_border_between_two_structures_is_a_boundary():
    labels = np.where(STRUCTURE, 3, 0)
    labels[1:6, 1:6, 4:6] = 7
    assert reasons(labels, box(3, 3, 4)) == ["boundary"]


def test_a_structure_that_leaves_the_image_has_no_surface_there():
    labels = np.full(SHAPE, 3)
    assert reasons(labels, box(0, 0, 0)) == ["interior"]


def test_an_island_beside_a_certain_structure_is_isolated():
    labels = np.where(STRUCTURE, 3, 0)
    labels[3, 3, 8] = 3
    assert reasons(labels, box(3, 3, 8)) == ["isolated"]


def test_the_outer_part_of_a_divided_boundary_is_no_missed_candidate():
    labels = np.where(STRUCTURE, 3, 0)
    flagged = box(3, 3, slice(5, 9))
    assert reasons(labels, flagged, max_extent_mm=1.0) == ["boundary"] * 4
