"""The connected components of candidates at any threshold, from one pass over their neighbours.

Every candidate leads to its neighbour with the best rank, and so step by step to a peak; the candidates that
lead to one peak are its *basin*. As a candidate leads to a higher score, a flagged one always leads to its
peak through flagged ones. So the flagged voxels of a basin are connected at every threshold, and two basins are
connected from the threshold on at which both voxels of a touching pair are flagged. Of these passes only a
spanning tree is kept: joining the basins along it up to the threshold gives the components.
"""

from __future__ import annotations

import itertools

import numpy as np
from scipy.sparse import coo_matrix
from scipy.sparse.csgraph import connected_components, minimum_spanning_tree

from mobseg.regions.groups import Indices
from mobseg.regions.lattice import RankLattice

# Voxels that share a face, an edge or a corner touch; of each opposite pair of steps, the first half.
_STEPS = np.array([step for step in itertools.product((-1, 0, 1), repeat=3) if any(step)]).T
_HALF_OF_STEPS = _STEPS[:, : _STEPS.shape[1] // 2]


class MergeTree:
    """Basins of n candidates and the passes between them.

    Args:
        lattice: the candidates, with a margin of at least 1.
    """

    def __init__(self, lattice: RankLattice) -> None:
        n = lattice.position.size
        peak = _peaks(lattice)
        is_peak = peak == np.arange(n)
        # Basins are numbered from the highest peak down.
        self._peaks: Indices = np.flatnonzero(is_peak)
        self._basin: Indices = (np.cumsum(is_peak) - 1)[peak]
        self._first, self._second, self._pass = _spanning_passes(
            lattice, self._basin, self._peaks.size
        )

    def components(self, n_flagged: int) -> Indices:
        """Component of each of the ``n_flagged`` candidates with the best ranks, numbered with gaps."""
        n_basins = int(np.searchsorted(self._peaks, n_flagged))
        n_passes = int(np.searchsorted(self._pass, n_flagged))
        pairs = (self._first[:n_passes], self._second[:n_passes])
        graph = coo_matrix((np.ones(n_passes, np.bool_), pairs), shape=(n_basins, n_basins))
        _, component_of_basin = connected_components(graph, directed=False)
        components: Indices = component_of_basin.astype(np.int64)[self._basin[:n_flagged]]
        return components


def _peaks(lattice: RankLattice) -> Indices:
    """Rank of the peak that each candidate leads to."""
    n = lattice.position.size
    peak: Indices = np.arange(n)
    for step in lattice.steps(_STEPS):
        np.minimum(peak, lattice.neighbours_of_all(step), out=peak)
    while True:
        further = peak[peak]
        if np.array_equal(further, peak):
            return peak
        peak = further


def _spanning_passes(
    lattice: RankLattice, basin: Indices, n_basins: int
) -> tuple[Indices, Indices, Indices]:
    """Two basins and the rank of the pass between them, for a tree of the highest passes, by rank."""
    first, second, rank = _passes(lattice, basin, n_basins)
    # A weight of 0 would be no pass.
    graph = coo_matrix((rank + 1.0, (first, second)), shape=(n_basins, n_basins)).tocsr()
    tree = minimum_spanning_tree(graph).tocoo()
    order = np.argsort(tree.data, kind="stable")
    by_rank = (tree.row[order], tree.col[order], tree.data[order] - 1)
    first, second, rank = (column.astype(np.int64) for column in by_rank)
    return first, second, rank


def _passes(
    lattice: RankLattice, basin: Indices, n_basins: int
) -> tuple[Indices, Indices, Indices]:
    """The highest pass between each two basins that touch: basins a < b, and the rank of the lower voxel."""
    n = lattice.position.size
    pairs, ranks = [], []
    for step in lattice.steps(_HALF_OF_STEPS):
        other = lattice.neighbours_of_all(step)
        voxel = np.flatnonzero(other < n)
        other = other[voxel]
        between = basin[voxel] != basin[other]
        voxel, other = voxel[between], other[between]
        low = np.minimum(basin[voxel], basin[other])
        pair, rank = _best(
            low * n_basins + np.maximum(basin[voxel], basin[other]), np.maximum(voxel, other)
        )
        pairs.append(pair)
        ranks.append(rank)
    pair, rank = _best(np.concatenate(pairs), np.concatenate(ranks))
    first, second = np.divmod(pair, max(n_basins, 1))
    return first, second, rank


def _best(pair: Indices, rank: Indices) -> tuple[Indices, Indices]:
    """Each pair once, with its lowest rank."""
    order = np.lexsort((rank, pair))
    pair, rank = pair[order], rank[order]
    is_first = np.diff(pair, prepend=-1) != 0
    return pair[is_first], rank[is_first]
