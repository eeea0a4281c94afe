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
import numpy.typing as npt

from mobseg.geometry import VolumeGeometry
from mobseg.prediction import Map
from mobseg.regions.components import without_gaps
from mobseg.regions.groups import Flags, Groups, Indices

# Candidates that a seed has covered in the meantime are dropped by this many at once.
_CHUNK = 4096


def divide_components(
    kji: Indices, component: Indices, score: Map, geometry: VolumeGeometry, max_extent_mm: float
) -> Indices:
    """Divide the components that are longer than ``max_extent_mm`` along an axis of the volume.

    Args:
        kji: (3, n) indices of the flagged voxels, in the order that breaks ties between equal scores.
        component: (n,) number of the connected component of each voxel, from 0.
        score: (n,) scores.
        geometry: the grid.
        max_extent_mm: diameter of the ball that holds each part.

    Returns:
        Number (n,) of the part of each voxel, from 0 and without gaps.
    """
    divided = np.flatnonzero(_is_long(kji, component, geometry, max_extent_mm)[component])
    if not divided.size:
        return component
    seed_of = _nearest_seeds(
        kji[:, divided],
        component[divided],
        score[divided],
        _distances_mm(geometry, max_extent_mm / 2),
    )
    part = component.copy()
    part[divided] = component.max() + 1 + seed_of
    return without_gaps(part)


def _is_long(
    kji: Indices, component: Indices, geometry: VolumeGeometry, max_extent_mm: float
) -> Flags:
    groups = Groups(component)
    extent = groups.max(kji) - groups.min(kji) + 1
    is_long: Flags = (extent.T * geometry.spacing_kji_mm > max_extent_mm).any(axis=1)
    return is_long


def _nearest_seeds(kji: Indices, component: Indices, score: Map, ball_mm: Map) -> Indices:
    """Index of the nearest seed of each voxel."""
    kji = kji - kji.min(axis=1, keepdims=True)
    voxel_at = np.full(kji.max(axis=1) + 1, -1, dtype=np.int32)
    voxel_at[tuple(kji)] = np.arange(kji.shape[1])

    seed_of = np.full(kji.shape[1], -1, dtype=np.int64)
    distance = np.full(kji.shape[1], np.inf, dtype=np.float32)
    ranked = np.argsort(-score, kind="stable")
    for start in range(0, ranked.size, _CHUNK):
        chunk = ranked[start : start + _CHUNK]
        for seed in chunk[seed_of[chunk] < 0]:
            if seed_of[seed] >= 0:
                continue
            reached, reached_mm = _within_ball(voxel_at, kji[:, seed], ball_mm)
            is_closer = (component[reached] == component[seed]) & (reached_mm < distance[reached])
            closer = reached[is_closer]
            distance[closer] = reached_mm[is_closer]
            seed_of[closer] = seed
    return seed_of


def _distances_mm(geometry: VolumeGeometry, radius_mm: float) -> Map:
    """Distances from the middle of the smallest box around a ball; infinite outside the ball."""
    ijk_to_mm = geometry.ijk_to_ras_mm[:3, :3]
    # Along an index a ball reaches as far as its radius times the length of the inverse's row.
    reach_ijk = np.floor(radius_mm * np.linalg.norm(np.linalg.inv(ijk_to_mm), axis=1)).astype(int)
    i, j, k = (np.arange(-n, n + 1) for n in reach_ijk)
    offsets_ijk = np.stack(np.meshgrid(k, j, i, indexing="ij"))[::-1]
    distance = np.linalg.norm(np.tensordot(ijk_to_mm, offsets_ijk, axes=1), axis=0)
    return np.where(distance <= radius_mm, distance, np.inf).astype(np.float32)


def _within_ball(
    voxel_at: npt.NDArray[np.int32], center_kji: Indices, ball_mm: Map
) -> tuple[Indices, Map]:
    """Voxels in the ball around one voxel, and their distances from it."""
    volume_window, ball_window = [], []
    for center, size, extent in zip(center_kji, voxel_at.shape, ball_mm.shape, strict=True):
        start = int(center) - extent // 2
        stop = start + extent
        volume_window.append(slice(max(start, 0), min(stop, size)))
        ball_window.append(slice(max(-start, 0), extent - max(stop - size, 0)))
    voxels, distance = voxel_at[tuple(volume_window)], ball_mm[tuple(ball_window)]
    is_reached = (voxels >= 0) & np.isfinite(distance)
    return voxels[is_reached].astype(np.int64), distance[is_reached]
