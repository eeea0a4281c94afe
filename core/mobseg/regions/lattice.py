"""Candidate voxels on a dense grid, to find their neighbours."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from mobseg.regions.groups import Indices, Numbers


class CandidateLattice:
    """A box of voxels that holds the number of each of n candidates.

    Candidates that lie next to each other should have near numbers, so that what is known of them lies together
    in memory.

    Args:
        kji: (3, n) indices of the candidates.
        margin_kji: empty voxels to keep around them along k, j and i, so that neighbours up to this far need
            no bounds check.
    """

    def __init__(self, kji: Numbers, margin_kji: npt.NDArray[np.integer]) -> None:
        n = kji.shape[1]
        low = kji.min(axis=1) if n else np.zeros(3, np.int64)
        extent = kji.max(axis=1) - low + 1 if n else np.zeros(3, np.int64)
        _, size_j, size_i = extent + 2 * margin_kji
        self._strides = np.array([size_j * size_i, size_i, 1], dtype=np.int64)
        self._position = self._strides @ (kji - (low - margin_kji)[:, None])
        # Less n, so that nothing is written where no candidate lies: most of the memory is never taken.
        self._n: int = n
        self._number = np.zeros(int(np.prod(extent + 2 * margin_kji)), dtype=np.int32)
        self._number[self._position] = np.arange(-n, 0, dtype=np.int32)

    def __len__(self) -> int:
        return self._n

    def steps(self, offsets_kji: Indices) -> Indices:
        """Distances in the lattice of (3, m) offsets."""
        distances: Indices = self._strides @ offsets_kji
        return distances

    def neighbours(self, number: int, steps: Indices) -> tuple[Indices, Numbers]:
        """Which of the distances from :meth:`steps` lead from one candidate to another, and to which."""
        found = self._number.take(self._position[number] + steps)
        leading = np.flatnonzero(found)
        return leading, found[leading] + np.int32(self._n)

    def neighbours_of(self, numbers: Numbers | slice, steps: Indices | np.int64) -> Numbers:
        """The candidate at a distance from each of some candidates; n where there is none.

        Args:
            numbers: (m,) candidates.
            steps: one distance for all of them, or (m,).
        """
        found: Numbers = self._number.take(self._position[numbers] + steps)
        found += np.int32(self._n)
        return found
