"""The label maps of a segmentation as arrays.

Segments may share a label map, a *layer*, in which each has a value of its own. Layers extend only as far as
their segments do, on the common grid of the segmentation.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import vtk

from MoBSegmentationLib.mrml_bridge import image_array, matrix_array

_LABELMAP = "Binary labelmap"
_GRID_TOLERANCE_MM = 1e-3


@dataclass(frozen=True, eq=False)
class Layer:
    """Part of the common grid.

    Attributes:
        low: (k, j, i) of the first voxel.
        array: (K, J, I) values; 0 belongs to no segment.
    """

    low: tuple[int, int, int]
    array: npt.NDArray[Any]

    @property
    def high(self) -> tuple[int, ...]:
        """One past the last voxel."""
        return tuple(low + size for low, size in zip(self.low, self.array.shape, strict=True))

    def copy(self) -> Layer:
        """The same with voxels of its own."""
        return Layer(self.low, self.array.copy())

    def on(self, low: tuple[int, ...], high: tuple[int, ...]) -> npt.NDArray[Any]:
        """The voxels of a box that holds the layer, zero outside the layer."""
        if (low, high) == (self.low, self.high):
            return self.array
        box = np.zeros([b - a for a, b in zip(low, high, strict=True)], self.array.dtype)
        if not self.array.size:
            return box
        inner = zip(self.low, self.high, low, strict=True)
        box[tuple(slice(a - start, b - start) for a, b, start in inner)] = self.array
        return box


#: A layer without voxels.
NOTHING = Layer((0, 0, 0), np.zeros((0, 0, 0), np.uint8))


def lies_on_grid(segmentation: Any, ijk_to_ras: npt.NDArray[np.float64]) -> bool:
    """Whether all label maps of a ``vtkSegmentation`` have this (4, 4) matrix of voxels to RAS in mm."""
    return all(
        np.allclose(_image_to_world(image), ijk_to_ras, rtol=0, atol=_GRID_TOLERANCE_MM)
        for image in labelmaps_of(segmentation).values()
        if layer_of(image).array.size
    )


def labelmaps_of(segmentation: Any) -> dict[str, Any]:
    """The label map of each segment that has one."""
    found = {
        segment_id: segmentation.GetSegment(segment_id).GetRepresentation(_LABELMAP)
        for segment_id in segmentation.GetSegmentIDs()
    }
    return {segment_id: image for segment_id, image in found.items() if image is not None}


def values_of(segmentation: Any) -> dict[str, int]:
    """The value of each segment in its layer."""
    return {
        segment_id: segmentation.GetSegment(segment_id).GetLabelValue()
        for segment_id in segmentation.GetSegmentIDs()
    }


def layer_of(labelmap: Any) -> Layer:
    """A view of a label map's voxels."""
    extent = labelmap.GetExtent()
    is_empty = any(extent[2 * axis] > extent[2 * axis + 1] for axis in range(3))
    if is_empty or labelmap.GetPointData().GetScalars() is None:
        return NOTHING
    return Layer((extent[4], extent[2], extent[0]), image_array(labelmap))


def _image_to_world(labelmap: Any) -> npt.NDArray[np.float64]:
    matrix = vtk.vtkMatrix4x4()
    labelmap.GetImageToWorldMatrix(matrix)
    return matrix_array(matrix)


def label_array(
    segmentation: Any, value_of: Mapping[str, int], shape_kji: tuple[int, int, int]
) -> npt.NDArray[np.uint16]:
    """Segments as one label map; where they overlap, the later one wins.

    Args:
        segmentation: ``vtkSegmentation`` that :func:`lies_on_grid`.
        value_of: label value of each segment to write, by its id.
        shape_kji: size of the grid; what lies beyond it is left out.
    """
    labels = np.zeros(shape_kji, dtype=np.uint16)
    own_values = values_of(segmentation)
    for segment_id, labelmap in labelmaps_of(segmentation).items():
        if segment_id not in value_of:
            continue
        layer = layer_of(labelmap)
        low = [max(0, start) for start in layer.low]
        high = [min(end, size) for end, size in zip(layer.high, shape_kji, strict=True)]
        if any(a >= b for a, b in zip(low, high, strict=True)):
            continue
        part = layer.array[
            tuple(slice(a - n, b - n) for a, b, n in zip(low, high, layer.low, strict=True))
        ]
        target = labels[tuple(slice(a, b) for a, b in zip(low, high, strict=True))]
        target[part == own_values[segment_id]] = value_of[segment_id]
    return labels
