"""Review of small results in the panel."""

from __future__ import annotations

import numpy as np
import pytest

from tests.gui.cases import BLOBS
from tests.gui.conftest import needs
from tests.support.predictions import LEFT

slicer = needs("slicer")
vtk = needs("vtk")
pytestmark = [pytest.mark.slicer, pytest.mark.usefixtures("no_worker")]

STATUS = 5


@pytest.fixture
def ui(module):
    return module.widget.ui


def _status(ui, row: int) -> str:
    return ui.regionTable.item(row, STATUS).text()


def _voxels(nodes) -> np.ndarray:
    segment_id = nodes.segmentation.GetSegmentation().GetNthSegmentID(0)
    return slicer.util.arrayFromSegmentBinaryLabelmap(nodes.segmentation, segment_id, nodes.score)


def _paint_everything(nodes) -> None:
    segment = nodes.segmentation.GetSegmentation().GetNthSegment(0)
    stroke, matrix = slicer.vtkOrientedImageData(), vtk.vtkMatrix4x4()
    stroke.DeepCopy(nodes.prediction.GetImageData())
    nodes.prediction.GetIJKToRASMatrix(matrix)
    stroke.SetGeometryFromImageToWorldMatrix(matrix)
    stroke.GetPointData().GetScalars().Fill(segment.GetLabelValue())
    logic = slicer.vtkSlicerSegmentationsModuleLogic
    segment_id = nodes.segmentation.GetSegmentation().GetNthSegmentID(0)
    logic.SetBinaryLabelmapToSegment(
        stroke, nodes.segmentation, segment_id, logic.MODE_MERGE_MAX, stroke.GetExtent()
    )


def test_a_result_in_the_scene_is_opened_at_its_first_region(ui, open_result) -> None:
    open_result()
    assert ui.regionTable.rowCount == 3
    assert ui.regionTable.currentRow() == 0
    assert ui.regionTable.item(0, 1).text() == LEFT.name
    assert float(ui.regionTable.item(0, 2).text()) == pytest.approx(1.73)  # 12 x 12 x 12 mm
    assert ui.thresholdLabel.text.startswith("3 regions, 2.8 mL")
    assert not ui.reviewSection.collapsed


def test_without_a_result_review_and_export_are_folded(ui) -> None:
    assert ui.reviewSection.collapsed
    assert ui.exportSection.collapsed
    assert not ui.acceptButton.enabled
    assert ui.acceptButton.toolTip == "Select a region first."
    assert "no result" in ui.mapSelector.toolTip


def test_controls_explain_themselves_once_they_can_be_used(ui, open_result) -> None:
    open_result()
    assert ui.acceptButton.enabled
    assert "(A)" in ui.acceptButton.toolTip
    for row in range(3):
        ui.regionTable.selectRow(row)
        ui.acceptButton.click()
    assert ui.nextOpenButton.toolTip == "There are no open regions."
    assert not ui.nextOpenButton.enabled


def test_the_open_panel_is_at_most_400_pixels_wide(module, ui, open_result) -> None:
    open_result("A CT with a name that is far too long for any panel, and goes on and on")
    ui.editButton.click()
    module.widget.panel.messages.show_error("A sentence that is long enough to wrap. " * 4, "log")
    slicer.app.processEvents()
    assert module.panel.minimumSizeHint.width() <= 400


def test_a_decision_goes_on_to_the_next_open_region(ui, open_result) -> None:
    open_result()
    ui.acceptButton.click()
    assert ui.regionTable.currentRow() == 1
    ui.regionTable.selectRow(2)
    ui.rejectButton.click()
    assert [_status(ui, row) for row in range(3)] == ["accepted", "open", "rejected"]
    assert ui.regionTable.currentRow() == 1
    assert ui.reviewLabel.text == "2 of 3"
    assert ui.reviewProgressBar.value == 2


def test_the_same_decision_once_more_takes_it_back(ui, open_result) -> None:
    open_result()
    ui.acceptButton.click()
    ui.previousButton.click()
    ui.acceptButton.click()
    assert _status(ui, 0) == "open"
    assert ui.regionTable.currentRow() == 0
    assert ui.reviewLabel.text == "0 of 3"


def test_a_comment_belongs_to_its_region(ui, open_result) -> None:
    open_result()
    ui.commentEdit.setText("blurred border")
    ui.acceptButton.click()
    assert ui.commentEdit.text == ""
    ui.previousButton.click()
    assert ui.commentEdit.text == "blurred border"
    assert "blurred border" in ui.regionTable.item(0, 1).toolTip()


def test_decisions_and_initials_come_back_with_the_result(ui, open_result) -> None:
    open_result("first")
    ui.initialsEdit.setText("AB")
    ui.initialsEdit.editingFinished.emit()
    ui.acceptButton.click()
    open_result("second")
    assert ui.initialsEdit.text == ""
    assert ui.reviewLabel.text == "0 of 3"
    ui.resultSelector.setCurrentIndex(0)
    assert ui.initialsEdit.text == "AB"
    assert _status(ui, 0) == "accepted"


