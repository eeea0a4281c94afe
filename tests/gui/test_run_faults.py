"""What can happen to a run, as the user sees it: one sentence, an intact scene, and the next click works."""

from __future__ import annotations

import errno
import os
import signal
from pathlib import Path

import numpy as np
import pytest

from mobseg.errors import MobsegError
from tests.architecture.layers import ROOT
from tests.gui.conftest import needs

slicer = needs("slicer")
wait_until = needs("tests.gui.waiting").wait_until
pytestmark = [pytest.mark.slicer, pytest.mark.slow]

SAMPLE = ROOT / "core" / "mobseg" / "resources" / "sample" / "ct.nii.gz"


@pytest.fixture
def ui(module):
    return module.widget.ui


@pytest.fixture
def image(ui):
    node = slicer.util.loadVolume(str(SAMPLE))
    ui.volumeSelector.setCurrentNode(node)
    return node


@pytest.fixture
def running(ui, image):
    """A run whose worker has begun to predict."""
    ui.segmentButton.click()
    wait_until(lambda: ui.runProgressBar.value > 0, "progress")
    return image


def _has_ended(ui) -> bool:
    return not ui.cancelButton.enabled


def _worker_pids() -> list[int]:
    """Child processes of this one that run the worker."""
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            parent = int((folder / "stat").read_text().rpartition(")")[2].split()[1])
            command = (folder / "cmdline").read_bytes()
        except OSError:
            continue  # it has ended meanwhile
        if parent == os.getpid() and b"mobseg.worker" in command:
            found.append(int(folder.name))
    return found


@pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="finds the worker through /proc")
def test_after_the_worker_was_killed_the_next_click_works(ui, running) -> None:
    (pid,) = _worker_pids()
    os.kill(pid, signal.SIGKILL)
    wait_until(lambda: _has_ended(ui), "the end of the run")
    assert not ui.messageFrame.isHidden()
    assert len(ui.messageLabel.text) > 20
    assert "Traceback" not in ui.messageLabel.text
    ui.segmentButton.click()
    assert ui.messageFrame.isHidden()
    wait_until(lambda: _has_ended(ui), "the second run", seconds=300)
    assert ui.regionTable.rowCount > 0


def test_deleting_the_image_stops_its_run(ui, running) -> None:
    slicer.mrmlScene.RemoveNode(running)
    nodes = slicer.mrmlScene.GetNumberOfNodes()
    wait_until(lambda: _has_ended(ui), "the end of the run", seconds=15)
    assert "deleted" in ui.messageLabel.text
    assert slicer.mrmlScene.GetNumberOfNodes() == nodes
    assert ui.regionTable.rowCount == 0


def test_closing_the_scene_cancels_the_run(ui, running) -> None:
    slicer.mrmlScene.Clear(False)
    wait_until(lambda: _has_ended(ui), "the end of the run", seconds=15)
    assert slicer.mrmlScene.GetNumberOfNodesByClass("vtkMRMLSegmentationNode") == 0
    assert ui.messageFrame.isHidden()
    assert not ui.segmentButton.enabled


def test_bad_input_is_said_in_the_tooltip(ui) -> None:
    empty = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLScalarVolumeNode", "empty")
    ui.volumeSelector.setCurrentNode(empty)
    assert not ui.segmentButton.enabled
    assert "no voxels" in ui.segmentButton.toolTip


def test_an_image_without_a_display_node_can_be_chosen(ui) -> None:
    node = slicer.util.addVolumeFromArray(np.zeros((4, 5, 6), np.int16))
    node.SetAndObserveDisplayNodeID(None)
    ui.volumeSelector.setCurrentNode(node)
    assert ui.segmentButton.enabled


def test_an_unexpected_failure_names_code_positions_only(module, monkeypatch) -> None:
    panel, ui, shown = module.widget.panel, module.widget.ui, []
    monkeypatch.setattr(
        panel.services.dialogs, "show_text", lambda _, text: shown.append(text), raising=False
    )
    file = "Jane Doe.nii"
    with panel.messages.reporting():
        raise ZeroDivisionError(file)
    assert "ZeroDivisionError" in ui.messageLabel.text
    ui.messageDetailsButton.click()
    assert "test_run_faults.py" in shown[0]
    assert "Jane" not in ui.messageLabel.text + shown[0]


def test_a_full_disk_in_the_viewer_is_said(module) -> None:
    with module.widget.panel.messages.reporting():
        raise OSError(errno.ENOSPC, "No space left on device")
    assert "disk is full" in module.widget.ui.messageLabel.text


def test_a_known_failure_is_shown_as_its_sentence(module) -> None:
    with module.widget.panel.messages.reporting():
        raise MobsegError("The disk is full; free some space.")
    ui = module.widget.ui
    assert ui.messageLabel.text == "The disk is full; free some space."
    assert ui.messageDetailsButton.isHidden()
    ui.messageCloseButton.click()
    assert ui.messageFrame.isHidden()
