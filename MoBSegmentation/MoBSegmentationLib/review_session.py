"""The review of one result: threshold, regions, decisions, progress. Needs no Qt."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from MoBSegmentationLib.result_nodes import ResultNodes


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
    """

    def __init__(
        self,
        scene: Any,
        result: ResultNodes,
        *,
        review_curve: Mapping[str, Any] | None = None,
        save_state: Callable[[], None] = lambda: None,
    ) -> None:
        raise NotImplementedError

    @classmethod
    def restore(
        cls, scene: Any, result: ResultNodes, *, save_state: Callable[[], None] = lambda: None
    ) -> ReviewSession:
        """Go on with the review that is kept in the scene; a new one if there is none."""
        raise NotImplementedError

    def save_to_scene(self) -> None:
        """Keep threshold, decisions, comments and initials in the result node; done at every change."""
        raise NotImplementedError

    def subscribe(self, callback: Callable[[], None]) -> Callable[[], None]:
        """Have ``callback()`` called after every change; returns a function that ends this."""
        raise NotImplementedError

    @property
    def threshold(self) -> float:
        """The threshold in force."""
        raise NotImplementedError

    @property
    def automatic_threshold(self) -> float:
        """The threshold the result came with, from the model's review curve where it has one."""
        raise NotImplementedError

    @property
    def threshold_range(self) -> tuple[float, float]:
        """Lowest and highest useful threshold, for a slider (better logarithmic)."""
        raise NotImplementedError

    def set_threshold(self, threshold: float) -> None:
        """Flag anew. Decisions stay with the regions that have not grown since, and come back."""
        raise NotImplementedError

    def threshold_in_words(self, threshold: float) -> str:
        """What a threshold means: regions and volume here, and what it caught on validation cases."""
        raise NotImplementedError

    def rows(self) -> tuple[ReviewRow, ...]:
        """The regions by rank."""
        raise NotImplementedError

    def set_status(self, region_id: int, status: str) -> None:
        """Decide: ``open``, ``accepted``, ``edited`` or ``rejected``."""
        raise NotImplementedError

    def set_comment(self, region_id: int, comment: str) -> None:
        """Note a comment."""
        raise NotImplementedError

    def include(self, region_id: int) -> None:
        """Add the whole region to its structure; the region's status becomes ``edited``."""
        raise NotImplementedError

    def exclude(self, region_id: int) -> None:
        """Remove the whole region from its structure; the region's status becomes ``edited``."""
        raise NotImplementedError

    @property
    def reviewer_initials(self) -> str:
        """Initials of the reviewer; may be empty."""
        raise NotImplementedError

    @reviewer_initials.setter
    def reviewer_initials(self, initials: str) -> None:
        raise NotImplementedError

    def progress(self) -> tuple[int, int]:
        """Number of regions decided, and of all."""
        raise NotImplementedError

    def next_open(self, after: int | None = None) -> int | None:
        """Id of the next open region after the region ``after``, from the start again at the end."""
        raise NotImplementedError
