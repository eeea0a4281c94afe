"""From an uncertainty map and a threshold to a ranked list of places to check."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from mobseg.errors import InvalidInput
from mobseg.prediction import Map, PredictionMaps
from mobseg.regions.components import find_components
from mobseg.regions.division import divide_components
from mobseg.regions.groups import Groups, Indices
from mobseg.regions.reasons import find_reasons
from mobseg.regions.region import FlaggedRegion
from mobseg.regions.scored import ScoredPrediction
from mobseg.uncertainty import error_probability_of

#: Components smaller than a ball of about 4 mm are noise to a reader.
DEFAULT_MIN_VOLUME_MM3 = 30.0

#: The parts of a divided component come out 15 to 20 mm long, as the balls of neighbours overlap.
DEFAULT_MAX_EXTENT_MM = 25.0

# Expected errors that differ by less are ties, so that rounding in a sum does not decide a rank.
_RANK_DECIMALS = 6


def flag_regions(
    maps: PredictionMaps,
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
    scored = ScoredPrediction.of(maps, score_name)
    return flag(scored, threshold, min_volume_mm3, max_extent_mm).regions


def region_map(
    maps: PredictionMaps,
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
    scored = ScoredPrediction.of(maps, score_name)
    flagged = flag(scored, threshold, min_volume_mm3, max_extent_mm)
    ids = np.zeros(maps.geometry.shape_kji, dtype=np.int32)
    ids[tuple(flagged.kji)] = flagged.region_id
    return ids


@dataclass(frozen=True, eq=False)
class Flagged:
    """The regions at one threshold and their n voxels.

    Attributes:
        regions: by rank.
        kji: (3, n) indices of the voxels.
        region_id: (n,) id of the region of each voxel.
    """

    regions: tuple[FlaggedRegion, ...]
    kji: Indices
    region_id: Indices

    def voxels(self, region_id: int) -> Indices:
        """(3, m) indices of the voxels of one region."""
        return self.kji[:, self.region_id == region_id]


def flag(
    scored: ScoredPrediction, threshold: float, min_volume_mm3: float, max_extent_mm: float
) -> Flagged:
    """The regions of :func:`flag_regions` together with their voxels."""
    voxels = _find_voxels(scored, threshold, min_volume_mm3, max_extent_mm)
    reasons = find_reasons(
        voxels.kji, voxels.component, voxels.part, scored.labels, scored.score, threshold
    )
    return Flagged(_describe(voxels, reasons, scored), voxels.kji, voxels.part + 1)


@dataclass(frozen=True, eq=False)
class _FlaggedVoxels:
    """The n voxels of all regions, in the order that breaks ties.

    Attributes:
        kji: (3, n) indices.
        component: (n,) number of the connected component, from 0.
        part: (n,) number of the region: its rank, from 0.
        score: (n,) scores.
        probabilities: (F, n) mean probability of each foreground label.
        error: (n,) probability that the assigned label is wrong.
    """

    kji: Indices
    component: Indices
    part: Indices
    score: Map
    probabilities: Map
    error: Map


def _find_voxels(
    maps: ScoredPrediction, threshold: float, min_volume_mm3: float, max_extent_mm: float
) -> _FlaggedVoxels:
    if not (math.isfinite(threshold) and threshold > 0):
        raise InvalidInput(f"The threshold must be a positive number, got {threshold}.")
    kji, component = find_components(maps.score >= threshold, maps.geometry, min_volume_mm3)
    at = tuple(kji)
    score = maps.score[at]
    part = divide_components(kji, component, score, maps.geometry, max_extent_mm)
    probabilities = np.stack([probability[at] for probability in maps.probabilities])
    values = [label.value for label in maps.label_table]
    error = error_probability_of(maps.labels[at], probabilities, values)
    part = _numbered_by_rank(part, error * maps.geometry.voxel_volume_mm3)
    return _FlaggedVoxels(kji, component, part, score, probabilities, error)


def _numbered_by_rank(part: Indices, error_mm3: npt.NDArray[np.floating]) -> Indices:
    """Renumber so that part 0 has the largest expected error; ties go by the first voxel's position."""
    groups = Groups(part)
    expected_error_mm3 = groups.sum(error_mm3).round(_RANK_DECIMALS)
    ranked = np.lexsort((groups.first, -expected_error_mm3))
    rank = np.empty_like(ranked)
    rank[ranked] = np.arange(len(groups))
    return rank[part]


def _describe(
    voxels: _FlaggedVoxels, reasons: list[str], maps: ScoredPrediction
) -> tuple[FlaggedRegion, ...]:
    groups = Groups(voxels.part)
    voxel_mm3 = maps.geometry.voxel_volume_mm3
    windows = np.stack((groups.min(voxels.kji), groups.max(voxels.kji) + 1), axis=-1)
    peaks_kji = voxels.kji[:, groups.argmax(voxels.score)].T
    peaks_ras_mm = maps.geometry.ijk_to_ras(peaks_kji[:, ::-1])
    peak_scores = groups.max(voxels.score)
    counts = groups.count
    mean_scores = groups.sum(voxels.score) / counts
    errors_mm3 = groups.sum(voxels.error) * voxel_mm3
    channels = groups.sum(voxels.probabilities).argmax(axis=0)
    return tuple(
        FlaggedRegion(
            id=n + 1,
            label_value=maps.label_table.labels[channels[n]].value,
            label_name=maps.label_table.labels[channels[n]].name,
            window_kji=_nested_tuple(windows[:, n]),
            peak_kji=_nested_tuple(peaks_kji[n]),
            peak_ras_mm=_nested_tuple(peaks_ras_mm[n]),
            volume_mm3=float(counts[n] * voxel_mm3),
            voxel_count=int(counts[n]),
            peak_score=float(peak_scores[n]),
            mean_score=float(mean_scores[n]),
            expected_error_mm3=float(errors_mm3[n]),
            reason=reason,
        )
        for n, reason in enumerate(reasons)
    )


def _nested_tuple(array: npt.NDArray[Any]) -> Any:
    values = array.tolist()
    return tuple(tuple(v) if isinstance(v, list) else v for v in values)
