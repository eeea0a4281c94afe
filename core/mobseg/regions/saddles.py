"""Where candidates lead, and which of them join what is not yet joined by better ones.

Visit the candidates from the best rank on. Each joins those of its neighbours that were visited before: the
better ones. As far as these touch each other they are joined already, so that one of each group of better
neighbours that touch is enough; and the group of the best neighbour is joined as the candidate leads there.
Few candidates have better neighbours in several groups: these are the *saddles*.

The 3 x 3 x 3 voxels around a candidate are 27 bits of a number, so that groups are found for many candidates
at once.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from mobseg.regions.groups import Indices, Numbers
from mobseg.regions.lattice import CandidateLattice

_Bits = npt.NDArray[np.uint32]

#: Offset of each bit; the middle one is the candidate itself.
_OFFSETS = np.array(list(itertools.product((-1, 0, 1), repeat=3))).T
_MIDDLE = _OFFSETS.shape[1] // 2

#: For each axis the distance of neighbours in bits, and those that have a neighbour before and behind them.
_AXES = tuple(
    (
        np.uint32(3 ** (2 - axis)),
        np.uint32(sum(1 << int(bit) for bit in np.flatnonzero(offsets > -1))),
        np.uint32(sum(1 << int(bit) for bit in np.flatnonzero(offsets < 1))),
    )
    for axis, offsets in enumerate(_OFFSETS)
)

#: Candidates at a time, for the cache.
_BLOCK = 1 << 15


@dataclass(frozen=True, eq=False)
class Ascents:
    """Where n candidates lead.

    Attributes:
        best: (n,) the neighbour with the best rank, or the candidate itself where it is a peak.
        saddle: (m,) candidates that join two groups of better neighbours.
        other: (m,) a voxel of the group to which the candidate does not lead.
    """

    best: Numbers
    saddle: Numbers
    other: Numbers


def find_ascents(lattice: CandidateLattice, rank: Numbers) -> Ascents:
    """Look at the neighbours of every candidate: voxels that share a face, an edge or a corner.

    Args:
        lattice: the n candidates, with a margin of at least 1.
        rank: (n,) place of each from the highest score down.
    """
    n = len(lattice)
    steps = lattice.steps(_OFFSETS)
    rank_or_none = np.append(rank, np.int32(n))
    nothing = np.zeros(0, np.int32)
    best, saddles, others = np.empty_like(rank), [nothing], [nothing]
    for start in range(0, n, _BLOCK):
        block = slice(start, min(start + _BLOCK, n))
        better, highest = _better_neighbours(lattice, rank_or_none, block, steps)
        numbers = np.arange(block.start, block.stop, dtype=np.int32)
        best[block] = lattice.neighbours_of(block, steps[highest])
        left = better & ~_group_of(np.uint32(1) << highest.astype(np.uint32), better)
        while True:
            some = np.flatnonzero(left)
            if not some.size:
                break
            numbers, left = numbers[some], left[some]
            lowest = left & -left
            saddles.append(numbers)
            bit = np.frexp(lowest)[1] - 1
            others.append(lattice.neighbours_of(numbers, steps[bit]))
            left &= ~_group_of(lowest, left)
    return Ascents(best, np.concatenate(saddles), np.concatenate(others))


def _better_neighbours(
    lattice: CandidateLattice, rank_or_none: Numbers, block: slice, steps: Indices
) -> tuple[_Bits, npt.NDArray[np.uint8]]:
    """Which neighbours have a better rank, and the bit of the best; the middle one where there is none."""
    own = rank_or_none[block]
    better = np.zeros(own.size, np.uint32)
    least, highest = own.copy(), np.full(own.size, _MIDDLE, np.uint8)
    for bit, step in enumerate(steps):
        rank = rank_or_none.take(lattice.neighbours_of(block, step))
        better |= (rank < own).astype(np.uint32) << np.uint32(bit)
        np.copyto(highest, np.uint8(bit), where=rank < least)
        np.minimum(least, rank, out=least)
    return better, highest


def _group_of(seed: _Bits, better: _Bits) -> _Bits:
    """Those of ``better`` that touch, directly or through others of them, the one bit of ``seed``."""
    group = seed & better
    growing = np.flatnonzero(group != better)
    while growing.size:
        before = group[growing]
        grown = _with_neighbours(before) & better[growing]
        group[growing] = grown
        growing = growing[(grown != before) & (grown != better[growing])]
    return group


def _with_neighbours(bits: _Bits) -> _Bits:
    """The bits and all that touch them."""
    for distance, with_one_before, with_one_behind in _AXES:
        forward, backward = bits & with_one_behind, bits & with_one_before
        bits = bits | forward << distance | backward >> distance
    return bits
