"""What candidates are and touch; two voxels *touch* here when they share a face."""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from mobseg.prediction import Map
from mobseg.regions.groups import Flags, Indices, Numbers
from mobseg.regions.lattice import CandidateLattice

#: Candidates at a time, for the cache.
_BLOCK = 1 << 15


@dataclass(frozen=True, eq=False)
class Surroundings:
    """What (n,) voxels are and touch.

    Attributes:
        near_foreground: the voxel is foreground, or touches it.
        leaves_structure: the voxel is background, or touches a voxel with another label.
        least_foreground_score: lowest score of the foreground voxels that the voxel touches, 0 for those that
            are no candidates; infinite where there are none.
    """

    near_foreground: Flags
    leaves_structure: Flags
    least_foreground_score: Map

    def __getitem__(self, voxels: Indices) -> Surroundings:
        return Surroundings(
            self.near_foreground[voxels],
            self.leaves_structure[voxels],
            self.least_foreground_score[voxels],
        )


def find_surroundings(
    kji: Numbers,
    labels: npt.NDArray[np.unsignedinteger],
    lattice: CandidateLattice,
    score: Map,
) -> Surroundings:
    """Look at the six neighbours of candidates.

    Args:
        kji: (3, n) indices of the candidates in the volume.
        labels: (K, J, I) assigned labels.
        lattice: the candidates, with a margin of at least 1.
        score: (n,) their scores.
    """
    n = len(lattice)
    found = Surroundings(np.empty(n, np.bool_), np.empty(n, np.bool_), np.empty(n, np.float32))
    score_or_none = np.append(score, np.float32(0))
    for start in range(0, n, _BLOCK):
        block = slice(start, min(start + _BLOCK, n))
        (
            found.near_foreground[block],
            found.leaves_structure[block],
            found.least_foreground_score[block],
        ) = _look_around(kji[:, block], labels, lattice, block, score_or_none)
    return found


def _look_around(
    kji: Numbers,
    labels: npt.NDArray[np.unsignedinteger],
    lattice: CandidateLattice,
    block: slice,
    score_or_none: Map,
) -> tuple[Flags, Flags, Map]:
    """The three attributes of :class:`Surroundings` for consecutive candidates with these indices."""
    flat = labels.reshape(-1)
    index = np.ravel_multi_index(tuple(kji), labels.shape)
    own = flat.take(index)
    near_foreground, leaves_structure = own > 0, own == 0
    least = np.full(own.shape, np.inf, dtype=np.float32)
    strides = np.array([labels.shape[1] * labels.shape[2], labels.shape[2], 1])
    for axis, step in itertools.product(range(3), (-1, 1)):
        offset: npt.NDArray[Any] = step * np.eye(3, dtype=np.int64)[axis]
        neighbour = kji[axis] + step
        is_inside = (neighbour >= 0) & (neighbour < labels.shape[axis])
        # At the edge of the image a voxel takes its own label for its neighbour's.
        other = flat.take(index + is_inside * (strides @ offset))
        is_foreground = (other > 0) & is_inside
        near_foreground |= is_foreground
        leaves_structure |= other != own
        number = lattice.neighbours_of(block, lattice.steps(offset))
        np.minimum(least, score_or_none.take(number), out=least, where=is_foreground)
    return near_foreground, leaves_structure, least
