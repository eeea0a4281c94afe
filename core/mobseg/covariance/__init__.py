"""Covariance parameterisations of the logits, one file each, behind one interface.

Sources: P. J. T. Kampen et al., "Structured Covariance Modeling Using Learned Mixture-of-Bases for
Uncertainty in 3D Segmentation" (the paper; equation numbers are its own); M. Monteiro et al.,
"Stochastic Segmentation Networks", NeurIPS 2020.
"""

from __future__ import annotations

from mobseg.covariance.base import LogitDistribution, StochasticHead
from mobseg.covariance.settings import PARAMETERISATIONS, HeadSettings, build_head

__all__ = [
    "PARAMETERISATIONS",
    "HeadSettings",
    "LogitDistribution",
    "StochasticHead",
    "build_head",
]
