"""A map of which most voxels have the value that their label implies."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from mobseg.prediction import Map
from mobseg.volume import Run

Voxels = npt.NDArray[np.int64]
Labels = npt.NDArray[np.unsignedinteger]

Counts = npt.NDArray[np.int64]

#: Voxels that are handed on at a time, 64 KiB, and blocks in a run of one value.
_BLOCK = 1 << 14
_BLOCKS_OF_RUN = 16

#: Of a block in which not all voxels have one value.
_OPEN = -1


@dataclass(frozen=True, eq=False)
class SparseMap:
    """A (K, J, I) float32 map that is stored for n voxels only.

    It is indexed like an array, by a box of slices or by three arrays of indices.

    Attributes:
        labels: (K, J, I), the label map.
        voxels: (n,) ascending indices into the flattened map.
        values: (n,) float32, the map there.
        structure: elsewhere the map is 1 where the label is this one, and 0 where it is another; with ``None``
            it is 0 everywhere else.
        labelled: how many voxels of each block have the label ``structure``, a row of
            :func:`labelled_voxels`; counted when it is needed if it is not given.
    """

    labels: Labels
    voxels: Voxels
    values: Map
    structure: int | None = None
    labelled: Counts | None = None

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
        edges = np.append(np.arange(0, labels.size, _BLOCK), labels.size)
        starts = np.searchsorted(self.voxels, edges)
        implied = self._implied(edges)
        implied[starts[:-1] < starts[1:]] = _OPEN
        for first, last in _pieces(implied):
            if implied[first] != _OPEN:
                yield Run(np.float32(implied[first]), int(edges[last] - edges[first]))
                continue
            part = self._certain(labels[edges[first] : edges[last]])
            inside = slice(starts[first], starts[last])
            part[self.voxels[inside] - edges[first]] = self.values[inside]
            yield part

    def _certain(self, labels: Labels) -> Map:
        if self.structure is None:
            return np.zeros(labels.shape, np.float32)
        return np.equal(labels, self.structure).astype(np.float32, order="C")

    def _implied(self, edges: npt.NDArray[np.int64]) -> npt.NDArray[np.int8]:
        """The one value that the labels of each block imply, or :data:`_OPEN`."""
        if self.structure is None:
            return np.zeros(len(edges) - 1, np.int8)
        labelled = self.labelled
        if labelled is None:
            (labelled,) = labelled_voxels(self.labels, [self.structure])
        is_one_value = [labelled == 0, labelled == np.diff(edges)]
        return np.select(is_one_value, [0, 1], _OPEN).astype(np.int8)

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


def labelled_voxels(labels: Labels, values: Sequence[int]) -> Counts:
    """How many voxels of each block have each of F labels, (F, blocks)."""
    flat = labels.reshape(-1)
    channel = np.zeros(np.iinfo(labels.dtype).max + 1, np.uint16)
    channel[list(values)] = np.arange(1, 1 + len(values))
    starts = range(0, flat.size, _BLOCK)
    found = np.empty((len(starts), 1 + len(values)), np.int64)
    for row, start in zip(found, starts, strict=True):
        row[:] = np.bincount(channel[flat[start : start + _BLOCK]], minlength=len(row))
    counts: Counts = found[:, 1:].T
    return counts


def _pieces(implied: npt.NDArray[np.int8]) -> Iterator[tuple[int, int]]:
    """First and last block of each piece: a long run of one value, or a block."""
    first = 0
    while first < len(implied):
        last = first + 1
        if first % _BLOCKS_OF_RUN == 0 and implied[first] != _OPEN:
            run = implied[first : first + _BLOCKS_OF_RUN]
            last = first + len(run) if (run == run[0]).all() else last
        yield first, last
        first = last
