"""Overlap, proper scores, calibration, error detection and review benefit of predictions.

Everything streams: histograms and sums are kept, never the voxels of several cases.
"""

from __future__ import annotations

from mobseg.metrics.case import CaseMetrics, evaluate_case
from mobseg.metrics.review import ReviewCurve, ReviewExpectation
from mobseg.metrics.summary import finite_or_none, summarise

__all__ = [
    "CaseMetrics",
    "ReviewCurve",
    "ReviewExpectation",
    "evaluate_case",
    "finite_or_none",
    "summarise",
]