def test_results_of_images_with_one_name_are_told_apart(ui, open_result) -> None:
    open_result("CT")
    open_result("CT")
    titles = [ui.resultSelector.itemText(n) for n in range(ui.resultSelector.count)]
    assert titles == ["1: CT", "2: CT"]
    segmentations = slicer.util.getNodesByClass("vtkMRMLSegmentationNode")
    assert [node.GetDisplayVisibility() for node in segmentations] == [0, 1]


def test_removing_a_result_leaves_the_scene_as_before(ui, open_result) -> None:
    image = open_result().source
    ui.removeResultButton.click()
    assert ui.resultSelector.count == 0
    assert ui.reviewSection.collapsed
    assert image.GetScene() is slicer.mrmlScene
    assert slicer.mrmlScene.GetNumberOfNodesByClass("vtkMRMLSegmentationNode") == 0
    assert slicer.mrmlScene.GetNumberOfNodesByClass("vtkMRMLScalarVolumeNode") == 1


def test_a_deleted_segmentation_closes_the_result(ui, open_result) -> None:
    nodes = open_result()
    slicer.mrmlScene.RemoveNode(nodes.segmentation)
    assert "deleted" in ui.messageLabel.text
    assert ui.regionTable.rowCount == 0
    assert ui.resultSelector.count == 0


def test_including_is_undone_by_the_editor(module, ui, open_result) -> None:
    nodes = open_result()
    before = _voxels(nodes).copy()
    ui.excludeButton.click()
    assert _voxels(nodes)[BLOBS[0]].sum() == 0
    assert _voxels(nodes)[BLOBS[1]].all()
    assert _status(ui, 0) == "edited"
    module.widget.panel.edit.editor.undo()
    np.testing.assert_array_equal(_voxels(nodes), before)


def test_editing_is_restricted_only_while_the_toggle_is_on(ui, open_result) -> None:
    nodes = open_result()
    before = _voxels(nodes).copy()
    ui.editButton.click()
    _paint_everything(nodes)
    np.testing.assert_array_equal(
        _voxels(nodes), before
    )  # all that is flagged was labelled already
    ui.restrictCheckBox.setChecked(False)
    _paint_everything(nodes)
    assert _voxels(nodes).all()
    assert _status(ui, 0) == "edited"


def test_leaving_the_module_ends_editing(module, ui, open_result) -> None:
    open_result()
    ui.editButton.click()
    assert module.widget.panel.review.editing.enabled
    module.panel.exit()
    assert not ui.editButton.checked
    assert not module.widget.panel.review.editing.enabled


def test_slider_number_and_words_agree(ui, open_result) -> None:
    open_result()
    ui.thresholdSlider.setValue(ui.thresholdSlider.maximum)
    assert ui.thresholdSpinBox.value == pytest.approx(0.2, rel=0.05)
    assert ui.regionTable.rowCount == 1
    assert ui.thresholdLabel.text.startswith("1 region,")
    ui.thresholdSpinBox.setValue(0.14)
    assert ui.regionTable.rowCount == 2
    assert 0 < ui.thresholdSlider.value < ui.thresholdSlider.maximum
    ui.autoThresholdButton.click()
    assert ui.thresholdSpinBox.value == pytest.approx(0.05)
    assert ui.regionTable.rowCount == 3


def test_selecting_a_region_goes_to_its_peak(ui, open_result) -> None:
    view = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLSliceNode")
    view.SetOrientation("Axial")
    open_result()
    ui.regionTable.selectRow(2)
    assert view.GetSliceOffset() == pytest.approx(3.0 * BLOBS[2][0].start)


def test_maps_of_a_deterministic_model_are_not_called_variance(ui, open_result) -> None:
    open_result(is_stochastic=False)
    titles = [ui.mapSelector.itemText(n) for n in range(ui.mapSelector.count)]
    assert titles
    assert all(title.startswith(("Disagreement", "Entropy", "Probability")) for title in titles)


def test_closing_the_scene_while_editing_leaves_an_empty_panel(ui, open_result) -> None:
    open_result()
    ui.editButton.click()
    slicer.mrmlScene.Clear(False)
    assert not ui.editButton.checked
    assert ui.regionTable.rowCount == 0
    assert ui.resultSelector.count == 0
    open_result()
    assert ui.regionTable.rowCount == 3


def test_a_scene_is_loaded_over_a_review_that_is_being_edited(ui, open_result, tmp_path) -> None:
    open_result()
    ui.acceptButton.click()
    bundle = tmp_path / "half done.mrb"
    assert slicer.util.saveScene(str(bundle))
    ui.editButton.click()
    slicer.util.loadScene(str(bundle))
    assert not ui.editButton.checked
    assert _status(ui, 0) == "accepted"
    assert ui.regionTable.currentRow() == 1
