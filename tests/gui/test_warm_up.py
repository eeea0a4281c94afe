"""The worker starts before the first run, as soon as there is something to segment."""

from __future__ import annotations

import pytest

from tests.architecture.layers import ROOT
from tests.gui.conftest import needs

slicer = needs("slicer")
wait_until = needs("tests.gui.waiting").wait_until
pytestmark = pytest.mark.slicer

SAMPLE = ROOT / "core" / "mobseg" / "resources" / "sample" / "ct.nii.gz"


def test_choosing_an_image_lists_the_devices(module) -> None:
    ui = module.widget.ui
    assert ui.deviceSelector.itemText(0) == "Automatic"
    ui.volumeSelector.setCurrentNode(slicer.util.loadVolume(str(SAMPLE)))
    assert ui.segmentButton.enabled
    assert not ui.cancelButton.enabled
    wait_until(lambda: ui.deviceSelector.itemText(0) != "Automatic", "the devices")
    texts = [ui.deviceSelector.itemText(n) for n in range(ui.deviceSelector.count)]
    assert texts[0].startswith("Automatic: ")
    assert texts[-1].startswith("CPU, ")
    assert "not known before the first run" in ui.runLabel.text
