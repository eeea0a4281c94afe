"""The review curve: which threshold on an uncertainty map catches how much, at what reviewing effort.

It is measured on validation cases, ships with the model, gives the automatic threshold, and lets a viewer
say "on validation cases this caught 82 % of the error volume, with 3.1 mL to look at".
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from mobseg.errors import BundleError, InvalidInput
from mobseg.metrics._ratio import ratio
from mobseg.metrics.score_histogram import ScoreHistogram, bin_floor, score_bins

Floats = npt.NDArray[np.float64]

#: 20 thresholds a decade, moved to the edges of histogram bins so that counts above them are exact.
THRESHOLDS: Floats = bin_floor(np.geomspace(1e-6, 1, 121)).astype(np.float64)
THRESHOLDS.setflags(write=False)

_COLUMNS = ("thresholds", "caught_ml_per_case", "review_ml_per_case", "review_voxels_per_case")


@dataclass(frozen=True)
class ReviewExpectation:
    """What one threshold did on the validation cases.

    Attributes:
        share_caught: share of the pooled error volume in voxels at or above the threshold.
        review_ml: mean volume of these voxels per case in mL.
        review_voxels: mean number of these voxels per case.
    """

    share_caught: float
    review_ml: float
    review_voxels: float


@dataclass(frozen=True, eq=False)
class ReviewCurve:
    """Error volume caught and volume to review for a grid of thresholds, summed over cases.

    Attributes:
        score: name of the uncertainty map.
        thresholds: (T,) increasing; a voxel is flagged when its score is at or above the threshold.
        caught_mm3: (T,) volume of flagged error voxels.
        review_mm3: (T,) volume of flagged voxels.
        review_voxels: (T,) number of flagged voxels.
        error_mm3: volume of all error voxels.
        n_cases: number of cases.
    """

    score: str
    thresholds: Floats
    caught_mm3: Floats
    review_mm3: Floats
    review_voxels: Floats
    error_mm3: float
    n_cases: int

    @classmethod
    def from_case(
        cls, histogram: ScoreHistogram, *, score: str, voxel_volume_mm3: float
    ) -> ReviewCurve:
        """The curve of one case on the common grid of thresholds."""
        first = score_bins(THRESHOLDS)
        flagged = np.cumsum(histogram.total[::-1])[::-1][first].astype(np.float64)
        caught = np.cumsum(histogram.errors[::-1])[::-1][first].astype(np.float64)
        return cls(
            score=score,
            thresholds=THRESHOLDS,
            caught_mm3=caught * voxel_volume_mm3,
            review_mm3=flagged * voxel_volume_mm3,
            review_voxels=flagged,
            error_mm3=histogram.n_errors * voxel_volume_mm3,
            n_cases=1,
        )

    @classmethod
    def pooled(cls, curves: Iterable[ReviewCurve]) -> ReviewCurve:
        """One curve for the cases of all curves.

        Raises:
            ValueError: there is no curve, or they are not of one score on one grid of thresholds.
        """
        parts = list(curves)
        if not parts:
            raise ValueError("Pooling needs at least one review curve.")
        first = parts[0]
        for part in parts[1:]:
            same_grid = np.array_equal(part.thresholds, first.thresholds)
            if part.score != first.score or not same_grid:
                raise ValueError(
                    "Review curves of different scores or thresholds cannot be pooled."
                )
        return cls(
            score=first.score,
            thresholds=first.thresholds,
            caught_mm3=np.sum([part.caught_mm3 for part in parts], axis=0),
            review_mm3=np.sum([part.review_mm3 for part in parts], axis=0),
            review_voxels=np.sum([part.review_voxels for part in parts], axis=0),
            error_mm3=sum(part.error_mm3 for part in parts),
            n_cases=sum(part.n_cases for part in parts),
        )

    @property
    def share_caught(self) -> Floats:
        """(T,) share of the pooled error volume that is flagged; NaN without any error."""
        return self.caught_mm3 / (self.error_mm3 or np.nan)

    def lookup(self, threshold: float) -> ReviewExpectation:
        """What a threshold did, interpolated over its logarithm, clamped at the ends of the grid."""
        lowest = float(self.thresholds[0])
        position = np.log(max(threshold, lowest))

        def at(column: Floats) -> float:
            return float(np.interp(position, np.log(self.thresholds), column))

        return ReviewExpectation(
            share_caught=ratio(at(self.caught_mm3), self.error_mm3),
            review_ml=at(self.review_mm3) / 1000 / self.n_cases,
            review_voxels=at(self.review_voxels) / self.n_cases,
        )

    def recommended_threshold(self, min_share_caught: float = 0.8) -> float:
        """The highest threshold, so the least to review, that catches a share of the error volume.

        A target share says what the reviewer gets; the knee of the curve would depend on the scale of its
        axes, which have no common unit. Where even the lowest threshold misses the target (a map that is
        zero at many errors), the highest threshold that catches as much as the lowest is taken.

        Raises:
            InvalidInput: the cases have no errors, so nothing can be measured.
        """
        if not self.error_mm3:
            raise InvalidInput(
                "The validation cases have no errors, so no review threshold can be measured; add cases."
            )
        share = self.share_caught
        reaches = share >= min(min_share_caught, float(share[0]))
        return float(self.thresholds[reaches][-1])

    def to_dict(self) -> dict[str, Any]:
        """Plain numbers for JSON, as means per case."""
        return {
            "score": self.score,
            "n_cases": self.n_cases,
            "error_ml_per_case": self.error_mm3 / 1000 / self.n_cases,
            "thresholds": self.thresholds.tolist(),
            "caught_ml_per_case": (self.caught_mm3 / 1000 / self.n_cases).tolist(),
            "review_ml_per_case": (self.review_mm3 / 1000 / self.n_cases).tolist(),
            "review_voxels_per_case": (self.review_voxels / self.n_cases).tolist(),
        }

    @classmethod
    def from_dict(cls, stored: Mapping[str, Any]) -> ReviewCurve:
        """Read what :meth:`to_dict` wrote.

        Raises:
            BundleError: an entry is missing or malformed.
        """
        try:
            n_cases = int(stored["n_cases"])
            mm3 = 1000.0 * n_cases
            thresholds, caught_ml, review_ml, voxels = (
                np.array(stored[name], dtype=np.float64) for name in _COLUMNS
            )
            curve = cls(
                score=str(stored["score"]),
                thresholds=thresholds,
                caught_mm3=caught_ml * mm3,
                review_mm3=review_ml * mm3,
                review_voxels=voxels * n_cases,
                error_mm3=float(stored["error_ml_per_case"]) * mm3,
                n_cases=n_cases,
            )
        except (KeyError, TypeError, ValueError) as error:
            raise BundleError("The review curve is incomplete; export the model again.") from error
        if not curve._is_valid():
            raise BundleError("The review curve is damaged; export the model again.")
        return curve

    def _is_valid(self) -> bool:
        columns = (self.thresholds, self.caught_mm3, self.review_mm3, self.review_voxels)
        return (
            self.n_cases > 0
            and self.thresholds.size > 0
            and all(column.shape == self.thresholds.shape for column in columns)
            and all(bool(np.isfinite(column).all()) for column in columns)
            and bool((self.thresholds > 0).all())
            and bool((np.diff(self.thresholds) > 0).all())
        )
