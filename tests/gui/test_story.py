"""The whole use of the module with the real worker, the shipped model and the shipped CT."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tests.gui.conftest import needs

pytestmark = [pytest.mark.slicer, pytest.mark.slow]


def test_story(module) -> None:
    """Runs what 3D Slicer runs; pictures go into the folder that ``MOBSEG_SCREENSHOTS`` names."""
    folder = os.environ.get("MOBSEG_SCREENSHOTS")
    if folder:
        Path(folder).mkdir(parents=True, exist_ok=True)
    views = needs("tests.gui.views").FourViews()
    module.panel.window().show()

    def show(step: str) -> None:
        if not folder:
            return
        if step.startswith("1 "):
            views.fit()
        elif step.startswith("4 "):
            views.zoom(millimetres=260)
        views.save_with_panel(module.panel, Path(folder) / f"{step.replace(' ', '_')}.png")

    case = module.python.MoBSegmentationTest()
    case.delayDisplay = show
    case.runTest()
