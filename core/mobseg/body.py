"""Where the patient is: the box around the body, without the table and the air."""

from __future__ import annotations

import math

import numpy as np
from scipy import ndimage

from mobseg.region_of_interest import VoxelBox, crop_volume
from mobseg.volume import ScalarVolume

#: Between lung and fat on one side, and the foam of the table and air on the other.
BODY_HU = -500.0

#: Left around the body: as much as training images had at most, so that these stay as they are.
MARGIN_MM = 25.0


def body_box(volume: ScalarVolume, within: VoxelBox) -> VoxelBox:
    """The box around the largest connected object denser than :data:`BODY_HU`.

    Args:
        volume: CT in Hounsfield units.
        within: where to look.

    Returns:
        A box inside ``within`` that leaves :data:`MARGIN_MM`, or the voxels that cover it, around the
        body; ``within`` itself where there is no such object.
    """
    part = crop_volume(volume, within)
    numbers, count = ndimage.label(np.greater(part.array, BODY_HU))
    if count == 0:
        return within
    # Slice by slice, because bincount copies its input to 64-bit integers.
    voxels = np.zeros(count + 1, dtype=np.int64)
    for section in numbers:
        voxels += np.bincount(section.ravel(), minlength=count + 1)
    body = ndimage.find_objects(numbers)[int(np.argmax(voxels[1:]))]
    margins = [math.ceil(MARGIN_MM / mm) for mm in part.geometry.spacing_kji_mm]
    k, j, i = (
        slice(
            outer.start + max(0, axis.start - margin),
            min(outer.stop, outer.start + axis.stop + margin),
        )
        for axis, margin, outer in zip(body, margins, within, strict=True)
    )
    return (k, j, i)
