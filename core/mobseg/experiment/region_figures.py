"""The review by regions: every map of a case, its figures by flat names, and mean curves over cases."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from mobseg.metrics.case import class_index
from mobseg.metrics.region_review import FLAGGED_SHARE, RegionReview, review_regions
from mobseg.metrics.score_metrics import COMPARED_SCORES, compared_score
from mobseg.prediction import PredictionMaps
from mobseg.regions import ScoredPrediction
from mobseg.volume import LabelVolume

#: Curves of a :class:`RegionReview`.
REGION_CURVES = ("found", "found_at_random", "found_by_oracle", "dice", "volume_ml")


def region_reviews(
    maps: PredictionMaps, reference: LabelVolume, band_voxels: int, *, max_extent_mm: float
) -> dict[str, RegionReview]:
    """Review the regions of every map, each of which flags the same share of the band's voxels.

    Args:
        maps: the prediction.
        reference: label map on the same grid.
        band_voxels: voxels of the boundary band.
        max_extent_mm: longest extent of a region.
    """
    table = maps.label_table
    predicted, truth = class_index(maps.labels, table), class_index(reference.array, table)
    reviews = {}
    for name in COMPARED_SCORES:
        scored = ScoredPrediction(
            geometry=maps.geometry,
            label_table=table,
            labels=maps.labels,
            probabilities=tuple(maps.probability_mean),
            score=compared_score(maps, name),
        )
        reviews[name] = review_regions(
            scored,
            predicted,
            truth,
            round(FLAGGED_SHARE * band_voxels),
            max_extent_mm=max_extent_mm,
        )
    return reviews


def region_figures(reviews: Mapping[str, RegionReview]) -> dict[str, float]:
    """Figures of one case, such as ``variance.region_share_found``."""
    return {
        f"{name}.{key}": value
        for name, review in reviews.items()
        for key, value in review.to_dict().items()
    }


def mean_region_review(cases: Sequence[Mapping[str, RegionReview]]) -> dict[str, Any]:
    """Mean over cases of the curves of every map, by number of regions from none."""
    return {
        name: {
            curve: _mean_where_defined([getattr(case[name], curve) for case in cases])
            for curve in REGION_CURVES
        }
        for name in cases[0]
    }


def _mean_where_defined(curves: Sequence[npt.NDArray[np.float64]]) -> list[float] | None:
    defined = [curve for curve in curves if np.isfinite(curve).all()]
    mean: list[float] | None = np.mean(defined, axis=0).tolist() if defined else None
    return mean
