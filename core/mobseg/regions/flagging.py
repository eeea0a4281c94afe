"""From an uncertainty map and a threshold to a ranked list of places to check."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from mobseg.regions.index import (
    DEFAULT_MAX_EXTENT_MM,
    DEFAULT_MIN_VOLUME_MM3,
    Flagged,
    RegionIndex,
)
from mobseg.regions.region import FlaggedRegion
from mobseg.regions.scored import ScoredPrediction
from mobseg.sparse_prediction import AnyPrediction


def flag_regions(
    maps: AnyPrediction,
    score_name: str,
    threshold: float,
    *,
    min_volume_mm3: float = DEFAULT_MIN_VOLUME_MM3,
    max_extent_mm: float = DEFAULT_MAX_EXTENT_MM,
) -> tuple[FlaggedRegion, ...]:
    """Find the regions whose score reaches a threshold, the largest expected error first.

    Voxels that share a face, an edge or a corner belong together. Components below the minimum volume are
    left out; components longer than ``max_extent_mm`` are divided (:mod:`mobseg.regions.division`). Ties are
    broken by position in the patient (inferior, then posterior, then left first), so that the result does
    not depend on the order in which a file stores its axes.

    Args:
        maps: the prediction.
        score_name: map to flag by, one of :data:`mobseg.uncertainty.SCORE_NAMES`.
        threshold: lowest flagged score, positive, in the unit of the map.
        min_volume_mm3: smallest component that is kept.
        max_extent_mm: diameter of the ball that holds each part of a divided component.

    Raises:
        InvalidInput: the map does not exist, or the threshold is not a positive number.
    """
    return _flag(maps, score_name, threshold, min_volume_mm3, max_extent_mm).regions


def region_map(
    maps: AnyPrediction,
    score_name: str,
    threshold: float,
    *,
    min_volume_mm3: float = DEFAULT_MIN_VOLUME_MM3,
    max_extent_mm: float = DEFAULT_MAX_EXTENT_MM,
) -> npt.NDArray[np.int32]:
    """The voxels of the regions that :func:`flag_regions` finds with the same arguments.

    Returns:
        (K, J, I) int32: the id of the region a voxel belongs to, 0 where there is none.
    """
    flagged = _flag(maps, score_name, threshold, min_volume_mm3, max_extent_mm)
    ids = np.zeros(maps.geometry.shape_kji, dtype=np.int32)
    ids[tuple(flagged.kji)] = flagged.region_id
    return ids


def _flag(
    maps: AnyPrediction,
    score_name: str,
    threshold: float,
    min_volume_mm3: float,
    max_extent_mm: float,
) -> Flagged:
    index = RegionIndex(
        ScoredPrediction.of(maps, score_name),
        threshold,
        min_volume_mm3=min_volume_mm3,
        max_extent_mm=max_extent_mm,
    )
    return index.flag(threshold)
