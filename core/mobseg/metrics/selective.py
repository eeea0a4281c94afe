r"""How well a confidence tells the cases that a model handles from those it should pass on to a reader.

Cases are accepted from the most confident down. At coverage c, the selective risk is the mean risk of the
accepted cases and the generalised risk is that mean times c (Traub et al., NeurIPS 2024):

.. math:: AURC = \frac{1}{n} \sum_{k=1}^{n} \frac{1}{k} \sum_{i \le k} r_i, \qquad
          AUGRC = \int_0^1 \frac{1}{n} \sum_{i \le c n} r_i \, dc

The risk is any loss of a case, here 1 - Dice. Cases of one confidence are accepted in random order, and the
expectation over these orders is returned. Lower is better.
"""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]


def area_under_risk_coverage(risk: npt.ArrayLike, confidence: npt.ArrayLike) -> float:
    """AURC: mean selective risk over all coverages; NaN without cases.

    Args:
        risk: (n,) loss of each case.
        confidence: (n,) higher is surer.
    """
    accepted = _accepted_risk(risk, confidence)
    if not accepted.size:
        return math.nan
    return float(np.mean(accepted / np.arange(1, accepted.size + 1)))


def area_under_generalised_risk_coverage(risk: npt.ArrayLike, confidence: npt.ArrayLike) -> float:
    """AUGRC: mean, over all coverages, of the risk of accepted cases per case; NaN without cases.

    Args:
        risk: (n,) loss of each case.
        confidence: (n,) higher is surer.
    """
    accepted = _accepted_risk(risk, confidence)
    n = accepted.size
    if not n:
        return math.nan
    generalised = np.append(0.0, accepted / n)
    return float(np.mean((generalised[1:] + generalised[:-1]) / 2))


def _accepted_risk(risk: npt.ArrayLike, confidence: npt.ArrayLike) -> Floats:
    """(n,) expected sum of the risks of the k most confident cases, k = 1..n."""
    losses = np.asarray(risk, dtype=np.float64)
    _, group = np.unique(-np.asarray(confidence, dtype=np.float64), return_inverse=True)
    if not losses.size:
        return losses
    # Within a group of ties every case has, in expectation, the group's mean risk.
    mean = np.bincount(group, weights=losses) / np.bincount(group)
    return np.cumsum(mean[np.sort(group)])
