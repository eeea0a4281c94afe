"""Division that says "undefined" instead of warning."""

from __future__ import annotations

import math


def ratio(numerator: float, denominator: float) -> float:
    """``numerator / denominator`` as a float, NaN where the denominator is zero."""
    return float(numerator) / float(denominator) if denominator else math.nan
