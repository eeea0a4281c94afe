"""Loads a scripted module as 3D Slicer's factory does."""

from __future__ import annotations

import importlib.util
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import slicer
from shiboken6 import delete

from tests.qt_host.mrml_widgets import qMRMLWidget, qSlicerScriptedLoadableModuleWidget


class ModuleRepresentation:
    """What ``slicer.modules.NAME`` is: the constructor of the module sets title, help and so on."""

    def __init__(self, name: str, path: Path) -> None:
        self.name = name
        self.path = str(path)
        self.panel: Any = None

    def widgetRepresentation(self) -> Any:
        return self.panel


@dataclass(frozen=True)
class LoadedModule:
    """A scripted module with its panel.

    Attributes:
        python: the imported file.
        panel: the container, a ``qSlicerScriptedLoadableModuleWidget``.
        widget: the module's widget class, inside it.
    """

    python: Any
    panel: Any
    widget: Any


def load_module(path: Path) -> LoadedModule:
    """Import the file, make the module and its panel, dock the panel in the main window and enter it."""
    name = path.stem
    spec = importlib.util.spec_from_file_location(name, path)
    assert spec and spec.loader
    python = importlib.util.module_from_spec(spec)
    sys.modules[name] = python
    spec.loader.exec_module(python)
    representation = ModuleRepresentation(name, path)
    setattr(slicer.modules, name.lower(), representation)
    representation.module = getattr(python, name)(representation)
    slicer.app.startupCompleted.emit()
    panel = qSlicerScriptedLoadableModuleWidget(getattr(python, f"{name}Widget"))
    representation.panel = panel
    slicer.util.mainWindow().setCentralWidget(panel)
    select_module(name)
    return LoadedModule(python, panel, panel.self())


def select_module(name: str) -> None:
    """``slicer.util.selectModule``: enter a module, unless it is open already."""
    panel = slicer.util.getModule(name).widgetRepresentation()
    if not panel.isEntered:
        panel.enter()


def unload_module(loaded: LoadedModule) -> None:
    """Leave the module and delete its panel, as the application does when it closes."""
    loaded.panel.exit()
    loaded.widget.cleanup()
    for widget in loaded.panel.findChildren(qMRMLWidget):
        widget.setMRMLScene(None)  # no widget may follow the scenes of later tests
    window = slicer.util.mainWindow()
    window.takeCentralWidget()
    window.hide()
    delete(loaded.panel)
