"""A copy of the label maps of a segmentation, to find what an edit changed.

Segments may share a label map, a *layer*, in which each has a value of its own. Layers extend only as far as
their segments do, on the common grid of the segmentation.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import vtk

from MoBSegmentationLib.mrml_bridge import image_array, matrix_array

Indices = npt.NDArray[np.int64]

_LABELMAP = "Binary labelmap"
_GRID_TOLERANCE_MM = 1e-3


@dataclass(frozen=True, eq=False)
class Change:
    """What an edit did to one segment.

    Attributes:
        segment_id: id of the segment.
        added: (3, n) indices (k, j, i) of the voxels that it has now.
        removed: (3, m) indices of the voxels that it had.
    """

    segment_id: str
    added: Indices
    removed: Indices


@dataclass(frozen=True, eq=False)
class _Layer:
    """Voxels of a layer and the (k, j, i) of the first of them."""

    low: tuple[int, int, int]
    array: npt.NDArray[Any]

    @property
    def high(self) -> tuple[int, ...]:
        return tuple(low + size for low, size in zip(self.low, self.array.shape, strict=True))

    def copy(self) -> _Layer:
        return _Layer(self.low, self.array.copy())

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


@dataclass(frozen=True, eq=False)
class _Copy:
    """A label map, and its voxels at one time.

    The label map is kept too, so that no later one can have its address.
    """

    labelmap: Any
    time: int
    layer: _Layer

    def is_current_for(self, labelmap: Any) -> bool:
        return self.labelmap is labelmap and self.time == labelmap.GetMTime()


class LayerSnapshot:
    """The segments of a segmentation at one moment.

    Args:
        segmentation: ``vtkSegmentation`` with binary label maps.
        earlier: another one of the same segmentation, of which copies that still hold are used again.
    """

    def __init__(self, segmentation: Any, earlier: LayerSnapshot | None = None) -> None:
        self._segmentation = segmentation
        self._values = _values(segmentation)
        known = list(earlier._copies.values()) if earlier else []
        self._copies: dict[str, _Copy] = {}
        for segment_id, labelmap in _labelmaps(segmentation).items():
            copy = next((one for one in known if one.is_current_for(labelmap)), None)
            if copy is None:
                copy = _Copy(labelmap, labelmap.GetMTime(), _layer(labelmap).copy())
                known.append(copy)
            self._copies[segment_id] = copy

    def is_of_these_labelmaps(self) -> bool:
        """Whether the segmentation still has the same label maps, changed or not."""
        current = _labelmaps(self._segmentation)
        return current.keys() == self._copies.keys() and all(
            labelmap is self._copies[segment_id].labelmap
            for segment_id, labelmap in current.items()
        )

    def changes(self) -> Iterator[Change]:
        """What is different now, by segment; segments that are new or gone are left out."""
        values = _values(self._segmentation)
        compared: dict[tuple[int, int], _Differences] = {}
        for segment_id, labelmap in _labelmaps(self._segmentation).items():
            if segment_id not in self._copies:
                continue
            copy, old_value, value = (
                self._copies[segment_id],
                self._values[segment_id],
                values[segment_id],
            )
            if old_value != value:
                old, new = _mask(copy.layer, old_value), _mask(_layer(labelmap), value)
                yield _change(segment_id, _differences(old, new), 1)
            elif not copy.is_current_for(labelmap):
                key = (id(copy), id(labelmap))
                if key not in compared:
                    compared[key] = _differences(copy.layer, _layer(labelmap))
                yield _change(segment_id, compared[key], value)


def _change(segment_id: str, differences: _Differences, value: int) -> Change:
    kji, before, after = differences
    was, is_now = before == value, after == value
    return Change(segment_id, kji[:, is_now & ~was], kji[:, was & ~is_now])


def lies_on_grid(segmentation: Any, ijk_to_ras: npt.NDArray[np.float64]) -> bool:
    """Whether all label maps of a ``vtkSegmentation`` have this (4, 4) matrix of voxels to RAS in mm."""
    return all(
        np.allclose(_image_to_world(image), ijk_to_ras, rtol=0, atol=_GRID_TOLERANCE_MM)
        for image in _labelmaps(segmentation).values()
        if _layer(image).array.size
    )


#: Indices (3, n) of voxels, and their values (n,) before and after.
_Differences = tuple[Indices, npt.NDArray[Any], npt.NDArray[Any]]

_NO_INDICES = tuple(np.zeros((3, 0), np.int64))
_NOTHING = _Layer((0, 0, 0), np.zeros((0, 0, 0), np.uint8))


def _differences(old: _Layer, new: _Layer) -> _Differences:
    """The voxels in which two layers differ."""
    filled = [layer for layer in (old, new) if layer.array.size]
    if not filled:
        return np.zeros((3, 0), np.int64), np.zeros(0, np.uint8), np.zeros(0, np.uint8)
    low = tuple(min(axis) for axis in zip(*(layer.low for layer in filled), strict=True))
    high = tuple(max(axis) for axis in zip(*(layer.high for layer in filled), strict=True))
    before, after = old.on(low, high), new.on(low, high)
    at = _nonzero_by_slice(before, after)
    return np.stack(at) + np.array(low)[:, None], before[at], after[at]


def _nonzero_by_slice(before: npt.NDArray[Any], after: npt.NDArray[Any]) -> tuple[Indices, ...]:
    """Where two arrays differ; much faster than in one go when most slices are equal."""
    found = [
        (np.full(rows.size, k), rows, columns)
        for k, pair in enumerate(zip(before, after, strict=True))
        if not np.array_equal(*pair)
        for rows, columns in [np.nonzero(pair[0] != pair[1])]
    ]
    return tuple(np.concatenate(axis) for axis in zip(_NO_INDICES, *found, strict=True))


def _mask(layer: _Layer, value: int) -> _Layer:
    """The layer of one segment alone, with the value 1."""
    return _Layer(layer.low, (layer.array == value).astype(np.uint8))


def _labelmaps(segmentation: Any) -> dict[str, Any]:
    """The label map of each segment that has one."""
    found = {
        segment_id: segmentation.GetSegment(segment_id).GetRepresentation(_LABELMAP)
        for segment_id in segmentation.GetSegmentIDs()
    }
    return {segment_id: image for segment_id, image in found.items() if image is not None}


def _values(segmentation: Any) -> dict[str, int]:
    return {
        segment_id: segmentation.GetSegment(segment_id).GetLabelValue()
        for segment_id in segmentation.GetSegmentIDs()
    }


def _layer(labelmap: Any) -> _Layer:
    """A view of a label map's voxels."""
    extent = labelmap.GetExtent()
    is_empty = any(extent[2 * axis] > extent[2 * axis + 1] for axis in range(3))
    if is_empty or labelmap.GetPointData().GetScalars() is None:
        return _NOTHING
    return _Layer((extent[4], extent[2], extent[0]), image_array(labelmap))


def _image_to_world(labelmap: Any) -> npt.NDArray[np.float64]:
    matrix = vtk.vtkMatrix4x4()
    labelmap.GetImageToWorldMatrix(matrix)
    return matrix_array(matrix)
