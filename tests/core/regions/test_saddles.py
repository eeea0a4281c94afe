from __future__ import annotations

import numpy as np
import pytest
from scipy import ndimage

from mobseg.regions.lattice import CandidateLattice
from mobseg.regions.saddles import find_ascents

SHAPE = (6, 7, 8)


def ascents_of(rank):
    """Of all voxels of a box with these ranks."""
    kji = np.indices(rank.shape).reshape(3, -1)
    lattice = CandidateLattice(kji, np.ones(3, int))
    return find_ascents(lattice, rank.reshape(-1).astype(np.int32))


def around(rank, kji):
    """Ranks and numbers of the 3 x 3 x 3 voxels around one, -1 outside."""
    numbers = np.arange(rank.size).reshape(rank.shape)
    window = tuple(slice(n, n + 3) for n in kji)
    return tuple(np.pad(values, 1, constant_values=-1)[window] for values in (rank, numbers))


@pytest.mark.parametrize("seed", range(3))
def test_against_labelling_the_better_neighbours_of_each_voxel(seed):
    rank = np.random.default_rng(seed).permutation(np.prod(SHAPE)).reshape(SHAPE)
    ascents = ascents_of(rank)
    pairs = list(zip(ascents.saddle.tolist(), ascents.other.tolist(), strict=True))
    assert len(pairs) == len(set(pairs)) > 5
    for kji in np.ndindex(SHAPE):
        number = int(np.ravel_multi_index(kji, SHAPE))
        ranks, numbers = around(rank, kji)
        is_better = (numbers >= 0) & (ranks < rank[kji])
        groups, count = ndimage.label(is_better, structure=np.ones((3, 3, 3)))
        if not count:
            assert ascents.best[number] == number
            continue
        best = np.where(is_better, ranks, rank.size).argmin()
        assert ascents.best[number] == numbers.flat[best]
        joined = [groups[numbers == other][0] for saddle, other in pairs if saddle == number]
        assert sorted([groups.flat[best], *joined]) == list(range(1, count + 1))


@pytest.mark.parametrize("chain", range(3))
def test_a_long_way_around_is_one_group(chain):
    """Better neighbours along a winding path touch only one after the other."""
    paths = (
        [(0, 0, 0), (0, 1, 0), (0, 2, 1), (0, 1, 2), (1, 0, 2), (2, 1, 2), (2, 2, 1), (2, 1, 0)],
        [(0, 0, 0), (0, 0, 1), (0, 0, 2), (0, 1, 2), (0, 2, 2), (1, 2, 2), (2, 2, 2), (2, 2, 1)],
        [(2, 0, 0), (1, 0, 1), (0, 0, 2), (0, 1, 2), (0, 2, 1), (1, 2, 0), (2, 2, 1), (2, 1, 2)],
    )
    rank = np.full((3, 3, 3), 20)
    rank[1, 1, 1] = 10
    for place, kji in enumerate(paths[chain]):
        rank[kji] = place
    rank[rank == 20] = 20 + np.arange(np.count_nonzero(rank == 20))
    rank = rank.reshape(-1).argsort().argsort().reshape(3, 3, 3)
    ascents = ascents_of(rank)
    assert 13 not in ascents.saddle
    assert ascents.best[13] == np.ravel_multi_index(paths[chain][0], (3, 3, 3))
