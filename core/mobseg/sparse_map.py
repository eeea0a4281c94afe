"""A map of which most voxels have the value that their label implies."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import numpy.typing as npt

from mobseg.label_blocks import MIXED, LabelBlocks
from mobseg.prediction import Map
from mobseg.volume import Run

Voxels = npt.NDArray[np.int64]
Labels = npt.NDArray[np.unsignedinteger]

#: The most voxels that are handed on at a time; 1 MiB.
_PIECE = 1 << 18


@dataclass(frozen=True, eq=False)
class SparseMap:
    """A (K, J, I) float32 map that is stored for n voxels only.

    It is indexed like an array, by a box of slices or by three arrays of indices.

    Attributes:
        blocks: of the label map (K, J, I).
        voxels: (n,) ascending indices into the flattened map.
        values: (n,) float32, the map there.
        structure: elsewhere the map is 1 where the label is this one, and 0 where it is another; with ``None``
            it is 0 everywhere else.
    """

    blocks: LabelBlocks
    voxels: Voxels
    values: Map
    structure: int | None = None

    @property
    def labels(self) -> Labels:
        """(K, J, I), the label map."""
        return self.blocks.labels

    @property
    def shape(self) -> tuple[int, int, int]:
        """(K, J, I)."""
        k, j, i = self.labels.shape
        return (k, j, i)

    def __getitem__(self, where: tuple[slice, ...] | tuple[npt.NDArray[np.integer], ...]) -> Map:
        """The values in a box, or at (m,) voxels given by their indices along each axis."""
        found = self._certain(self.labels[where])
        axes = [axis for axis in where if isinstance(axis, slice)]
        if axes:
            inside, position = self._inside(axes)
            found[position] = self.values[inside]
            return found
        wanted: Voxels = np.asarray(np.ravel_multi_index(where, self.shape))  # type: ignore[arg-type]
        place: Voxels = np.searchsorted(self.voxels, wanted)
        is_stored = place < len(self.voxels)
        is_stored[is_stored] = self.voxels[place[is_stored]] == wanted[is_stored]
        found[is_stored] = self.values[place[is_stored]]
        return found

    def dense(self) -> Map:
        """All voxels."""
        whole = self._certain(self.labels)
        whole.reshape(-1)[self.voxels] = self.values
        return whole

    def reaching(self, lowest: float) -> npt.NDArray[np.int64]:
        """(3, m) indices of the voxels from a positive value on, of a map that is 0 elsewhere."""
        assert self.structure is None
        assert lowest > 0
        return np.stack(np.unravel_index(self.voxels[self.values >= lowest], self.shape))

    def parts(self) -> Iterator[Map | Run]:
        """The flattened map piece by piece; runs of one value are not written out."""
        labels = self.labels.reshape(-1)
        value, size = self._value_of_blocks(), self.blocks.SIZE
        edges = (0, *(1 + np.flatnonzero(np.diff(value))).tolist(), len(value))
        for first, last in pairwise(edges):
            start, stop = first * size, min(last * size, labels.size)
            if value[first] == MIXED:
                for piece in range(start, stop, _PIECE):
                    yield self._flat_part(labels, piece, min(piece + _PIECE, stop))
            else:
                yield Run(np.float32(value[first]), stop - start)

    def _value_of_blocks(self) -> npt.NDArray[np.int8]:
        """The one value of each block of the flattened map, or :data:`MIXED`."""
        size = self.blocks.SIZE
        whole = self.labels.size // size
        value = np.full(len(self.blocks), MIXED, np.int8)
        value[:whole] = 0 if self.structure is None else self.blocks.inside(self.structure)
        value[self.voxels // size] = MIXED
        return value

    def _flat_part(self, labels: Labels, start: int, stop: int) -> Map:
        """Some voxels of the flattened map."""
        part = self._certain(labels[start:stop])
        first, last = np.searchsorted(self.voxels, (start, stop))
        part[self.voxels[first:last] - start] = self.values[first:last]
        return part

    def _certain(self, labels: Labels) -> Map:
        if self.structure is None:
            return np.zeros(labels.shape, np.float32)
        return np.equal(labels, self.structure).astype(np.float32, order="C")

    def _inside(self, box: list[slice]) -> tuple[Voxels, tuple[Voxels, ...]]:
        """Which stored voxels lie in a box, and their indices in it."""
        bounds = [axis.indices(n)[:2] for axis, n in zip(box, self.shape, strict=True)]
        per_plane = self.shape[1] * self.shape[2]
        first, last = np.searchsorted(self.voxels, np.array(bounds[0]) * per_plane)
        indices = np.unravel_index(self.voxels[first:last], self.shape)
        is_inside = np.ones(last - first, np.bool_)
        for index, (start, stop) in zip(indices, bounds, strict=True):
            is_inside &= (start <= index) & (index < stop)
        position = tuple(
            index[is_inside] - start for index, (start, _) in zip(indices, bounds, strict=True)
        )
        return first + np.flatnonzero(is_inside), position
