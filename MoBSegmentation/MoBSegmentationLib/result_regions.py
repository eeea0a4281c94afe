"""The arrays of a result, as the core looks for regions in them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from MoBSegmentationLib.mrml_bridge import volume_array, volume_geometry
from MoBSegmentationLib.result_nodes import ResultNodes

if TYPE_CHECKING:
    from mobseg.regions import ScoredPrediction

# The slider reaches this far below the automatic threshold, unless that flags too much to be of use.
_LOWEST_SHARE = 0.1
_MOST_VOXELS = 500_000


def scored_prediction(result: ResultNodes) -> ScoredPrediction:
    """Labels, probabilities and score: views of the nodes, not copies."""
    from mobseg.regions import ScoredPrediction  # noqa: PLC0415

    return ScoredPrediction(
        geometry=volume_geometry(result.score),
        label_table=result.run.label_table,
        labels=volume_array(result.prediction),
        probabilities=tuple(volume_array(node) for node in result.probabilities),
        score=volume_array(result.score),
    )


def threshold_range(score: Any, automatic: float) -> tuple[float, float]:
    """From where too much is flagged to be of use, to the largest score.

    Args:
        score: the score map's node.
        automatic: the threshold that the result came with, which is always in the range.
    """
    values = volume_array(score)
    low = automatic * _LOWEST_SHARE
    flagged = values[values >= low]
    if flagged.size > _MOST_VOXELS:
        place = flagged.size - _MOST_VOXELS
        low = float(np.partition(flagged, place)[place])
    largest = float(flagged.max()) if flagged.size else automatic
    return min(low, automatic), max(largest, automatic)
