"""What one uncertainty map of one case is worth: finding errors, and guiding a reviewer."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from mobseg.metrics.error_detection import auroc, average_precision
from mobseg.metrics.review import ReviewCurve
from mobseg.metrics.score_histogram import ScoreHistogram, count_by_score
from mobseg.metrics.simulated_review import Corrections, recall, review_benefit
from mobseg.prediction import Map, PredictionMaps
from mobseg.uncertainty import SCORE_NAMES, score_map

Mask = npt.NDArray[np.bool_]
Index = npt.NDArray[np.integer]
Floats = npt.NDArray[np.float64]

#: The simulated reviewer's budget, as a share of the volume of the boundary band.
REVIEW_BUDGET = 0.1

#: Volumes reviewed at which the review is measured, as shares of the volume of the boundary band.
REVIEW_STEPS = np.linspace(0, 1, 41)
REVIEW_STEPS.setflags(write=False)

#: p (1 - p) of the mean probability: what any model offers, and what the others must beat.
BASELINE_SCORE = "bernoulli_variance"

#: Every map that is compared.
COMPARED_SCORES = (*SCORE_NAMES, BASELINE_SCORE)


@dataclass(frozen=True, eq=False)
class ScoreMetrics:
    """Figures of one uncertainty map.

    Attributes:
        auroc: of errors, over all voxels.
        aupr: of errors, over all voxels.
        auroc_band: of errors, over the boundary band.
        aupr_band: of errors, over the boundary band.
        review_benefit: 0 for a random and 1 for the ideal order, up to the volume of the band.
        share_found: share of all errors among the first voxels, as many as 10 % of the band.
        dice_after: Dice over all labels once these are corrected.
        found: (41,) share of all errors among the first voxels, by :data:`REVIEW_STEPS`.
        dice_while: (41,) Dice over all labels once these are corrected.
        curve: errors caught and volume to review by threshold.
    """

    auroc: float
    aupr: float
    auroc_band: float
    aupr_band: float
    review_benefit: float
    share_found: float
    dice_after: float
    found: Floats
    dice_while: Floats
    curve: ReviewCurve

    def to_dict(self) -> dict[str, float]:
        """All figures but the curves, by name."""
        names = [field.name for field in dataclasses.fields(self) if field.type == "float"]
        return {name: getattr(self, name) for name in names}


def compared_score(maps: PredictionMaps, name: str) -> Map:
    """The (K, J, I) map called ``name``, one of :data:`COMPARED_SCORES`."""
    if name != BASELINE_SCORE:
        # A mutual information, a difference of entropies, can round to just below zero.
        return np.maximum(score_map(maps, name), 0)
    largest = np.zeros(maps.geometry.shape_kji, dtype=np.float32)
    # The maximum over labels, as for the variance that it bounds from above.
    for probability in maps.probability_mean:
        np.maximum(largest, probability * (1 - probability), out=largest)
    return largest


def measure_score(
    name: str, score: Map, predicted: Index, truth: Index, band: Mask, voxel_volume_mm3: float
) -> ScoreMetrics:
    """Compare one map with the errors.

    Args:
        name: of the map.
        score: (K, J, I) uncertainty, not negative.
        predicted: (K, J, I) class index of the label map, 0 for background.
        truth: (K, J, I) class index of the reference.
        band: (K, J, I) mask of the boundary band.
        voxel_volume_mm3: volume of a voxel.
    """
    errors = predicted != truth
    everywhere, in_band = ScoreHistogram(), ScoreHistogram()
    everywhere.update(score, errors)
    in_band.update(score[band], errors[band])
    # The empty bins, nearly all, would be searched for the filled ones again and again.
    filled = np.flatnonzero(everywhere.total)
    corrections = Corrections(
        total=everywhere.total[filled],
        missed=count_by_score(score[errors & (truth > 0)])[filled],
        spurious=count_by_score(score[errors & (predicted > 0)])[filled],
        true_positives=int(np.count_nonzero((predicted > 0) & ~errors)),
    )
    budget = REVIEW_BUDGET * in_band.n_voxels
    steps = REVIEW_STEPS * in_band.n_voxels
    return ScoreMetrics(
        auroc=auroc(everywhere),
        aupr=average_precision(everywhere),
        auroc_band=auroc(in_band),
        aupr_band=average_precision(in_band),
        review_benefit=review_benefit(everywhere, in_band.n_voxels),
        share_found=float(recall(everywhere, budget)),
        dice_after=float(corrections.dice_after(budget)),
        found=recall(everywhere, steps),
        dice_while=corrections.dice_after(steps),
        curve=ReviewCurve.from_case(everywhere, score=name, voxel_volume_mm3=voxel_volume_mm3),
    )
