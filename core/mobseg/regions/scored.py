"""What regions are found in: a label map, its probabilities, and a score for every voxel."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from mobseg.geometry import VolumeGeometry
from mobseg.labels import LabelTable
from mobseg.prediction import Map
from mobseg.sparse_map import SparseMap
from mobseg.sparse_prediction import AnyPrediction
from mobseg.uncertainty import score_map


@dataclass(frozen=True, eq=False)
class ScoredPrediction:
    """One prediction and the map to flag by.

    Attributes:
        geometry: the grid.
        label_table: the F foreground labels.
        labels: (K, J, I) assigned labels.
        probabilities: F maps (K, J, I), sparse ones or arrays, the mean probability of each label in the
            order of the table.
        score: (K, J, I), sparse or an array, higher is less certain.
    """

    geometry: VolumeGeometry
    label_table: LabelTable
    labels: npt.NDArray[np.unsignedinteger]
    probabilities: Sequence[Map | SparseMap]
    score: Map | SparseMap

    @classmethod
    def of(cls, maps: AnyPrediction, score_name: str) -> ScoredPrediction:
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
