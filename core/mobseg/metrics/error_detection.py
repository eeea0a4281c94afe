r"""How well an uncertainty map tells wrong voxels from right ones.

The positives are the errors, prediction != reference; the score is the map. Ties count half in the
AUROC and fall together in the AUPR, as in scikit-learn. AUPR is the primary figure, because errors are
rare; its value for a map without information is the share of errors.
"""

from __future__ import annotations

import numpy as np

from mobseg.metrics._ratio import ratio
from mobseg.metrics.score_histogram import ScoreHistogram


def auroc(histogram: ScoreHistogram) -> float:
    r"""Area under the receiver operating characteristic; NaN without errors or without right voxels.

    .. math:: P(u_{wrong} > u_{right}) + \tfrac12 P(u_{wrong} = u_{right})
    """
    total, wrong = histogram.filled()
    right = total - wrong
    right_below = np.cumsum(right) - right
    favourable = float(wrong @ (right_below + right / 2))
    return ratio(favourable, float(wrong.sum()) * float(right.sum()))


def average_precision(histogram: ScoreHistogram) -> float:
    r"""Area under the precision-recall curve as average precision; NaN without errors.

    .. math:: AP = \sum_t (R_t - R_{t-1}) P_t

    over decreasing thresholds t, without interpolation (Davis & Goadrich, ICML 2006).
    """
    total, errors = histogram.filled()
    total, errors = total[::-1], errors[::-1]
    precision = np.cumsum(errors) / np.cumsum(total)
    return ratio(float(errors @ precision), float(errors.sum()))
