"""The module in the host; needs slicer-core and PySide6."""

from __future__ import annotations

import sys

import numpy as np
import pytest

from tests.architecture.layers import ROOT
from tests.gui import cases

_REASON = "needs slicer-core==5.12.4.0, PySide6-Essentials==6.8.3 and the system's libEGL; see CONTRIBUTING.md"


def needs(module: str):
    """Import a module, or skip where it or a library that it needs is missing."""
    return pytest.importorskip(module, reason=_REASON, exc_type=ImportError)


@pytest.fixture(scope="session")
def host():
    """The scene of the running host."""
    return needs("tests.qt_host.application").start()


@pytest.fixture
def hidden_failures(monkeypatch):
    """Exceptions in observers of VTK and slots of Qt, which are printed and otherwise lost."""
    failures = []

    def note(kind, error, _traceback):
        failures.append(f"{kind.__name__}: {error}")

    monkeypatch.setattr(sys, "excepthook", note)
    yield failures
    assert failures == []


@pytest.fixture
def module(host, tmp_path, monkeypatch, hidden_failures):
    """The module in an empty scene without settings, entered; its worker is ended afterwards."""
    needs("PySide6.QtCore").QSettings().clear()
    loader = needs("tests.qt_host.module")
    monkeypatch.setattr(loader.slicer.app, "temporaryPath", str(tmp_path / "temporary"))
    host.Clear(False)
    loaded = loader.load_module(ROOT / "MoBSegmentation" / "MoBSegmentation.py")
    yield loaded
    loader.unload_module(loaded)
    host.Clear(False)


@pytest.fixture
def no_worker(monkeypatch):
    """Choosing an image starts no worker, which would take seconds."""
    controller = needs("MoBSegmentationLib.run_controller")
    monkeypatch.setattr(controller.RunController, "warm_up", lambda self: None)


@pytest.fixture
def open_result(module, tmp_path):
    """Loads a new small result and opens it, as after a run."""
    slicer = needs("slicer")
    loader = needs("MoBSegmentationLib.result_loader")

    def load(name: str = "CT", **options):
        folder = tmp_path / f"prediction_{len(list(tmp_path.iterdir()))}"
        cases.write_prediction(folder, **options)
        image = slicer.util.addVolumeFromArray(
            np.zeros(cases.SHAPE, np.int16), ijkToRAS=cases.IJK_TO_RAS_MM, name=name
        )
        nodes = loader.load_result(folder, image, slicer.mrmlScene)
        module.widget.logic.getParameterNode().result = nodes.result
        module.panel.exit()
        module.panel.enter()
        return nodes

    return load
