"""Where the patient is: the box around the body, without the table and the air."""

from __future__ import annotations

import math

import numpy as np
from scipy import ndimage

from mobseg.region_of_interest import VoxelBox, crop_volume
from mobseg.volume import ScalarVolume

#: Between lung and fat on one side, and the foam of the table and air on the other.
BODY_HU = -500.0

#: The body is found on a grid of about this spacing; nothing of it is thinner.
_SEARCH_MM = 4.0


def body_box(volume: ScalarVolume, within: VoxelBox) -> VoxelBox:
    """The box around the largest connected object denser than :data:`BODY_HU`.

    Args:
        volume: CT in Hounsfield units.
        within: where to look.

    Returns:
        A box inside ``within`` that leaves 4 to 8 mm (at least a voxel) around the body; ``within`` itself
        where there is no such object.
    """
    part = crop_volume(volume, within)
    steps = [max(1, math.floor(_SEARCH_MM / mm)) for mm in part.geometry.spacing_kji_mm]
    coarse = part.array[tuple(slice(None, None, step) for step in steps)]
    numbers, count = ndimage.label(np.greater(coarse, BODY_HU))
    if count == 0:
        return within
    largest = int(np.argmax(np.bincount(numbers.ravel())[1:]))
    found = ndimage.find_objects(numbers)[largest]
    k, j, i = (
        slice(
            outer.start + max(0, axis.start - 1) * step,
            min(outer.stop, outer.start + (axis.stop + 1) * step),
        )
        for axis, step, outer in zip(found, steps, within, strict=True)
    )
    return (k, j, i)
