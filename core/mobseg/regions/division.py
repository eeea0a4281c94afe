"""Large connected components are divided into parts that fit one look.

A boundary in doubt all around an organ is one component, and of no use in a list of places to check. It is
divided around its peaks: voxels are visited from the highest score down, and each that is not yet within
``max_extent_mm / 2`` of a seed becomes a seed; every voxel then belongs to the nearest seed of its component.
Each part therefore fits a ball of diameter ``max_extent_mm`` around its seed, seeds are at least half that
apart, and no voxel is lost. A part need not be connected: two strips of one boundary that face each other
across a thin structure are one look.
"""

from __future__ import annotations

import numpy as np

from mobseg.geometry import VolumeGeometry
from mobseg.prediction import Map
from mobseg.regions.groups import Flags, Groups, Indices, Numbers
from mobseg.regions.lattice import CandidateLattice

# Candidates that a seed has covered in the meantime are dropped by this many at once.
_CHUNK = 4096


class Ball:
    """The voxels within a distance of a voxel, as a seed reaches them.

    Args:
        geometry: the grid.
        radius_mm: the distance.
    """

    def __init__(self, geometry: VolumeGeometry, radius_mm: float) -> None:
        ijk_to_mm = geometry.ijk_to_ras_mm[:3, :3]
        # Along an index a ball reaches as far as its radius times the length of the inverse's row.
        reach_ijk = np.floor(radius_mm * np.linalg.norm(np.linalg.inv(ijk_to_mm), axis=1))
        self.reach_kji: Indices = reach_ijk[::-1].astype(np.int64)
        offsets = np.indices(2 * self.reach_kji + 1).reshape(3, -1) - self.reach_kji[:, None]
        distance = np.linalg.norm(ijk_to_mm @ offsets[::-1], axis=0)
        is_within = distance <= radius_mm
        self.offsets_kji: Indices = offsets[:, is_within]
        self.distance_mm: Map = distance[is_within].astype(np.float32)


def is_long(
    kji: Numbers, components: Groups, geometry: VolumeGeometry, max_extent_mm: float
) -> Flags:
    """Whether each component of (3, n) voxels is longer than this along an axis of the volume."""
    extent = components.max(kji) - components.min(kji) + 1
    longer: Flags = (extent.T * geometry.spacing_kji_mm > max_extent_mm).any(axis=1)
    return longer


def nearest_seeds(
    lattice: CandidateLattice, ball: Ball, component: Numbers, by_rank: Numbers
) -> Numbers:
    """The seed that each voxel belongs to.

    Args:
        lattice: all n candidates, with a margin of at least the ball's reach.
        ball: what a seed covers.
        component: (n,) component of each candidate; negative for those that are not to be divided.
        by_rank: all that are to be divided, from the highest score down.

    Returns:
        (n,) candidates; -1 where nothing was to be divided.
    """
    steps = lattice.steps(ball.offsets_kji)
    seed_of = np.full(component.size, -1, dtype=np.int32)
    distance = np.full(component.size, np.inf, dtype=np.float32)
    for start in range(0, by_rank.size, _CHUNK):
        chunk = by_rank[start : start + _CHUNK]
        for seed in chunk[seed_of[chunk] < 0]:
            if seed_of[seed] >= 0:
                continue
            leading, reached = lattice.neighbours(seed, steps)
            away = ball.distance_mm[leading]
            is_closer = component[reached] == component[seed]
            is_closer &= away < distance[reached]
            closer = reached[is_closer]
            distance[closer] = away[is_closer]
            seed_of[closer] = seed
    return seed_of
