r"""What a reviewer gains who looks at voxels in the order of an uncertainty map.

The simulated reviewer visits voxels from the highest score down, those with one score in random order,
and corrects every error met. Two orders bound every map: the *oracle* visits all errors first, the
*random* order finds errors at their overall rate. Volumes are counted in voxels of one case.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.integrate import trapezoid

from mobseg.metrics._ratio import ratio
from mobseg.metrics.score_histogram import Counts, ScoreHistogram

Floats = npt.NDArray[np.float64]


def expected_found(total: Counts, events: Counts, reviewed: npt.ArrayLike) -> Floats:
    """Expected number of events met among the first voxels reviewed.

    Args:
        total: (bins,) voxels per score bin, in increasing order of score.
        events: (bins,) events per score bin, such as errors.
        reviewed: numbers of voxels reviewed, any shape.

    Returns:
        Expected number of events, same shape as ``reviewed``.
    """
    visited, found = _visiting_order(total, events)
    return np.asarray(np.interp(np.asarray(reviewed, dtype=np.float64), visited, found))


def recall(histogram: ScoreHistogram, reviewed: npt.ArrayLike) -> Floats:
    """Share of the error volume found among the first voxels reviewed; NaN without errors."""
    found = expected_found(histogram.total, histogram.errors, reviewed)
    return found / (histogram.n_errors or np.nan)


def oracle_recall(histogram: ScoreHistogram, reviewed: npt.ArrayLike) -> Floats:
    """The same for a reviewer who meets nothing but errors until none is left."""
    return np.minimum(np.asarray(reviewed, dtype=np.float64) / (histogram.n_errors or np.nan), 1)


def random_recall(histogram: ScoreHistogram, reviewed: npt.ArrayLike) -> Floats:
    """The same, in expectation, for a reviewer who picks voxels at random."""
    share = np.asarray(reviewed, dtype=np.float64) / (histogram.n_voxels or np.nan)
    return np.minimum(share, 1) if histogram.n_errors else np.full_like(share, np.nan)


def review_benefit(histogram: ScoreHistogram, budget: float) -> float:
    r"""Area under the recall curve up to a budget, scaled to 0 for random and 1 for the oracle order.

    .. math:: \frac{\int_0^B R - R_{random} \, dv}{\int_0^B R_{oracle} - R_{random} \, dv}

    With the whole volume as budget this equals 2 AUROC - 1; a budget of the size of the boundary band
    asks what matters to a reviewer, who never reads a whole CT voxel by voxel.

    Args:
        histogram: voxels and errors per score.
        budget: number of voxels reviewed at most.

    Returns:
        The benefit, negative for an order worse than random; NaN when no voxel or every voxel is wrong or
        the budget is zero.
    """
    visited, _ = _visiting_order(histogram.total, histogram.errors)
    nodes = np.append(visited[visited < budget], budget)
    oracle_nodes = np.array([0.0, min(histogram.n_errors, budget), budget])
    random = float(trapezoid(random_recall(histogram, [0, budget]), [0, budget]))
    oracle = float(trapezoid(oracle_recall(histogram, oracle_nodes), oracle_nodes))
    area = float(trapezoid(recall(histogram, nodes), nodes))
    return ratio(area - random, oracle - random)


@dataclass(frozen=True)
class Corrections:
    """The errors a reviewer can correct, per score bin; empty bins may be left out.

    Attributes:
        total: (bins,) voxels.
        missed: (bins,) wrong voxels that belong to a label in the reference.
        spurious: (bins,) wrong voxels that have a label in the prediction; with several labels a
            voxel of one taken for another is both missed and spurious.
        true_positives: number of right foreground voxels.
    """

    total: Counts
    missed: Counts
    spurious: Counts
    true_positives: int

    def dice_after(self, reviewed: npt.ArrayLike) -> Floats:
        r"""Dice after correcting the errors met among the first voxels reviewed.

        Over all labels together, :math:`2 TP / (2 TP + FP + FN)` with expected counts; the Dice itself
        when there is one label. NaN without any foreground.
        """
        missed = expected_found(self.total, self.missed, reviewed)
        spurious = expected_found(self.total, self.spurious, reviewed)
        overlap = 2 * (self.true_positives + missed)
        wrong = (self.missed.sum() - missed) + (self.spurious.sum() - spurious)
        with np.errstate(invalid="ignore"):
            return np.asarray(overlap / (overlap + wrong), dtype=np.float64)


def _visiting_order(total: Counts, events: Counts) -> tuple[Floats, Floats]:
    """Voxels visited and events met after each non-empty bin from the highest score down, from 0."""
    filled = np.flatnonzero(total)[::-1]
    visited = np.concatenate(([0], np.cumsum(total[filled]))).astype(np.float64)
    met = np.concatenate(([0], np.cumsum(events[filled]))).astype(np.float64)
    return visited, met
