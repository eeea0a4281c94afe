"""The connected components of candidates at any threshold, from one pass over their neighbours.

Every candidate leads to its neighbour with the best rank, and so step by step to a peak; the candidates that
lead to one peak are its *basin*. As a candidate leads to a higher score, a flagged one always leads to its
peak through flagged ones. So the flagged voxels of a basin are connected at every threshold, and two basins are
connected from the threshold on at which both voxels of a touching pair are flagged. Of these passes only a
spanning tree is kept: joining the basins along it up to the threshold gives the components.

The lower voxel of a pass that matters is a saddle (:mod:`mobseg.regions.saddles`), so that no other pairs
are looked at.
"""

from __future__ import annotations

import numpy as np
from scipy.sparse import coo_matrix
from scipy.sparse.csgraph import connected_components, minimum_spanning_tree

from mobseg.regions.groups import Indices, Numbers
from mobseg.regions.lattice import CandidateLattice
from mobseg.regions.saddles import Ascents, find_ascents


class MergeTree:
    """Basins of n candidates and the passes between them.

    Args:
        lattice: the candidates, with a margin of at least 1.
        rank: (n,) place of each candidate from the highest score down.
    """

    def __init__(self, lattice: CandidateLattice, rank: Numbers) -> None:
        ascents = find_ascents(lattice, rank)
        peak = _peaks(ascents.best)
        is_peak = peak == np.arange(rank.size, dtype=np.int32)
        # Basins are numbered from the highest peak down.
        peaks = np.flatnonzero(is_peak)
        by_rank = np.argsort(rank[peaks])
        self._peaks: Numbers = rank[peaks[by_rank]]
        basin_of_peak = np.empty_like(rank)
        basin_of_peak[peaks[by_rank]] = np.arange(peaks.size, dtype=np.int32)
        self._basin: Numbers = basin_of_peak[peak]
        self._first, self._second, self._pass = _spanning_passes(
            ascents, rank, self._basin, peaks.size
        )

    def components(self, flagged: Indices) -> Numbers:
        """Component of each of the m candidates with the best ranks, in any order; numbered with gaps."""
        n_basins = int(np.searchsorted(self._peaks, flagged.size))
        n_passes = int(np.searchsorted(self._pass, flagged.size))
        pairs = (self._first[:n_passes], self._second[:n_passes])
        graph = coo_matrix((np.ones(n_passes, np.bool_), pairs), shape=(n_basins, n_basins))
        _, component_of_basin = connected_components(graph, directed=False)
        components: Numbers = component_of_basin.astype(np.int32)[self._basin[flagged]]
        return components


def _peaks(best: Numbers) -> Numbers:
    """The peak that each candidate leads to, from the candidate that it leads to first."""
    peak = best
    while True:
        further = peak[peak]
        if np.array_equal(further, peak):
            return peak
        peak = further


def _spanning_passes(
    ascents: Ascents, rank: Numbers, basin: Numbers, n_basins: int
) -> tuple[Indices, Indices, Indices]:
    """Two basins and the rank of the pass between them, for a tree of the highest passes, by rank."""
    first, second, passes = _passes(ascents, rank, basin, n_basins)
    # A weight of 0 would be no pass.
    graph = coo_matrix((passes + 1.0, (first, second)), shape=(n_basins, n_basins)).tocsr()
    tree = minimum_spanning_tree(graph).tocoo()
    order = np.argsort(tree.data, kind="stable")
    by_rank = (tree.row[order], tree.col[order], tree.data[order] - 1)
    first, second, passes = (column.astype(np.int64) for column in by_rank)
    return first, second, passes


def _passes(
    ascents: Ascents, rank: Numbers, basin: Numbers, n_basins: int
) -> tuple[Indices, Indices, Numbers]:
    """The highest pass at a saddle between each two basins: basins a < b, and the rank of the lower voxel."""
    one, other = basin[ascents.saddle], basin[ascents.other]
    between = np.flatnonzero(one != other)
    one, other = one[between].astype(np.int64), other[between].astype(np.int64)
    pair = np.minimum(one, other) * n_basins + np.maximum(one, other)
    passes = rank[ascents.saddle[between]]
    order = np.lexsort((passes, pair))
    pair, passes = pair[order], passes[order]
    is_first = np.diff(pair, prepend=-1) != 0
    first, second = np.divmod(pair[is_first], max(n_basins, 1))
    return first, second, passes[is_first]
