"""A box in the patient as a box of voxels, and as an image of its own."""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from mobseg.errors import InvalidInput
from mobseg.geometry import VolumeGeometry
from mobseg.options import Box
from mobseg.orientation import Reorientation, reorient
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


@dataclass(frozen=True, eq=False)
class Part:
    """A box of an image with its axes turned as a model wants them, and the way back.

    Attributes:
        volume: the part.
        whole: grid of the whole image.
    """

    volume: ScalarVolume
    whole: VolumeGeometry
    _box: VoxelBox
    _reorientation: Reorientation

    @classmethod
    def take(cls, volume: ScalarVolume, box: VoxelBox, codes: str) -> Part:
        """Cut out ``box`` and turn it such that i, j and k run toward ``codes``."""
        turned, reorientation = reorient(crop_volume(volume, box), codes)
        return cls(turned, volume.geometry, box, reorientation)

    def embed(self, array: npt.NDArray[Any]) -> npt.NDArray[Any]:
        """Put a map (..., K, J, I) of the part where it belongs in a map of zeros of the whole."""
        native = self._reorientation.undo(array)
        if native.shape[-3:] == self.whole.shape_kji:
            return native
        whole = np.zeros((*native.shape[:-3], *self.whole.shape_kji), native.dtype)
        k, j, i = self._box
        whole[..., k, j, i] = native
        return whole

    def embed_indices(self, flat: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
        """Where voxels of the flattened part lie in the flattened whole."""
        shape = self.volume.geometry.shape_kji
        indices = self._reorientation.undo_indices(np.unravel_index(flat, shape), shape)
        k, j, i = (index + axis.start for index, axis in zip(indices, self._box, strict=True))
        _, rows, columns = self.whole.shape_kji
        whole: npt.NDArray[np.int64] = (k * rows + j) * columns + i
        return whole
