"""What a reviewer gains who looks at flagged regions one by one.

The simulated reviewer takes the regions that a map flags by rank, as the list of regions shows them, and
corrects every error inside. So that maps of different units can be compared, each flags about as many voxels:
a share of the boundary band's. The same regions in random and in the ideal order show what ranking is worth.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from mobseg.metrics._ratio import ratio
from mobseg.prediction import Map
from mobseg.regions import DEFAULT_MAX_EXTENT_MM, RegionIndex, ScoredPrediction
from mobseg.sparse_map import SparseMap

Index = npt.NDArray[np.integer]
Counts = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]

#: Voxels that a map flags, as a share of the voxels of the boundary band.
FLAGGED_SHARE = 0.5

#: Regions that are looked at, at most.
MOST_REGIONS = 20

#: Regions of the headline figures.
FIRST_REGIONS = 10

_SMALLEST_SCORE = float(np.finfo(np.float32).tiny)


@dataclass(frozen=True, eq=False)
class RegionReview:
    """The review of the regions of one map of one case, by number of regions looked at, from none.

    Attributes:
        n_regions: regions that the map flags.
        found: (21,) share of all errors of the case inside the first regions by rank; NaN without errors.
        found_at_random: (21,) the same in expectation for regions in random order.
        found_by_oracle: (21,) the same for the regions with the most errors first.
        dice: (21,) Dice over all labels once the errors in the first regions by rank are corrected.
        volume_ml: (21,) volume of these regions.
    """

    n_regions: int
    found: Floats
    found_at_random: Floats
    found_by_oracle: Floats
    dice: Floats
    volume_ml: Floats

    def to_dict(self) -> dict[str, float]:
        """The headline figures, by name."""
        area, random, oracle = (
            float(curve[1:].mean())
            for curve in (self.found, self.found_at_random, self.found_by_oracle)
        )
        return {
            "regions": float(self.n_regions),
            "region_share_found": float(self.found[FIRST_REGIONS]),
            "region_dice_after": float(self.dice[FIRST_REGIONS]),
            "region_volume_ml": float(self.volume_ml[FIRST_REGIONS]),
            "region_area": area,
            "region_area_random": random,
            "region_area_oracle": oracle,
            "region_benefit": ratio(area - random, oracle - random),
        }


@dataclass(frozen=True)
class _Corrections:
    """What looking at each region finds, by rank; see :class:`mobseg.metrics.simulated_review.Corrections`."""

    voxels: Counts
    errors: Counts
    missed: Counts
    spurious: Counts


def review_regions(
    scored: ScoredPrediction,
    predicted: Index,
    truth: Index,
    n_flagged: int,
    *,
    max_extent_mm: float = DEFAULT_MAX_EXTENT_MM,
) -> RegionReview:
    """Review the regions that hold the highest scores.

    Args:
        scored: the prediction and the map to flag by.
        predicted: (K, J, I) class index of the label map, 0 for background.
        truth: (K, J, I) class index of the reference.
        n_flagged: voxels to flag; ties and what is left out as too small change that a little.
        max_extent_mm: longest extent of a region.
    """
    found = _find_corrections(scored, predicted, truth, n_flagged, max_extent_mm)
    errors = predicted != truth
    n_errors = int(np.count_nonzero(errors))
    n_missed, n_spurious = (int(np.count_nonzero(errors & (one > 0))) for one in (truth, predicted))
    true_positives = int(np.count_nonzero((predicted > 0) & ~errors))
    missed, spurious = _running(found.missed), _running(found.spurious)
    overlap = 2 * (true_positives + missed)
    wrong = n_missed - missed + n_spurious - spurious
    at_random = np.minimum(np.arange(MOST_REGIONS + 1) / max(found.errors.size, 1), 1)
    undefined = np.full_like(overlap, np.nan)
    return RegionReview(
        n_regions=found.errors.size,
        found=_running(found.errors) / (n_errors or np.nan),
        found_at_random=at_random * found.errors.sum() / (n_errors or np.nan),
        found_by_oracle=_running(np.sort(found.errors)[::-1]) / (n_errors or np.nan),
        dice=np.divide(overlap, overlap + wrong, out=undefined, where=overlap + wrong > 0),
        volume_ml=_running(found.voxels) * scored.geometry.voxel_volume_mm3 / 1000,
    )


def _find_corrections(
    scored: ScoredPrediction, predicted: Index, truth: Index, n_flagged: int, max_extent_mm: float
) -> _Corrections:
    score = scored.score
    threshold = _threshold(score.dense() if isinstance(score, SparseMap) else score, n_flagged)
    flagged = RegionIndex(scored, threshold, max_extent_mm=max_extent_mm).flag(threshold)
    at = tuple(flagged.kji)
    is_wrong = predicted[at] != truth[at]
    rank, n = flagged.region_id - 1, len(flagged.regions)
    return _Corrections(
        voxels=np.bincount(rank, minlength=n),
        errors=np.bincount(rank[is_wrong], minlength=n),
        missed=np.bincount(rank[is_wrong & (truth[at] > 0)], minlength=n),
        spurious=np.bincount(rank[is_wrong & (predicted[at] > 0)], minlength=n),
    )


def _threshold(score: Map, n_flagged: int) -> float:
    """The score that this many voxels reach; no voxel without any score is flagged."""
    flat = score.ravel()
    place = flat.size - min(max(n_flagged, 1), flat.size)
    return max(float(np.partition(flat, place)[place]), _SMALLEST_SCORE)


def _running(counts: Counts) -> Floats:
    """(21,) sums of the first entries, from none; those of all where there are fewer."""
    sums = np.concatenate(([0], np.cumsum(counts))).astype(np.float64)
    running: Floats = sums[np.minimum(np.arange(MOST_REGIONS + 1), counts.size)]
    return running
