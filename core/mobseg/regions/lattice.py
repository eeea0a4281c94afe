"""Candidate voxels on a dense grid, to find their neighbours."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from mobseg.regions.groups import Indices


class RankLattice:
    """A box of voxels that holds the rank of each of n candidates, and n everywhere else.

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
        self._rank = np.full(int(np.prod(extent + 2 * margin_kji)), n, dtype=np.int32)
        self._rank[self.position] = np.arange(n, dtype=np.int32)

    def steps(self, offsets_kji: Indices) -> Indices:
        """Distances in the lattice of (3, m) offsets."""
        distances: Indices = self._strides @ offsets_kji
        return distances

    def neighbours(self, rank: int, steps: Indices) -> npt.NDArray[np.int32]:
        """Ranks of the voxels at distances from :meth:`steps` of one candidate; n where there is none."""
        found: npt.NDArray[np.int32] = self._rank[self.position[rank] + steps]
        return found

    def neighbours_of_all(self, step: int) -> npt.NDArray[np.int32]:
        """Rank of the voxel at one distance from each candidate; n where there is none."""
        found: npt.NDArray[np.int32] = self._rank[self.position + step]
        return found
