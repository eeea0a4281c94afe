"""All metrics of one case, and their summary over cases.

Only histograms and sums are kept of a case, so that any number of cases can be summarised.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from mobseg.errors import GeometryMismatch, InvalidInput
from mobseg.labels import LabelTable
from mobseg.metrics._ratio import ratio
from mobseg.metrics.band import DEFAULT_BAND_MM, boundary_band
from mobseg.metrics.domain import DomainMetrics
from mobseg.metrics.overlap import OverlapSums
from mobseg.metrics.score_metrics import (
    COMPARED_SCORES,
    ScoreMetrics,
    compared_score,
    measure_score,
)
from mobseg.prediction import PredictionMaps
from mobseg.volume import LabelVolume

# Bounds the temporary arrays; a few hundred MB at most for a dozen labels.
_VOXELS_AT_ONCE = 2_000_000


@dataclass(frozen=True, eq=False)
class CaseMetrics:
    """All metrics of one prediction against its reference, on the native grid.

    Attributes:
        dice: by label name, NaN where neither prediction nor reference has the label.
        predicted_dice: the Dice that the model itself expects, by label name.
        everywhere: proper scores and calibration over all voxels.
        band: the same over the band around the boundaries of prediction and reference.
        scores: error detection and review figures of every uncertainty map, by name.
    """

    dice: dict[str, float]
    predicted_dice: dict[str, float]
    everywhere: DomainMetrics
    band: DomainMetrics
    scores: dict[str, ScoreMetrics]

    @property
    def error_share_of_band(self) -> float:
        """Errors anywhere over the voxels of the band, NaN without a band."""
        return ratio(self.everywhere.n_errors, self.band.n_voxels)

    def to_dict(self) -> dict[str, Any]:
        """All figures but histograms and curves, by name; NaN where undefined."""
        return {
            "dice": self.dice,
            "predicted_dice": self.predicted_dice,
            "everywhere": self.everywhere.to_dict(),
            "band": self.band.to_dict(),
            "scores": {name: score.to_dict() for name, score in self.scores.items()},
        }


def evaluate_case(
    maps: PredictionMaps, reference: LabelVolume, *, band_mm: float = DEFAULT_BAND_MM
) -> CaseMetrics:
    """Measure one prediction against its reference.

    Args:
        maps: the prediction.
        reference: label map on the same grid, with the values of the prediction's label table.
        band_mm: half width of the boundary band in mm.

    Raises:
        GeometryMismatch: the reference lies on another grid.
        InvalidInput: the reference has labels that the model does not know, or the model's labels
            overlap, so that their probabilities are not those of exclusive classes.
    """
    if not maps.geometry.is_close(reference.geometry):
        raise GeometryMismatch(
            "The reference lies on another grid than the prediction; resample it to the grid of the CT."
        )
    table = maps.label_table
    predicted = class_index(maps.labels, table)
    truth = class_index(reference.array, table)
    band = boundary_band(predicted, truth, maps.geometry.spacing_kji_mm, band_mm)

    names = [label.name for label in table]
    overlap = OverlapSums(len(table))
    everywhere, in_band = DomainMetrics(names), DomainMetrics(names)
    for part in _slabs(maps.geometry.shape_kji):
        probability = maps.probability_mean[:, part].reshape(len(table), -1)
        _check_exclusive(probability)
        classes, true_classes = predicted[part].ravel(), truth[part].ravel()
        overlap.update(probability, classes, true_classes)
        everywhere.update(probability, classes, true_classes)
        near = band[part].ravel()
        in_band.update(probability[:, near], classes[near], true_classes[near])

    return CaseMetrics(
        dice={name: overlap.dice(i) for i, name in enumerate(names)},
        predicted_dice={name: overlap.predicted_dice(i) for i, name in enumerate(names)},
        everywhere=everywhere,
        band=in_band,
        scores={
            name: measure_score(
                name,
                compared_score(maps, name),
                predicted,
                truth,
                band,
                maps.geometry.voxel_volume_mm3,
            )
            for name in COMPARED_SCORES
        },
    )


def class_index(labels: npt.NDArray[np.integer], table: LabelTable) -> npt.NDArray[np.uint16]:
    """Position in the label table, from 1, of every voxel's label; 0 for background.

    Raises:
        InvalidInput: a voxel has a value that is not in the table.
    """
    highest = max(label.value for label in table)
    unknown = np.iinfo(np.uint16).max
    lookup = np.full(highest + 2, unknown, dtype=np.uint16)
    lookup[0] = 0
    for index, label in enumerate(table, start=1):
        lookup[label.value] = index
    result: npt.NDArray[np.uint16] = lookup[np.minimum(labels, highest + 1)]
    is_unknown = result == unknown
    if is_unknown.any():
        values = ", ".join(str(value) for value in np.unique(labels[is_unknown])[:10])
        raise InvalidInput(
            f"The reference holds label values that the model does not have ({values}); say which "
            "of its values are which label (mobseg evaluate --map NAME=VALUES)."
        )
    return result


def _check_exclusive(probability: npt.NDArray[np.floating]) -> None:
    if float(probability.sum(axis=0).max()) > 1 + 1e-3:
        raise InvalidInput(
            "The model's labels overlap (a region-based model); only models of exclusive labels can be "
            "evaluated."
        )


def _slabs(shape_kji: tuple[int, int, int]) -> Iterator[slice]:
    thickness = max(_VOXELS_AT_ONCE // (shape_kji[1] * shape_kji[2]), 1)
    for start in range(0, shape_kji[0], thickness):
        yield slice(start, start + thickness)
