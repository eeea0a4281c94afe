"""Candidate voxels on a dense grid, to find their neighbours."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from mobseg.regions.groups import Indices


class RankLattice:
    """A box of voxels that holds the rank of each of n candidates.

    Args:
        kji_by_rank: (3, n) indices of the candidates, the first of rank 0.
        margin_kji: empty voxels to keep around them along k, j and i, so that neighbours up to this far need
            no bounds check.
    """

    def __init__(self, kji_by_rank: Indices, margin_kji: npt.NDArray[np.integer]) -> None:
        n = kji_by_rank.shape[1]
        low = kji_by_rank.min(axis=1) if n else np.zeros(3, np.int64)
        extent = kji_by_rank.max(axis=1) - low + 1 if n else np.zeros(3, np.int64)
        _, size_j, size_i = extent + 2 * margin_kji
        self._strides = np.array([size_j * size_i, size_i, 1], dtype=np.int64)
        self.position = self._strides @ (kji_by_rank - (low - margin_kji)[:, None])
        # Less n, so that nothing is written where no candidate lies: most of the memory is never taken.
        self._n = n
        self._rank = np.zeros(int(np.prod(extent + 2 * margin_kji)), dtype=np.int32)
        self._rank[self.position] = np.arange(-n, 0, dtype=np.int32)

    def steps(self, offsets_kji: Indices) -> Indices:
        """Distances in the lattice of (3, m) offsets."""
        distances: Indices = self._strides @ offsets_kji
        return distances

    def neighbours(self, rank: int, steps: Indices) -> tuple[Indices, npt.NDArray[np.int32]]:
        """Which of the distances from :meth:`steps` lead from one candidate to another, and to which rank."""
        found = self._rank.take(self.position[rank] + steps)
        leading = np.flatnonzero(found)
        return leading, found[leading] + np.int32(self._n)

    def neighbours_of_all(self, step: int) -> npt.NDArray[np.int32]:
        """Rank of the voxel at one distance from each candidate; n where there is none."""
        found: npt.NDArray[np.int32] = self._rank.take(self.position + step)
        found += np.int32(self._n)
        return found
