"""The whole use of the module with the real worker, the shipped model and the shipped CT."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tests.gui.conftest import REASON

Story = pytest.importorskip("MoBSegmentationLib.story", reason=REASON).Story
pytestmark = [pytest.mark.slicer, pytest.mark.slow]


def test_story(module) -> None:
    """Pictures of each step are written into the folder that ``MOBSEG_SCREENSHOTS`` names."""
    folder = os.environ.get("MOBSEG_SCREENSHOTS")
    views = pytest.importorskip("tests.gui.views", reason=REASON).FourViews()
    window = module.panel.window()
    window.resize(400, 1200)
    window.show()

    def show(step: str) -> None:
        if folder:
            if step.startswith("1 "):
                views.fit()
            elif step.startswith("4 "):
                views.zoom(millimetres=260)
            views.save_with_panel(module.panel, Path(folder) / f"{step.replace(' ', '_')}.png")

    Story(module.widget.ui, show).run()
