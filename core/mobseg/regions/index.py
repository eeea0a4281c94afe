"""The regions of one prediction at any threshold, fast enough to follow a slider."""

from __future__ import annotations

from mobseg.regions.flagging import (
    DEFAULT_MAX_EXTENT_MM,
    DEFAULT_MIN_VOLUME_MM3,
    Flagged,
    flag,
)
from mobseg.regions.scored import ScoredPrediction


class RegionIndex:
    """What :func:`mobseg.regions.flag_regions` gives, for changing thresholds.

    Args:
        scored: the prediction and the map to flag by.
        lowest: no threshold is lower.
    """

    def __init__(self, scored: ScoredPrediction, lowest: float) -> None:
        self._scored = scored
        self._lowest = lowest

    def flag(self, threshold: float) -> Flagged:
        """The regions and their voxels.

        Raises:
            InvalidInput: the threshold is not a positive number.
        """
        return flag(self._scored, threshold, DEFAULT_MIN_VOLUME_MM3, DEFAULT_MAX_EXTENT_MM)
