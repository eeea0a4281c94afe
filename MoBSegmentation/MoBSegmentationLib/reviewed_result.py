"""The outcome of a review, taken from the scene once: segmentation before and after, regions, decisions."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from MoBSegmentationLib.mrml_bridge import volume_array, volume_geometry
from MoBSegmentationLib.review_session import ReviewRow, ReviewSession
from MoBSegmentationLib.segment_layers import label_array, lies_on_grid

if TYPE_CHECKING:
    from mobseg.geometry import VolumeGeometry
    from mobseg.prediction_folder.records import RunFile
    from mobseg.regions import FlaggedRegion

Labels = npt.NDArray[np.unsignedinteger]


@dataclass(frozen=True)
class StructureChange:
    """One structure before and after the review.

    Attributes:
        value: in the label maps.
        name: as the reviewer left it.
        before_mm3: predicted volume; 0 for a segment that the reviewer added.
        after_mm3: volume after the review.
        added_mm3: volume that was added.
        removed_mm3: volume that was taken away.
    """

    value: int
    name: str
    before_mm3: float
    after_mm3: float
    added_mm3: float
    removed_mm3: float


@dataclass(frozen=True, eq=False)
class ReviewedResult:
    """What :func:`MoBSegmentationLib.export.export_review` writes.

    Attributes:
        run: how the prediction was made.
        geometry: the grid.
        image: (K, J, I) voxels of the source volume; ``None`` if it was deleted.
        predicted: (K, J, I) labels as predicted.
        reviewed: (K, J, I) labels as the reviewer left them.
        structures: what changed.
        regions: the regions by rank.
        rows: the same with the decisions on them.
        threshold: the threshold in force.
        reviewer_initials: may be empty.
    """

    run: RunFile
    geometry: VolumeGeometry
    image: npt.NDArray[Any] | None
    predicted: Labels
    reviewed: Labels
    structures: tuple[StructureChange, ...]
    regions: tuple[FlaggedRegion, ...]
    rows: tuple[ReviewRow, ...]
    threshold: float
    reviewer_initials: str


def take_reviewed(session: ReviewSession) -> ReviewedResult:
    """Read everything from the scene.

    Raises:
        mobseg.errors.InvalidInput: the segmentation was deleted, or lies on another grid than the result.
    """
    from mobseg.errors import InvalidInput  # noqa: PLC0415

    result = session.result
    geometry = volume_geometry(result.prediction)
    segmentation = result.segmentation.GetSegmentation()
    if result.segmentation.GetScene() is None:
        raise InvalidInput("The reviewed segmentation was deleted; load the result again.")
    if not lies_on_grid(segmentation, geometry.ijk_to_ras_mm):
        raise InvalidInput(
            "The segmentation's geometry was changed; set it back to that of the image to export it."
        )
    value_of = _label_values(segmentation, result.run)
    predicted = volume_array(result.prediction)
    reviewed = label_array(segmentation, value_of, geometry.shape_kji)
    return ReviewedResult(
        run=result.run,
        geometry=geometry,
        image=_image(result.source, geometry),
        predicted=predicted,
        reviewed=reviewed,
        structures=_structure_changes(
            {value: segmentation.GetSegment(one).GetName() for one, value in value_of.items()},
            predicted,
            reviewed,
            geometry.voxel_volume_mm3,
        ),
        regions=session.regions,
        rows=session.rows(),
        threshold=session.threshold,
        reviewer_initials=session.reviewer_initials,
    )


def _label_values(segmentation: Any, run: RunFile) -> dict[str, int]:
    """The predicted labels keep their values; segments that the reviewer added get the next ones."""
    predicted = {f"Segment_{label.value}": label.value for label in run.label_table}
    free = max(predicted.values()) + 1
    values = {}
    for segment_id in segmentation.GetSegmentIDs():
        values[segment_id] = predicted.get(segment_id, free)
        free += segment_id not in predicted
    return values


def _image(source: Any, geometry: VolumeGeometry) -> npt.NDArray[Any] | None:
    is_there = source is not None and source.GetScene() is not None
    if not is_there or source.GetImageData() is None:
        return None
    array = volume_array(source)
    return array if array.shape == geometry.shape_kji else None


def _structure_changes(
    names: dict[int, str], predicted: Labels, reviewed: Labels, voxel_mm3: float
) -> tuple[StructureChange, ...]:
    size = 1 + max((*names, int(predicted.max()), int(reviewed.max())))
    is_changed = predicted != reviewed
    before, after = _voxels_by_value(predicted, size), _voxels_by_value(reviewed, size)
    removed = np.bincount(predicted[is_changed], minlength=size)
    added = np.bincount(reviewed[is_changed], minlength=size)
    return tuple(
        StructureChange(
            value=value,
            name=name,
            before_mm3=float(before[value] * voxel_mm3),
            after_mm3=float(after[value] * voxel_mm3),
            added_mm3=float(added[value] * voxel_mm3),
            removed_mm3=float(removed[value] * voxel_mm3),
        )
        for value, name in names.items()
    )


def _voxels_by_value(labels: Labels, size: int) -> npt.NDArray[np.int64]:
    # Slice by slice, because bincount copies its input to 64-bit integers.
    counts = np.zeros(size, dtype=np.int64)
    for section in labels:
        counts += np.bincount(section.ravel(), minlength=size)
    return counts
