"""A box in the patient as a box of voxels."""

from __future__ import annotations

import itertools

import numpy as np

from mobseg.errors import InvalidInput
from mobseg.geometry import VolumeGeometry
from mobseg.options import Box
from mobseg.volume import ScalarVolume

VoxelBox = tuple[slice, slice, slice]


def voxel_box(box_ras_mm: Box, geometry: VolumeGeometry) -> VoxelBox:
    """The smallest box of voxels (k, j, i) that holds every voxel centre inside the RAS box.

    On an oblique grid it holds the corners of the RAS box, and so more than the box itself.

    Args:
        box_ras_mm: (xmin, xmax, ymin, ymax, zmin, zmax).
        geometry: the grid.

    Raises:
        InvalidInput: the box lies outside the image.
    """
    corners = list(itertools.product(*(box_ras_mm[n : n + 2] for n in (0, 2, 4))))
    corners_kji = geometry.ras_to_ijk(corners)[:, ::-1]
    start = np.maximum(np.ceil(corners_kji.min(axis=0) - 1e-6).astype(int), 0)
    stop = np.floor(corners_kji.max(axis=0) + 1e-6).astype(int) + 1
    stop = np.minimum(stop, geometry.shape_kji)
    if (start >= stop).any():
        raise InvalidInput(
            "The region of interest lies outside the image; give it in RAS mm "
            "(x to the right is negative in LPS software)."
        )
    k, j, i = (slice(int(a), int(b)) for a, b in zip(start, stop, strict=True))
    return (k, j, i)


def crop_volume(volume: ScalarVolume, box: VoxelBox) -> ScalarVolume:
    """The part of a volume inside a box of voxels, where it lies in the patient."""
    matrix = volume.geometry.ijk_to_ras_mm.copy()
    origin_ijk = [axis.start for axis in reversed(box)]
    matrix[:3, 3] = volume.geometry.ijk_to_ras(origin_ijk)
    array = volume.array[box]
    k, j, i = array.shape
    return ScalarVolume(array, VolumeGeometry((k, j, i), matrix))
