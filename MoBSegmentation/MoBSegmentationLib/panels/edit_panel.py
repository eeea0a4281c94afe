"""Step 3: the embedded Segment Editor, limited to the flagged regions by one visible toggle."""

from __future__ import annotations

from typing import Any

import slicer

from MoBSegmentationLib.panels.open_review import OpenReview
from MoBSegmentationLib.panels.region_panel import RegionPanel

#: The effects that make sense within small regions, in this order.
_EFFECTS = ("Paint", "Draw", "Erase", "Smoothing", "Islands")
_NODE_TAG = "MoBSegmentation.SegmentEditor"
_UNDO_STATES = 20


class EditPanel:
    """Edits the segmentation of the open result.

    Args:
        ui: the loaded ``.ui``.
        scene: ``vtkMRMLScene``.
        regions: has the selected region, whose structure is edited.
    """

    def __init__(self, ui: Any, scene: Any, regions: RegionPanel) -> None:
        self._ui = ui
        self._scene = scene
        self._regions = regions
        self._review: OpenReview | None = None
        self._observed: tuple[Any, int] | None = None
        self.editor = self._make_editor()
        ui.editFrame.layout().addWidget(self.editor)
        ui.editFrame.setVisible(False)
        ui.editButton.connect("toggled(bool)", self._edit_toggled)
        ui.restrictCheckBox.connect("toggled(bool)", self._restriction_toggled)

    def attach(self, segmentation: Any, source: Any) -> None:
        """Let the editor work on a segmentation, before the review of it is opened."""
        self.editor.setMRMLScene(self._scene)
        self.editor.setMRMLSegmentEditorNode(self._editor_node())
        self.editor.setSegmentationNode(segmentation)
        self.editor.setSourceVolumeNode(source)

    def detach(self) -> None:
        """Let go of all nodes, since they are about to be deleted."""
        self.show(None)
        self.editor.setSegmentationNode(None)
        self.editor.removeViewObservations()

    def show(self, review: OpenReview | None) -> None:
        """Show another review, or none; editing ends."""
        self._ui.editButton.setChecked(False)
        self._review = review

    def save_state_for_undo(self) -> None:
        """Remember the segmentation, so that undo comes back to it."""
        self.editor.saveStateForUndo()

    def leave(self) -> None:
        """Stop editing; for when the module is left."""
        self._ui.editButton.setChecked(False)

    def _make_editor(self) -> Any:
        editor = slicer.qMRMLSegmentEditorWidget()
        editor.maximumNumberOfUndoStates = _UNDO_STATES
        editor.segmentationNodeSelectorVisible = False
        editor.sourceVolumeNodeSelectorVisible = False
        editor.switchToSegmentationsButtonVisible = False
        # The toggle above the editor is the only masking; its own would hide a second one.
        editor.maskingSectionVisible = False
        editor.setEffectNameOrder(list(_EFFECTS))
        editor.unorderedEffectsVisible = False
        return editor

    def _editor_node(self) -> Any:
        """The module's own editor node, so that the Segment Editor module keeps its settings."""
        node = self._scene.GetSingletonNode(_NODE_TAG, "vtkMRMLSegmentEditorNode")
        if node is None:
            node = self._scene.CreateNodeByClass("vtkMRMLSegmentEditorNode")
            node.UnRegister(None)
            node.SetSingletonTag(_NODE_TAG)
            node = self._scene.AddNode(node)
        return node

    def _edit_toggled(self, editing: bool) -> None:
        self._ui.editFrame.setVisible(editing)
        if self._review is None:
            return
        if editing:
            self.editor.setupViewObservations()
            self._select_segment()
            self._observe_strokes()
            self.editor.setActiveEffectByName("Paint")
            self._restriction_toggled(self._ui.restrictCheckBox.checked)
        else:
            self.editor.setActiveEffect(None)
            self.editor.removeViewObservations()
            self._stop_observing()
            self._review.editing.disable()

    def _observe_strokes(self) -> None:
        segmentation = self._review.nodes.segmentation.GetSegmentation() if self._review else None
        if segmentation is not None:
            event = slicer.vtkSegmentation.SourceRepresentationModified
            self._observed = (segmentation, segmentation.AddObserver(event, self._stroke_made))

    def _stop_observing(self) -> None:
        if self._observed is not None:
            segmentation, tag = self._observed
            segmentation.RemoveObserver(tag)
            self._observed = None

    def _stroke_made(self, _caller: Any, _event: str) -> None:
        """The first stroke decides the selected region."""
        row = self._regions.selected
        if self._review is not None and row is not None and row.status != "edited":
            self._review.session.set_status(row.region_id, "edited")

    def _select_segment(self) -> None:
        row = self._regions.selected
        if self._review is not None and row is not None:
            segmentation = self._review.nodes.segmentation.GetSegmentation()
            segment_id = segmentation.GetSegmentIdBySegmentName(row.segment)
            if segment_id:
                self.editor.setCurrentSegmentID(segment_id)

    def _restriction_toggled(self, restricted: bool) -> None:
        if self._review is None or not self._ui.editButton.checked:
            return
        if restricted:
            self._review.editing.enable()
        else:
            self._review.editing.disable()
