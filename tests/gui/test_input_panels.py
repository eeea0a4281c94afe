"""Choosing image, model, region and device; installing what is missing."""

from __future__ import annotations

import numpy as np
import pytest

from mobseg.errors import OutputError
from tests.architecture.layers import ROOT
from tests.gui.conftest import needs

slicer = needs("slicer")
environment = needs("MoBSegmentationLib.slicer_environment")
controller = needs("MoBSegmentationLib.run_controller")
pytestmark = [pytest.mark.slicer, pytest.mark.usefixtures("no_worker")]

SAMPLE = ROOT / "core" / "mobseg" / "resources" / "sample" / "ct.nii.gz"


def _add_image(name: str = "CT"):
    return slicer.util.addVolumeFromArray(np.zeros((10, 12, 14), np.int16), name=name)


@pytest.fixture
def ui(module):
    return module.widget.ui


@pytest.fixture
def requests(monkeypatch):
    """Requests that the controller is given, instead of a run."""
    given = []
    monkeypatch.setattr(
        controller.RunController, "start", lambda self, request: given.append(request)
    )
    return given


@pytest.fixture
def dialogs(module, monkeypatch):
    """Answers of the user: paths to choose, and all texts that were shown."""
    own = module.widget.panel.services.dialogs
    answers = {"path": None, "texts": []}
    monkeypatch.setattr(own, "open_file", lambda *_: answers["path"], raising=False)
    monkeypatch.setattr(own, "open_folder", lambda *_: answers["path"], raising=False)
    monkeypatch.setattr(
        own, "show_text", lambda _, text: answers["texts"].append(text), raising=False
    )
    return answers


def _menu_entry(ui, start: str):
    return next(a for a in ui.modelMenuButton.menu().actions() if a.text.startswith(start))


def test_the_loaded_image_is_chosen_when_the_module_is_opened(module, ui) -> None:
    image = _add_image()
    module.panel.exit()
    module.panel.enter()
    assert ui.volumeSelector.currentNode() is image
    assert ui.segmentButton.enabled


def test_an_image_that_is_loaded_later_is_chosen(ui) -> None:
    image = slicer.util.loadVolume(str(SAMPLE))
    slicer.app.processEvents()
    assert ui.volumeSelector.currentNode() is image
    assert ui.segmentButton.enabled
    _add_image("another")
    slicer.app.processEvents()
    assert ui.volumeSelector.currentNode() is image


def test_the_shipped_model_says_what_it_is_for(ui, dialogs) -> None:
    assert "parotid glands" in ui.intendedUseLabel.text
    assert "Research use only" in ui.intendedUseLabel.text
    _menu_entry(ui, "About").trigger()
    assert "OpenKBP" in dialogs["texts"][0]
    assert "Limits" in dialogs["texts"][0]
    ui.modelMenuButton.menu().aboutToShow.emit()
    assert not _menu_entry(ui, "Remove").enabled


def test_a_model_that_is_no_bundle_is_refused_in_a_sentence(ui, dialogs, tmp_path) -> None:
    dialogs["path"] = tmp_path / "model.zip"
    dialogs["path"].write_bytes(b"no zip")
    _menu_entry(ui, "Import").trigger()
    assert not ui.messageFrame.isHidden()
    assert ui.messageLabel.text.endswith(".")
    assert ui.modelSelector.count == 2


def test_a_folder_without_a_model_is_refused(ui, dialogs, tmp_path) -> None:
    dialogs["path"] = tmp_path
    _menu_entry(ui, "Add a folder").trigger()
    assert not ui.messageFrame.isHidden()
    assert ui.modelSelector.count == 2


def test_the_request_is_what_was_chosen(ui, requests) -> None:
    ui.volumeSelector.setCurrentNode(_add_image())
    ui.segmentButton.click()
    (request,) = requests
    assert request.model == "parotid-mob-v1"
    assert request.device == "auto"
    assert request.roi_ras_mm is None
    assert request.folder.input.is_file()
    request.folder.remove()


