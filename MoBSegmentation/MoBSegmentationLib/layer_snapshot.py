"""A copy of the label maps of a segmentation, to find what an edit changed."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from MoBSegmentationLib.segment_layers import Layer, labelmaps_of, layer_of, values_of

Indices = npt.NDArray[np.int64]


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
class _Copy:
    """A label map, and its voxels at one time.

    The label map is kept too, so that no later one can have its address.
    """

    labelmap: Any
    time: int
    layer: Layer

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
        self._known = list(earlier._copies.values()) if earlier else []
        self._values: dict[str, int] = {}
        self._copies: dict[str, _Copy] = {}
        self.follow_segments()

    def follow_segments(self) -> None:
        """Take in segments that were added since, as they are now, and forget those that are gone."""
        labelmaps, values = labelmaps_of(self._segmentation), values_of(self._segmentation)
        for segment_id in self._copies.keys() - labelmaps.keys():
            del self._copies[segment_id], self._values[segment_id]
        for segment_id in labelmaps.keys() - self._copies.keys():
            self._copies[segment_id] = self._copy(labelmaps[segment_id])
            self._values[segment_id] = values[segment_id]

    def was_exchanged(self) -> bool:
        """Whether the segmentation has none of these label maps any more, as after undo and redo."""
        own = {id(copy.labelmap) for copy in self._copies.values()}
        current = labelmaps_of(self._segmentation).values()
        return bool(current) and not any(id(labelmap) in own for labelmap in current)

    def _copy(self, labelmap: Any) -> _Copy:
        copy = next((one for one in self._known if one.is_current_for(labelmap)), None)
        if copy is None:
            copy = _Copy(labelmap, labelmap.GetMTime(), layer_of(labelmap).copy())
            self._known.append(copy)
        return copy

    def changes(self) -> Iterator[Change]:
        """What is different now, by segment; segments that are not followed yet are left out."""
        values = values_of(self._segmentation)
        compared: dict[tuple[int, int], _Differences] = {}
        for segment_id, labelmap in labelmaps_of(self._segmentation).items():
            if segment_id not in self._copies:
                continue
            copy, old_value, value = (
                self._copies[segment_id],
                self._values[segment_id],
                values[segment_id],
            )
            if old_value != value:
                old, new = _mask(copy.layer, old_value), _mask(layer_of(labelmap), value)
                yield _change(segment_id, _differences(old, new), 1)
            elif not copy.is_current_for(labelmap):
                key = (id(copy), id(labelmap))
                if key not in compared:
                    compared[key] = _differences(copy.layer, layer_of(labelmap))
                yield _change(segment_id, compared[key], value)


def _change(segment_id: str, differences: _Differences, value: int) -> Change:
    kji, before, after = differences
    was, is_now = before == value, after == value
    return Change(segment_id, kji[:, is_now & ~was], kji[:, was & ~is_now])


#: Indices (3, n) of voxels, and their values (n,) before and after.
_Differences = tuple[Indices, npt.NDArray[Any], npt.NDArray[Any]]

_NO_INDICES = tuple(np.zeros((3, 0), np.int64))


def _differences(old: Layer, new: Layer) -> _Differences:
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


def _mask(layer: Layer, value: int) -> Layer:
    """The layer of one segment alone, with the value 1."""
    return Layer(layer.low, (layer.array == value).astype(np.uint8))
