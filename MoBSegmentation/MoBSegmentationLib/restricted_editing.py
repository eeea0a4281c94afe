"""Editing of the flagged voxels only: strokes go unmasked, and what they change elsewhere is put back.

The Segment Editor's own masks are made anew over the whole volume for every stroke, which takes seconds on a
large CT. Putting back takes as long as comparing two label maps, and works under every tool of the editor.

It relies on what ``vtkSegmentation`` does: an edit changes label maps in place and ends with the event
``SourceRepresentationModified``; undo and redo exchange the label maps for others and send ``SegmentModified``
only. So edits are checked, and undo and redo are left alone and stay exact.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import numpy as np
import numpy.typing as npt
import slicer
import vtk

from MoBSegmentationLib.layer_snapshot import LayerSnapshot
from MoBSegmentationLib.mrml_bridge import matrix_array
from MoBSegmentationLib.review_session import ReviewSession
from MoBSegmentationLib.segment_layers import lies_on_grid
from MoBSegmentationLib.segment_voxels import add_voxels, remove_voxels


class RestrictedEditing:
    """Keeps edits of a segmentation within flagged regions while enabled.

    Works under any tool of the Segment Editor and leaves its own masking alone. ``include`` and ``exclude`` of
    the session are edits as well. If the geometry of the segmentation is changed, the restriction ends.

    Args:
        segmentation: ``vtkMRMLSegmentationNode``.
        session: gives the voxels of the regions.
    """

    def __init__(self, segmentation: Any, session: ReviewSession) -> None:
        self._node = segmentation
        self._session = session
        self._allowed: npt.NDArray[np.bool_] | None = None
        self._snapshot: LayerSnapshot | None = None
        self._observers: list[tuple[Any, int]] = []
        self._end_following: Callable[[], None] = lambda: None
        self._is_putting_back = False

    @property
    def enabled(self) -> bool:
        """Whether edits are restricted."""
        return self._snapshot is not None

    def enable(self, region_ids: Iterable[int] | None = None) -> None:
        """Allow edits in these regions only; ``None`` for all flagged, also when the threshold moves.

        Raises:
            mobseg.errors.InvalidInput: the segmentation was deleted or lies on another grid than the result.
        """
        self.disable()
        self._require_grid_of_result()
        if region_ids is None:
            self._end_following = self._session.subscribe(self._forget_allowed)
        else:
            self._allowed = self._mask([self._session.voxels(one) for one in region_ids])
        self._snapshot = LayerSnapshot(self._node.GetSegmentation())
        self._observe()

    def disable(self) -> None:
        """Allow edits everywhere."""
        self._end_following()
        self._end_following = lambda: None
        for observed, tag in self._observers:
            observed.RemoveObserver(tag)
        self._observers = []
        self._allowed = None
        self._snapshot = None

    def _require_grid_of_result(self) -> None:
        from mobseg.errors import InvalidInput  # noqa: PLC0415

        if self._node.GetScene() is None:
            raise InvalidInput("The segmentation was deleted; load the result again.")
        if not self._is_on_grid():
            raise InvalidInput(
                "The segmentation's geometry was changed, so edits cannot be limited to flagged voxels; set "
                "it back to that of the image."
            )

    def _is_on_grid(self) -> bool:
        return lies_on_grid(self._node.GetSegmentation(), matrix_array(self._ijk_to_ras()))

    def _observe(self) -> None:
        segmentation = self._node.GetSegmentation()
        handlers = {
            slicer.vtkSegmentation.SourceRepresentationModified: self._put_back,
            slicer.vtkSegmentation.SegmentModified: self._accept_exchange,
            slicer.vtkSegmentation.SegmentAdded: self._accept_exchange,
            slicer.vtkSegmentation.SegmentRemoved: self._accept_exchange,
        }
        self._observers = [
            (segmentation, segmentation.AddObserver(event, handler))
            for event, handler in handlers.items()
        ]

    def _forget_allowed(self) -> None:
        """The regions may have changed; which voxels are allowed is found out at the next edit."""
        self._allowed = None

    def _mask(self, voxels: Iterable[npt.NDArray[Any]]) -> npt.NDArray[np.bool_]:
        mask = np.zeros(self._session.shape_kji, dtype=np.bool_)
        for kji in voxels:
            mask[tuple(kji)] = True
        return mask

    def _accept_exchange(self, _caller: Any, _event: str) -> None:
        """Take segments that were added, undo and redo as they are.

        A segment that is moved to a layer of its own in the middle of an edit is no reason to look anew: the
        other label maps remain.
        """
        if self._snapshot is None:
            return
        if self._snapshot.was_exchanged():
            if not self._is_on_grid():  # voxels have no counterpart in the result any more
                self.disable()
                return
            self._snapshot = LayerSnapshot(self._node.GetSegmentation())
        self._snapshot.follow_segments()

    def _put_back(self, _caller: Any, _event: str) -> None:
        """After an edit: undo it outside the allowed voxels."""
        if self._is_putting_back or self._snapshot is None:
            return
        self._is_putting_back = True
        try:
            changes = list(self._snapshot.changes())
            # First everything that was added: voxels that a segment gets back may have gone to another one.
            for change in changes:
                self._apply(remove_voxels, change.segment_id, change.added)
            for change in changes:
                self._apply(add_voxels, change.segment_id, change.removed)
            self._snapshot = LayerSnapshot(self._node.GetSegmentation(), self._snapshot)
        finally:
            self._is_putting_back = False

    def _apply(self, change: Callable[..., None], segment_id: str, kji: npt.NDArray[Any]) -> None:
        outside = kji[:, ~self._is_allowed(kji)]
        if outside.size:
            change(self._node, segment_id, outside, self._ijk_to_ras())

    def _is_allowed(self, kji: npt.NDArray[Any]) -> npt.NDArray[np.bool_]:
        """Whether (3, n) voxels may be edited; those beyond the image, where segments can reach, may not."""
        if self._allowed is None:
            self._allowed = self._mask([self._session.flagged_voxels])
        shape = np.array(self._allowed.shape)[:, None]
        is_inside = ((kji >= 0) & (kji < shape)).all(axis=0)
        allowed = np.zeros(kji.shape[1], dtype=np.bool_)
        allowed[is_inside] = self._allowed[tuple(kji[:, is_inside])]
        return allowed

    def _ijk_to_ras(self) -> Any:
        matrix = vtk.vtkMatrix4x4()
        self._session.result.score.GetIJKToRASMatrix(matrix)
        return matrix
