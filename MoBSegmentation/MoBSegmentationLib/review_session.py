"""The review of one result: threshold, regions, decisions, progress. Needs no Qt."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import vtk

from MoBSegmentationLib.decisions import OPEN, Decisions
from MoBSegmentationLib.mrml_bridge import to_world
from MoBSegmentationLib.result_nodes import ResultNodes
from MoBSegmentationLib.result_regions import scored_prediction, threshold_range
from MoBSegmentationLib.review_state import (
    ReviewState,
    read_review_curve,
    read_state,
    write_state,
)
from MoBSegmentationLib.segment_voxels import Voxels, add_voxels, find_segment, remove_voxels
from MoBSegmentationLib.threshold_words import describe_threshold

if TYPE_CHECKING:
    from mobseg.regions import Flagged, FlaggedRegion


@dataclass(frozen=True)
class ReviewRow:
    """One region in the table.

    Attributes:
        rank: 1 for the largest expected error.
        region_id: for the methods of :class:`ReviewSession`, valid until the threshold changes.
        segment: name of the structure.
        volume_mm3: volume of the region.
        peak_ras_mm: its voxel with the highest score, in the world's RAS (parent transform applied).
        peak_score: score of this voxel.
        expected_error_mm3: sum of the error probability times the voxel volume.
        reason: ``boundary``, ``isolated``, ``missed candidate`` or ``interior``.
        status: ``open``, ``accepted``, ``edited`` or ``rejected``.
        comment: of the reviewer.
    """

    rank: int
    region_id: int
    segment: str
    volume_mm3: float
    peak_ras_mm: tuple[float, float, float]
    peak_score: float
    expected_error_mm3: float
    reason: str
    status: str
    comment: str


class ReviewSession:
    """Regions of a result and what the reviewer decided; kept in the scene at every change.

    Args:
        scene: ``vtkMRMLScene``.
        result: the result to review.
        review_curve: ``review_curve`` of the model's ``mobseg.json``, for the words on the threshold.
        save_state: called before the segmentation is changed, such as the Segment Editor's
            ``saveStateForUndo``.
        state: to go on from; see :meth:`restore`.
    """

    def __init__(
        self,
        scene: Any,
        result: ResultNodes,
        *,
        review_curve: Mapping[str, Any] | None = None,
        save_state: Callable[[], None] = lambda: None,
        state: ReviewState | None = None,
    ) -> None:
        from mobseg.regions import RegionIndex  # noqa: PLC0415

        self.result = result
        self._scene = scene
        self._review_curve = review_curve
        self._save_state = save_state
        self._callbacks: list[Callable[[], None]] = []
        state = state or ReviewState(self.automatic_threshold, "", ())
        self._decisions = Decisions(state.decisions)
        self._initials = state.reviewer_initials
        self._range = threshold_range(result.score, self.automatic_threshold)
        self._index = RegionIndex(scored_prediction(result), self._range[0])
        self.set_threshold(state.threshold)

    @classmethod
    def restore(
        cls, scene: Any, result: ResultNodes, *, save_state: Callable[[], None] = lambda: None
    ) -> ReviewSession:
        """Go on with the review that is kept in the scene; a new one if there is none."""
        return cls(
            scene,
            result,
            review_curve=read_review_curve(result.result),
            save_state=save_state,
            state=read_state(result.result),
        )

    def save_to_scene(self) -> None:
        """Keep threshold, decisions, comments and initials in the result node; done at every change."""
        state = ReviewState(self._threshold, self._initials, tuple(self._decisions))
        write_state(self.result.result, state, self._review_curve)

    def subscribe(self, callback: Callable[[], None]) -> Callable[[], None]:
        """Have ``callback()`` called after every change; returns a function that ends this."""
        self._callbacks.append(callback)
        return lambda: self._callbacks.remove(callback)

    @property
    def threshold(self) -> float:
        """The threshold in force."""
        return self._threshold

    @property
    def automatic_threshold(self) -> float:
        """The threshold the result came with, from the model's review curve where it has one."""
        return self.result.run.threshold.value

    @property
    def threshold_range(self) -> tuple[float, float]:
        """Lowest and highest useful threshold, for a slider (better logarithmic)."""
        return self._range

    def set_threshold(self, threshold: float) -> None:
        """Flag anew, with the nearest threshold within :attr:`threshold_range`.

        Decisions stay with the regions that have not grown since, and come back.
        """
        self._threshold = self._within_range(threshold)
        self._flagged: Flagged = self._index.flag(self._threshold)
        self._changed()

    def threshold_in_words(self, threshold: float) -> str:
        """What a threshold means: regions and volume here, and what it caught on validation cases."""
        nearest = self._within_range(threshold)
        flagged = self._flagged if nearest == self._threshold else self._index.flag(nearest)
        return describe_threshold(nearest, flagged.regions, self._review_curve)

    @property
    def regions(self) -> tuple[FlaggedRegion, ...]:
        """The regions by rank, in voxels of the result's grid; decisions on them are in :meth:`rows`."""
        return self._flagged.regions

    def voxels(self, region_id: int) -> Voxels:
        """(3, n) indices (k, j, i) of the voxels of one region."""
        return self._flagged.voxels(region_id)

    @property
    def flagged_voxels(self) -> Voxels:
        """(3, n) indices (k, j, i) of the voxels of all regions."""
        return self._flagged.kji

    @property
    def shape_kji(self) -> tuple[int, int, int]:
        """Number of voxels of the result's grid along k, j and i."""
        i, j, k = self.result.score.GetImageData().GetDimensions()
        return (k, j, i)

    def rows(self) -> tuple[ReviewRow, ...]:
        """The regions by rank."""
        return tuple(
            ReviewRow(
                rank=rank,
                region_id=region.id,
                segment=region.label_name,
                volume_mm3=region.volume_mm3,
                peak_ras_mm=to_world(self.result.score, region.peak_ras_mm),
                peak_score=region.peak_score,
                expected_error_mm3=region.expected_error_mm3,
                reason=region.reason,
                status=self._decisions.status(region),
                comment=self._decisions.comment(region),
            )
            for rank, region in enumerate(self.regions, start=1)
        )

    def set_status(self, region_id: int, status: str) -> None:
        """Decide: ``open``, ``accepted``, ``edited`` or ``rejected``.

        Raises:
            mobseg.errors.InvalidInput: there is no such status.
        """
        self._decisions.set_status(self._region(region_id), status)
        self._changed()

    def set_comment(self, region_id: int, comment: str) -> None:
        """Note a comment."""
        self._decisions.set_comment(self._region(region_id), comment)
        self._changed()

    def include(self, region_id: int) -> None:
        """Add the whole region to its structure; the region's status becomes ``edited``.

        Raises:
            mobseg.errors.InvalidInput: the segment of the structure is gone.
        """
        self._edit(region_id, add_voxels)

    def exclude(self, region_id: int) -> None:
        """Remove the whole region from its structure; the region's status becomes ``edited``.

        Raises:
            mobseg.errors.InvalidInput: the segment of the structure is gone.
        """
        self._edit(region_id, remove_voxels)

    @property
    def reviewer_initials(self) -> str:
        """Initials of the reviewer; may be empty."""
        return self._initials

    @reviewer_initials.setter
    def reviewer_initials(self, initials: str) -> None:
        self._initials = initials
        self._changed()

    def progress(self) -> tuple[int, int]:
        """Number of regions decided, and of all."""
        decided = sum(self._decisions.status(region) != OPEN for region in self.regions)
        return decided, len(self.regions)

    def next_open(self, after: int | None = None) -> int | None:
        """Id of the next open region after the region ``after``, from the start again at the end."""
        start = 0 if after is None else after
        turned = (*self.regions[start:], *self.regions[:start])
        return next((one.id for one in turned if self._decisions.status(one) == OPEN), None)

    def _within_range(self, threshold: float) -> float:
        low, high = self._range
        return min(max(threshold, low), high)

    def _region(self, region_id: int) -> FlaggedRegion:
        return self.regions[region_id - 1]

    def _edit(self, region_id: int, change: Callable[[Any, str, Voxels, Any], None]) -> None:
        label_value = self._region(region_id).label_value
        segment_id = find_segment(self.result.segmentation, label_value, self._scene)
        ijk_to_ras = vtk.vtkMatrix4x4()
        self.result.score.GetIJKToRASMatrix(ijk_to_ras)
        self._save_state()
        change(self.result.segmentation, segment_id, self.voxels(region_id), ijk_to_ras)
        self.set_status(region_id, "edited")

    def _changed(self) -> None:
        self.save_to_scene()
        for callback in tuple(self._callbacks):
            callback()
