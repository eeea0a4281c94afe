"""The module in the host; needs slicer-core and PySide6."""

from __future__ import annotations

import pytest

from tests.architecture.layers import ROOT

REASON = "needs slicer-core==5.12.4.0 and PySide6-Essentials==6.8.3; see CONTRIBUTING.md"


@pytest.fixture(scope="session")
def host():
    """The scene of the running host."""
    return pytest.importorskip("tests.qt_host.application", reason=REASON).start()


@pytest.fixture
def module(host, tmp_path, monkeypatch):
    """The module in an empty scene, entered; its worker is ended afterwards."""
    loader = pytest.importorskip("tests.qt_host.module", reason=REASON)
    monkeypatch.setattr(loader.slicer.app, "temporaryPath", str(tmp_path / "temporary"))
    host.Clear(False)
    loaded = loader.load_module(ROOT / "MoBSegmentation" / "MoBSegmentation.py")
    yield loaded
    loader.unload_module(loaded)
    host.Clear(False)


@pytest.fixture
def no_worker(monkeypatch):
    """Choosing an image starts no worker, which would take seconds."""
    controller = pytest.importorskip("MoBSegmentationLib.run_controller", reason=REASON)
    monkeypatch.setattr(controller.RunController, "warm_up", lambda self: None)
