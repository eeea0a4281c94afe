"""Export of a review from the panel."""

from __future__ import annotations

import csv

import pytest

from tests.gui.conftest import needs

slicer = needs("slicer")
pytestmark = [pytest.mark.slicer, pytest.mark.usefixtures("no_worker")]


@pytest.fixture
def ui(module):
    return module.widget.ui


def test_each_export_makes_a_folder_with_the_decisions(ui, open_result, tmp_path) -> None:
    target = tmp_path / "Übergabe an Klinik"
    target.mkdir()
    open_result()
    ui.acceptButton.click()
    ui.exportFolderEdit.currentPath = str(target)
    ui.exportButton.click()
    assert ui.messageFrame.isHidden(), ui.messageLabel.text
    (made,) = target.iterdir()
    assert made.name in ui.exportLabel.text
    with (made / "decisions.csv").open(encoding="utf-8") as file:
        statuses = [row["status"] for row in csv.DictReader(file)]
    assert statuses == ["accepted", "open", "open"]


def test_without_a_folder_the_button_says_so(ui, open_result) -> None:
    assert "no result" in ui.exportButton.toolTip
    open_result()
    assert ui.exportButton.toolTip == "Choose a folder first."
    assert not ui.exportButton.enabled


def test_a_folder_that_cannot_be_written_is_said(ui, open_result, tmp_path) -> None:
    file = tmp_path / "a file"
    file.write_text("not a folder")
    open_result()
    ui.exportFolderEdit.currentPath = str(file)
    ui.exportButton.click()
    assert not ui.messageFrame.isHidden()
    assert ui.messageDetailsButton.isHidden()  # a sentence of its own, not an unexpected failure
    assert ui.exportLabel.text == ""
    assert file.read_text() == "not a folder"