def test_a_region_of_interest_is_sent_as_a_box(ui, requests) -> None:
    ui.volumeSelector.setCurrentNode(_add_image())
    roi = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLMarkupsROINode")
    roi.SetCenter(5.0, 6.0, 4.0)
    roi.SetSize(4.0, 6.0, 2.0)
    ui.roiSelector.setCurrentNode(roi)
    ui.segmentButton.click()
    assert requests[0].roi_ras_mm == pytest.approx((3.0, 7.0, 3.0, 9.0, 3.0, 5.0))
    requests[0].folder.remove()


def test_a_new_region_starts_as_half_of_the_image(ui, requests) -> None:
    ui.volumeSelector.setCurrentNode(_add_image())  # 14 x 12 x 10 voxels of 1 mm
    ui.roiSelector.addNode("vtkMRMLMarkupsROINode")
    ui.segmentButton.click()
    assert requests[0].roi_ras_mm == pytest.approx((3.0, 10.0, 2.5, 8.5, 2.0, 7.0))
    requests[0].folder.remove()


def test_a_region_beside_the_image_is_refused_and_leaves_no_files(
    module, ui, requests, tmp_path
) -> None:
    ui.volumeSelector.setCurrentNode(_add_image())
    roi = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLMarkupsROINode")
    roi.SetCenter(500.0, 0.0, 0.0)
    roi.SetSize(4.0, 4.0, 4.0)
    ui.roiSelector.setCurrentNode(roi)
    ui.segmentButton.click()
    assert requests == []
    assert not ui.messageFrame.isHidden()
    assert list(module.widget.panel.services.temporary_folder.glob("mobseg-run-*")) == []


def test_a_full_disk_is_said_and_leaves_no_files(module, ui, requests, monkeypatch) -> None:
    bridge = needs("MoBSegmentationLib.mrml_bridge")

    def fail(*_):
        raise OutputError("The disk is full; free some space and try again.")

    monkeypatch.setattr(bridge, "export_volume", fail)
    ui.volumeSelector.setCurrentNode(_add_image())
    ui.segmentButton.click()
    assert ui.messageLabel.text == "The disk is full; free some space and try again."
    assert requests == []
    assert list(module.widget.panel.services.temporary_folder.glob("mobseg-run-*")) == []
    assert ui.segmentButton.enabled


class TestMissingPackages:
    """A Python in which one package is missing and cannot be had."""

    @pytest.fixture(autouse=True)
    def without_matplotlib(self, monkeypatch):
        there = environment.SlicerEnvironment.version_of

        def version_of(self, name):
            return None if name == "matplotlib" else there(self, name)

        def pip_install(self, arguments, on_line):
            on_line("ERROR: Could not find a version that satisfies the requirement")
            raise RuntimeError("pip failed")

        monkeypatch.setattr(environment.SlicerEnvironment, "version_of", version_of)
        monkeypatch.setattr(environment.SlicerEnvironment, "pip_install", pip_install)

    def test_the_button_says_what_is_to_be_done(self, ui) -> None:
        ui.volumeSelector.setCurrentNode(_add_image())
        assert not ui.segmentButton.enabled
        assert "Install" in ui.segmentButton.toolTip
        assert not ui.installFrame.isHidden()
        assert "matplotlib" in ui.installLabel.text

    def test_a_failed_installation_shows_its_cause_and_the_log(self, ui, dialogs) -> None:
        ui.installButton.click()
        assert "matplotlib could not be installed" in ui.messageLabel.text
        ui.messageDetailsButton.click()
        assert "Could not find a version" in dialogs["texts"][0]
        assert not ui.installFrame.isHidden()

    def test_the_check_names_what_is_missing(self, ui, dialogs) -> None:
        ui.checkInstallationButton.click()
        assert "MISSING  matplotlib" in dialogs["texts"][0]
        assert "OK  torch" in dialogs["texts"][0]
