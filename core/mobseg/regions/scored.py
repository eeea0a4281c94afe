"""What regions are found in: a label map, its probabilities, and a score for every voxel."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from mobseg.geometry import VolumeGeometry
from mobseg.labels import LabelTable
from mobseg.prediction import Map, PredictionMaps
from mobseg.uncertainty import score_map


@dataclass(frozen=True, eq=False)
class ScoredPrediction:
    """One prediction and the map to flag by.

    Attributes:
        geometry: the grid.
        label_table: the F foreground labels.
        labels: (K, J, I) assigned labels.
        probabilities: F maps (K, J, I), the mean probability of each label in the order of the table.
        score: (K, J, I), higher is less certain.
    """

    geometry: VolumeGeometry
    label_table: LabelTable
    labels: npt.NDArray[np.unsignedinteger]
    probabilities: Sequence[Map]
    score: Map

    @classmethod
    def of(cls, maps: PredictionMaps, score_name: str) -> ScoredPrediction:
        """Score by one of the maps of a prediction.

        Raises:
            InvalidInput: there is no map of this name.
        """
        return cls(
            geometry=maps.geometry,
            label_table=maps.label_table,
            labels=maps.labels,
            probabilities=tuple(maps.probability_mean),
            score=score_map(maps, score_name),
        )
