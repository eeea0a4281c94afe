"""Reductions over groups of voxels, all groups at once."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy import sparse

Indices = npt.NDArray[np.int64]
#: Of candidates; half the memory.
Numbers = npt.NDArray[np.int32]
Flags = npt.NDArray[np.bool_]


def without_gaps(number: Numbers) -> Numbers:
    """The same groups in the same order, numbered from 0."""
    is_used = np.bincount(number) > 0
    renumbered: Numbers = (np.cumsum(is_used, dtype=np.int32) - np.int32(1))[number]
    return renumbered


def stable_order(values: npt.NDArray[np.uint32]) -> Indices:
    """Places of (n,) numbers from the smallest up, equal ones as they come."""
    # Numbers of two bytes are sorted in linear time.
    order = np.argsort(values.astype(np.uint16), kind="stable")
    upper = (values >> np.uint32(16)).astype(np.uint16)
    if upper.any():
        order = order[np.argsort(upper[order], kind="stable")]
    return order


class Groups:
    """Voxels by group number.

    Args:
        number: (n,) group of each voxel: 0, 1, ... without gaps.
    """

    def __init__(self, number: Numbers) -> None:
        self._order = stable_order(number.astype(np.uint32))
        self._sorted = number[self._order]
        is_start = np.ones(number.size, np.bool_)
        np.not_equal(self._sorted[1:], self._sorted[:-1], out=is_start[1:])
        self._starts = np.flatnonzero(is_start)

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
        return self._reduce(np.add, values, np.float64)

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

    def _reduce(
        self, operation: np.ufunc, values: npt.NDArray[Any], dtype: npt.DTypeLike | None = None
    ) -> npt.NDArray[Any]:
        """Reduce each group, in the type of the values or another."""
        if not len(self):
            return values[..., :0].astype(dtype or values.dtype)
        members = values[..., self._order].astype(dtype or values.dtype, copy=False)
        reduced: npt.NDArray[Any] = operation.reduceat(members, self._starts, axis=-1)
        return reduced


def sum_rows(group: Numbers, values: sparse.csr_array, n_groups: int) -> npt.NDArray[np.float64]:
    """Sums of sparse (F, n) values over the groups in float64, (F, groups).

    Args:
        group: (n,) group of each column; negative for columns that belong to none.
        values: of each column, of which few are not 0.
        n_groups: number of groups.
    """
    sums = np.empty((values.shape[0], n_groups))
    for row, (start, stop) in enumerate(pairwise(values.indptr)):
        entries = slice(start, stop)
        # The first sum is of those without a group.
        number = 1 + group[values.indices[entries]]
        sums[row] = np.bincount(number, values.data[entries], minlength=1 + n_groups)[1:]
    return sums
