"""The whole use of the module, clicked through; runs in 3D Slicer and in the host of the tests.

Uses only ``slicer``, the widgets of the panel and the nodes of the scene, so that the same story runs in both.
"""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import slicer
import vtk

from MoBSegmentationLib.result_nodes import ResultNodes, find_results
from MoBSegmentationLib.sample_data import HEAD_AND_NECK

_RUN_SECONDS = 300.0
_STATUS_COLUMN = 5


class Story:
    """Steps in their order; each leaves the panel as the next needs it.

    Args:
        ui: widgets of the panel.
        show: called with the name of each step when it is done.
    """

    def __init__(self, ui: Any, show: Callable[[str], None]) -> None:
        self._ui = ui
        self._show = show
        self._scene = slicer.mrmlScene
        self._image: Any = None

    def run(self) -> None:
        """All steps."""
        with tempfile.TemporaryDirectory(prefix="mobseg_story_") as folder:
            self.choose_image()
            self.cancel_a_run()
            self.segment()
            self.toggle_overlay()
            self.drag_threshold()
            self.go_through_regions()
            self.include_and_undo()
            self.decide()
            self.edit_only_flagged()
            self.segment_again()
            self.save_and_reload(Path(folder))
            self.export(Path(folder))

    def choose_image(self) -> None:
        """Without an image nothing can be segmented, and the tooltip says so; with one it can."""
        ui = self._ui
        assert not ui.segmentButton.enabled
        assert "Choose" in ui.segmentButton.toolTip
        self._image = slicer.util.loadVolume(str(HEAD_AND_NECK.file))
        slicer.util.setSliceViewerLayers(background=self._image)
        ui.volumeSelector.setCurrentNode(self._image)
        assert ui.segmentButton.enabled, ui.segmentButton.toolTip
        assert "Research use only" in ui.intendedUseLabel.text
        self._show("1 image chosen")

    def cancel_a_run(self) -> None:
        """A cancelled run leaves the scene as it was."""
        ui, nodes = self._ui, self._scene.GetNumberOfNodes()
        ui.segmentButton.click()
        assert ui.cancelButton.enabled
        assert not ui.segmentButton.enabled
        self._wait(lambda: ui.runProgressBar.value > 0, "progress")
        self._show("2 running")
        start = time.monotonic()
        ui.cancelButton.click()
        self._wait(lambda: ui.segmentButton.enabled, "the end of the cancelled run")
        assert time.monotonic() - start < 10, "cancelling took too long"
        assert self._scene.GetNumberOfNodes() == nodes
        assert find_results(self._scene) == ()
        self._show("3 cancelled")

    def segment(self) -> None:
        """The result is shown, with a list of regions and the threshold in words."""
        ui = self._ui
        self._run_to_end()
        assert len(find_results(self._scene)) == 1
        assert ui.regionTable.rowCount > 0
        assert "region" in ui.thresholdLabel.text
        assert ui.overlayButton.checked
        self._show("4 segmented")

    def toggle_overlay(self) -> None:
        """One click hides the heat map, the next shows it again; the surface can carry it too."""
        before = self._foregrounds()
        self._ui.overlayButton.click()
        assert self._foregrounds() != before
        self._ui.overlayButton.click()
        assert self._foregrounds() == before
        models = self._scene.GetNumberOfNodesByClass("vtkMRMLModelNode")
        self._ui.surfaceCheckBox.setChecked(True)
        assert self._scene.GetNumberOfNodesByClass("vtkMRMLModelNode") > models

    def drag_threshold(self) -> None:
        """A lower threshold flags more; "Auto" comes back to the recommended one."""
        ui = self._ui
        automatic, volume = ui.thresholdSpinBox.value, self._flagged_millilitres()
        for position in range(ui.thresholdSlider.value, 0, -100):
            ui.thresholdSlider.setValue(position)
            slicer.app.processEvents()
        assert ui.thresholdSpinBox.value < automatic
        assert self._flagged_millilitres() > volume
        self._show("5 threshold lowered")
        ui.autoThresholdButton.click()
        assert ui.thresholdSpinBox.value == automatic
        assert abs(self._flagged_millilitres() - volume) < 1e-6

    def go_through_regions(self) -> None:
        """Next and previous select rows, and the slice views follow."""
        ui, table = self._ui, self._ui.regionTable
        ui.nextButton.click()
        ui.previousButton.click()
        first = self._slice_offsets()
        ui.nextButton.click()
        assert table.currentRow() == 1
        assert self._slice_offsets() != first
        self._show("6 next region")
        ui.previousButton.click()
        assert table.currentRow() == 0
        assert self._slice_offsets() == first

    def include_and_undo(self) -> None:
        """Including changes the segmentation within the region; undo is exact."""
        before = self._voxels()
        for button in (self._ui.includeButton, self._ui.excludeButton):
            button.click()
            if not np.array_equal(self._voxels(), before):
                break
        assert not np.array_equal(self._voxels(), before), "the segmentation did not change"
        assert self._status(0) == "edited"
        self._show("7 region included")
        self._editor().undo()
        np.testing.assert_array_equal(self._voxels(), before)

    def decide(self) -> None:
        """Decisions show in the table and in the progress."""
        ui = self._ui
        ui.regionTable.selectRow(1)
        ui.commentEdit.setText("clear border")
        ui.acceptButton.click()
        assert self._status(1) == "accepted"
        assert ui.reviewProgressBar.value == 2
        self._show("8 accepted")

    def edit_only_flagged(self) -> None:
        """With the toggle on, a stroke over everything changes flagged voxels only; undo is exact."""
        ui = self._ui
        result = self._result()
        ui.regionTable.selectRow(2)
        ui.editButton.setChecked(True)
        ui.restrictCheckBox.setChecked(True)
        before = self._voxels()
        outside = slicer.util.arrayFromVolume(result.score) < ui.thresholdSpinBox.value
        self._editor().saveStateForUndo()
        self._paint_everything()
        after = self._voxels()
        assert np.array_equal(after[outside], before[outside]), "unflagged voxels were changed"
        assert after.sum() > before.sum(), "the stroke changed nothing"
        assert self._status(2) == "edited"
        self._show("9 editing")
        self._editor().undo()
        np.testing.assert_array_equal(self._voxels(), before)
        ui.editButton.setChecked(False)

    def segment_again(self) -> None:
        """A second run makes a second result; the first keeps its decisions."""
        ui = self._ui
        self._run_to_end()
        assert len(find_results(self._scene)) == 2
        assert ui.resultSelector.count == 2
        assert ui.reviewProgressBar.value == 0
        ui.resultSelector.setCurrentIndex(0)
        assert ui.reviewProgressBar.value == 3
        self._show("10 second result")

    def save_and_reload(self, folder: Path) -> None:
        """A saved scene brings the half-done review back."""
        ui, voxels = self._ui, self._voxels()
        statuses = [self._status(row) for row in range(ui.regionTable.rowCount)]
        bundle = folder / "review.mrb"
        assert slicer.util.saveScene(str(bundle))
        self._scene.Clear(0)
        slicer.app.processEvents()
        assert ui.regionTable.rowCount == 0
        assert not ui.exportButton.enabled
        slicer.util.loadScene(str(bundle))
        slicer.app.processEvents()
        assert len(find_results(self._scene)) == 2
        assert [self._status(row) for row in range(ui.regionTable.rowCount)] == statuses
        np.testing.assert_array_equal(self._voxels(), voxels)
        self._show("11 reloaded")

    def export(self, folder: Path) -> None:
        """A new folder holds the outcome."""
        ui = self._ui
        ui.exportFolderEdit.currentPath = str(folder)
        assert ui.exportButton.enabled, ui.exportButton.toolTip
        ui.exportButton.click()
        (made,) = folder.glob("review_*")
        names = {path.name for path in made.iterdir()}
        assert {"reviewed.seg.nrrd", "reviewed.nii.gz", "decisions.csv"} <= names
        assert {"decisions.json", "report.html"} <= names
        self._show("12 exported")

    def _run_to_end(self) -> None:
        count = len(find_results(self._scene))
        self._ui.segmentButton.click()
        self._wait(lambda: not self._ui.cancelButton.enabled, "the end of the run")
        assert len(find_results(self._scene)) == count + 1, self._ui.messageLabel.text

    def _wait(self, condition: Callable[[], bool], what: str) -> None:
        deadline = time.monotonic() + _RUN_SECONDS
        while not condition():
            assert time.monotonic() < deadline, f"waited too long for {what}"
            slicer.app.processEvents()
            time.sleep(0.01)

    def _result(self) -> ResultNodes:
        """The open result."""
        chosen = self._ui.resultSelector.currentIndex
        return find_results(self._scene)[chosen]

    def _segment(self) -> tuple[Any, str, Any]:
        result = self._result()
        return (
            result.segmentation,
            result.segmentation.GetSegmentation().GetNthSegmentID(0),
            result.score,
        )

    def _voxels(self) -> Any:
        """The first segment on the grid of the image, a copy."""
        return slicer.util.arrayFromSegmentBinaryLabelmap(*self._segment()).copy() > 0

    def _paint_everything(self) -> None:
        """A stroke over the whole image, made as the Segment Editor makes its strokes."""
        segmentation, segment_id, _ = self._segment()
        grid = self._result().prediction
        stroke, matrix = slicer.vtkOrientedImageData(), vtk.vtkMatrix4x4()
        stroke.DeepCopy(grid.GetImageData())
        grid.GetIJKToRASMatrix(matrix)
        stroke.SetGeometryFromImageToWorldMatrix(matrix)
        segment = segmentation.GetSegmentation().GetSegment(segment_id)
        stroke.GetPointData().GetScalars().Fill(segment.GetLabelValue())
        logic = slicer.vtkSlicerSegmentationsModuleLogic
        assert logic.SetBinaryLabelmapToSegment(
            stroke, segmentation, segment_id, logic.MODE_MERGE_MAX, stroke.GetExtent()
        )

    def _status(self, row: int) -> str:
        return str(self._ui.regionTable.item(row, _STATUS_COLUMN).text())

    def _flagged_millilitres(self) -> float:
        table = self._ui.regionTable
        return sum(float(table.item(row, 2).text()) for row in range(table.rowCount))

    def _editor(self) -> Any:
        return slicer.util.findChildren(self._ui.editFrame, className="qMRMLSegmentEditorWidget")[0]

    def _foregrounds(self) -> list[tuple[str | None, float]]:
        nodes = slicer.util.getNodesByClass("vtkMRMLSliceCompositeNode")
        return [(node.GetForegroundVolumeID(), node.GetForegroundOpacity()) for node in nodes]

    def _slice_offsets(self) -> list[float]:
        nodes = slicer.util.getNodesByClass("vtkMRMLSliceNode")
        return [round(node.GetSliceOffset(), 3) for node in nodes]
