"""The module in the host; needs slicer-core and PySide6."""

from __future__ import annotations

import pytest

from tests.architecture.layers import ROOT

_REASON = "needs slicer-core==5.12.4.0, PySide6-Essentials==6.8.3 and the system's libEGL; see CONTRIBUTING.md"


def needs(module: str):
    """Import a module, or skip where it or a library that it needs is missing."""
    return pytest.importorskip(module, reason=_REASON, exc_type=ImportError)


@pytest.fixture(scope="session")
def host():
    """The scene of the running host."""
    return needs("tests.qt_host.application").start()


@pytest.fixture
def module(host, tmp_path, monkeypatch):
    """The module in an empty scene, entered; its worker is ended afterwards."""
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
