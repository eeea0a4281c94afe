"""The regions of one prediction at any threshold, fast enough to follow a slider."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from mobseg.errors import InvalidInput
from mobseg.regions.candidates import find_candidates
from mobseg.regions.description import describe
from mobseg.regions.division import Ball, is_long, nearest_seeds
from mobseg.regions.groups import Groups, Indices, Numbers, without_gaps
from mobseg.regions.merge_tree import MergeTree
from mobseg.regions.reasons import find_reasons
from mobseg.regions.region import FlaggedRegion
from mobseg.regions.scored import ScoredPrediction

#: Components smaller than a ball of about 4 mm are noise to a reader.
DEFAULT_MIN_VOLUME_MM3 = 30.0

#: The parts of a divided component come out 15 to 20 mm long, as the balls of neighbours overlap.
DEFAULT_MAX_EXTENT_MM = 25.0


@dataclass(frozen=True, eq=False)
class Flagged:
    """The regions at one threshold and their n voxels.

    Attributes:
        regions: by rank.
        kji: (3, n) indices of the voxels.
        region_id: (n,) id of the region of each voxel.
    """

    regions: tuple[FlaggedRegion, ...]
    kji: Numbers
    region_id: Numbers

    def voxels(self, region_id: int) -> Numbers:
        """(3, m) indices of the voxels of one region."""
        return self.kji[:, self.region_id == region_id]


class RegionIndex:
    """What :func:`mobseg.regions.flag_regions` gives, for changing thresholds.

    All that does not depend on the threshold is computed once: candidates, the places of their neighbours,
    and which of them are connected from which threshold on.

    Args:
        scored: the prediction and the map to flag by.
        lowest: no threshold will be lower; positive.
        min_volume_mm3: smallest component that is kept.
        max_extent_mm: diameter of the ball that holds each part of a divided component.

    Raises:
        InvalidInput: ``lowest`` is not a positive number.
    """

    def __init__(
        self,
        scored: ScoredPrediction,
        lowest: float,
        *,
        min_volume_mm3: float = DEFAULT_MIN_VOLUME_MM3,
        max_extent_mm: float = DEFAULT_MAX_EXTENT_MM,
    ) -> None:
        if not (math.isfinite(lowest) and lowest > 0):
            raise InvalidInput(f"The threshold must be a positive number, got {lowest}.")
        self._lowest = lowest
        self._min_volume_mm3 = min_volume_mm3
        self._max_extent_mm = max_extent_mm
        self._ball = Ball(scored.geometry, max_extent_mm / 2)
        margin_kji = np.maximum(self._ball.reach_kji, 1)
        self._candidates = find_candidates(scored, lowest, margin_kji)
        self._tree = MergeTree(self._candidates.lattice, self._candidates.rank)

    def flag(self, threshold: float) -> Flagged:
        """The regions and their voxels.

        Raises:
            InvalidInput: the threshold is not a number, or lower than the lowest of this index.
        """
        if not (math.isfinite(threshold) and threshold >= self._lowest):
            raise InvalidInput(
                f"The threshold must be a number from {self._lowest:g} on, got {threshold}."
            )
        voxels, component = self._flagged_components(threshold)
        components = Groups(component)
        part = self._divide(voxels, component, components)
        parts = Groups(part)
        reasons = find_reasons(
            component,
            part,
            component[parts.first],
            self._candidates.surroundings[voxels],
            threshold,
        )
        regions, id_of_part = describe(self._candidates, voxels, part, parts, reasons)
        return Flagged(regions, self._candidates.kji[:, voxels], id_of_part[part])

    def _flagged_components(self, threshold: float) -> tuple[Indices, Numbers]:
        """The flagged candidates of large enough components, by position, and their components."""
        # In the precision of the scores, as comparing the map with the threshold would do.
        voxels = np.flatnonzero(self._candidates.score >= np.float32(threshold))
        component = self._tree.components(voxels)
        volume_mm3 = np.bincount(component) * self._candidates.geometry.voxel_volume_mm3
        is_kept = (volume_mm3 >= self._min_volume_mm3)[component]
        return voxels[is_kept], without_gaps(component[is_kept])

    def _divide(self, voxels: Indices, component: Numbers, components: Groups) -> Numbers:
        """Part of each voxel, numbered from 0 without gaps; a component that is short is one part."""
        kji, geometry = self._candidates.kji[:, voxels], self._candidates.geometry
        is_divided = is_long(kji, components, geometry, self._max_extent_mm)[component]
        if not is_divided.any():
            return component
        component_of_candidate = np.full(len(self._candidates), -1, dtype=np.int32)
        component_of_candidate[voxels[is_divided]] = component[is_divided]
        by_rank = self._candidates.by_rank
        seeds = nearest_seeds(
            self._candidates.lattice,
            self._ball,
            component_of_candidate,
            by_rank[component_of_candidate[by_rank] >= 0],
        )
        part = np.where(is_divided, np.int32(len(components)) + seeds[voxels], component)
        return without_gaps(part)
