"""The few numbers of a segmentation that fit on a screen or in a message."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    # The protocol imports this module, and the worker's first message must not wait for scipy.
    from mobseg.prediction import RunRecord
    from mobseg.prediction_folder import ThresholdRecord
    from mobseg.regions import FlaggedRegion
    from mobseg.sparse_prediction import AnyPrediction


@dataclass(frozen=True)
class StructureVolume:
    """How much of the image has one label."""

    value: int
    name: str
    volume_mm3: float


@dataclass(frozen=True)
class SegmentationSummary:
    """What a segmentation found.

    Attributes:
        structures: every foreground label, also those that were not found.
        score: name of the map that the regions were taken from.
        threshold: value of this map from which on a voxel is in a region.
        regions: number of regions to check.
        regions_volume_mm3: their volume together.
        notes: plain sentences on everything out of the ordinary.
        seconds_by_stage: wall time in seconds.
    """

    structures: tuple[StructureVolume, ...]
    score: str
    threshold: float
    regions: int
    regions_volume_mm3: float
    notes: tuple[str, ...]
    seconds_by_stage: dict[str, float]


def summarise(
    maps: AnyPrediction,
    regions: Sequence[FlaggedRegion],
    threshold: ThresholdRecord,
    record: RunRecord,
) -> SegmentationSummary:
    """Summarise the parts of a segmentation."""
    voxels = _voxels_by_value(maps.labels, 1 + max(label.value for label in maps.label_table))
    structures = tuple(
        StructureVolume(
            label.value,
            label.name,
            float(voxels[label.value]) * maps.geometry.voxel_volume_mm3,
        )
        for label in maps.label_table
    )
    return SegmentationSummary(
        structures=structures,
        score=threshold.score,
        threshold=threshold.value,
        regions=len(regions),
        regions_volume_mm3=float(sum(region.volume_mm3 for region in regions)),
        notes=record.notes,
        seconds_by_stage=record.seconds_by_stage,
    )


def _voxels_by_value(labels: npt.NDArray[np.unsignedinteger], n: int) -> npt.NDArray[np.int64]:
    # Slice by slice, because bincount copies its input to 64-bit integers.
    counts = np.zeros(n, dtype=np.int64)
    for section in labels:
        counts += np.bincount(section.ravel(), minlength=n)
    return counts
