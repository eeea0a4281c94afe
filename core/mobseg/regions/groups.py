"""Reductions over groups of voxels, all groups at once."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
from scipy import sparse

Indices = npt.NDArray[np.int64]
#: Of candidates; half the memory.
Numbers = npt.NDArray[np.int32]
Flags = npt.NDArray[np.bool_]


def without_gaps(number: Indices) -> Indices:
    """The same groups in the same order, numbered from 0."""
    is_used = np.bincount(number) > 0
    renumbered: Indices = (np.cumsum(is_used) - 1)[number]
    return renumbered


class Groups:
    """Voxels by group number.

    Args:
        number: (n,) group of each voxel: 0, 1, ... without gaps.
    """

    def __init__(self, number: Indices) -> None:
        # Numbers of two bytes are sorted in linear time.
        fits = number.max(initial=0) <= np.iinfo(np.uint16).max
        self._order = np.argsort(number.astype(np.uint16) if fits else number, kind="stable")
        self._sorted = number[self._order]
        self._starts = np.flatnonzero(np.diff(self._sorted, prepend=-1))

    def __len__(self) -> int:
        return int(self._starts.size)

    @property
    def count(self) -> Indices:
        """Number of voxels of each group."""
        return np.diff(self._starts, append=self._sorted.size)

    @property
    def first(self) -> Indices:
        """Index of the first voxel of each group."""
        return self._order[self._starts]

    def sum(self, values: npt.NDArray[Any]) -> npt.NDArray[np.float64]:
        """Sums of (..., n) values in float64."""
        return self._reduce(np.add, values.astype(np.float64))

    def sum_rows(self, values: sparse.csr_array) -> npt.NDArray[np.float64]:
        """Sums of sparse (n, F) values in float64, (groups, F)."""
        members = sparse.csr_array(
            (
                np.ones(self._order.size),
                self._order,
                np.append(self._starts, self._order.size),
            ),
            shape=(len(self), self._order.size),
        )
        sums: npt.NDArray[np.float64] = (members @ values).toarray()
        return sums

    def min(self, values: npt.NDArray[Any]) -> npt.NDArray[Any]:
        """Minima of (..., n) values."""
        return self._reduce(np.minimum, values)

    def max(self, values: npt.NDArray[Any]) -> npt.NDArray[Any]:
        """Maxima of (..., n) values."""
        return self._reduce(np.maximum, values)

    def any(self, flags: Flags) -> Flags:
        """Whether any of (n,) flags is set."""
        return self._reduce(np.logical_or, flags)

    def argmax(self, values: npt.NDArray[Any]) -> Indices:
        """Index of the first voxel with the maximum of (n,) values."""
        at_maximum = np.flatnonzero(values[self._order] == self.max(values)[self._sorted])
        _, first = np.unique(self._sorted[at_maximum], return_index=True)
        return self._order[at_maximum[first]]

    def _reduce(self, operation: np.ufunc, values: npt.NDArray[Any]) -> npt.NDArray[Any]:
        if not len(self):
            return values[..., :0]
        reduced: npt.NDArray[Any] = operation.reduceat(
            values[..., self._order], self._starts, axis=-1
        )
        return reduced
