"""Regions by the definition, one voxel after the other; slow, and independent of the package."""

from __future__ import annotations

import itertools

import numpy as np
from scipy import ndimage


def regions_as_sets(score, spacing_kji_mm, threshold, min_volume_mm3, max_extent_mm):
    """The regions as a set of frozensets of (k, j, i).

    Equal scores are visited in the order of the indices, which is that of the patient for a grid whose axes
    (k, j, i) run along S, A and R.
    """
    spacing = np.array(spacing_kji_mm)
    numbers, count = ndimage.label(score >= np.float32(threshold), structure=np.ones((3, 3, 3)))
    regions = set()
    for number in range(1, count + 1):
        voxels = np.argwhere(numbers == number)
        if len(voxels) * spacing.prod() < min_volume_mm3:
            continue
        extent = (voxels.max(axis=0) - voxels.min(axis=0) + 1) * spacing
        if (extent > max_extent_mm).any():
            regions |= _divided(voxels, score[tuple(voxels.T)], spacing, max_extent_mm / 2)
        else:
            regions.add(frozenset(map(tuple, voxels.tolist())))
    return regions


def _divided(voxels, scores, spacing, radius_mm):
    seeds = []
    for n in np.argsort(-scores, kind="stable"):
        if all(_distance(voxels[n], seed, spacing) > radius_mm for seed in seeds):
            seeds.append(voxels[n])
    nearest = [
        min(range(len(seeds)), key=lambda s: (np.float32(_distance(voxel, seeds[s], spacing)), s))
        for voxel in voxels
    ]
    pairs = sorted(zip(nearest, map(tuple, voxels.tolist()), strict=True))
    return {
        frozenset(voxel for _, voxel in group)
        for _, group in itertools.groupby(pairs, key=lambda pair: pair[0])
    }


def _distance(one, other, spacing):
    return float(np.linalg.norm((one - other) * spacing))
