"""Editing of the flagged voxels only: strokes go unmasked, and what they change elsewhere is put back."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from MoBSegmentationLib.review_session import ReviewSession


class RestrictedEditing:
    """Keeps edits of a segmentation within flagged regions while enabled.

    Works under any tool of the Segment Editor and leaves its own masking alone.

    Args:
        segmentation: ``vtkMRMLSegmentationNode``.
        session: gives the voxels of the regions.
    """

    def __init__(self, segmentation: Any, session: ReviewSession) -> None:
        raise NotImplementedError

    @property
    def enabled(self) -> bool:
        """Whether edits are restricted."""
        raise NotImplementedError

    def enable(self, region_ids: Iterable[int] | None = None) -> None:
        """Allow edits in these regions only; ``None`` for all flagged, also when the threshold moves."""
        raise NotImplementedError

    def disable(self) -> None:
        """Allow edits everywhere."""
        raise NotImplementedError
