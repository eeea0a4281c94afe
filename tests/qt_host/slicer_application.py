"""``slicer.app``, its module manager and its main window."""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path
from typing import Any, ClassVar

import slicer
from PySide6.QtCore import QObject, QSettings, Signal
from PySide6.QtWidgets import QApplication, QMainWindow


class qSlicerModuleManager(QObject):
    """Knows the modules, and says when one is about to be unloaded."""

    CPP_SIGNALS: ClassVar[dict[str, str]] = {
        "moduleAboutToBeUnloaded(QString)": "moduleAboutToBeUnloaded"
    }
    moduleAboutToBeUnloaded = Signal(str)

    def module(self, name: str) -> Any:
        return getattr(slicer.modules, name.lower(), None)


class qSlicerMainWindow(QMainWindow):
    """The window that ``slicer.util.mainWindow`` finds by its name; it holds the module's panel."""

    CPP_SIGNALS: ClassVar[dict[str, str]] = {}


class qSlicerApplication(QApplication):
    """What the module calls of ``slicer.app``; anything else raises AttributeError."""

    CPP_SIGNALS: ClassVar[dict[str, str]] = {"startupCompleted()": "startupCompleted"}
    startupCompleted = Signal()

    def __init__(self, headless: Any) -> None:
        super().__init__(["qt_host"])
        self._headless = headless
        self._modules = qSlicerModuleManager()
        self._window = qSlicerMainWindow()
        self._window.setObjectName("qSlicerMainWindow")
        self._home = _make_home()

    @property
    def slicerHome(self) -> str:
        return str(self._home)

    @property
    def temporaryPath(self) -> str:
        return self._headless.temporaryPath

    @temporaryPath.setter
    def temporaryPath(self, path: str) -> None:
        self._headless.temporaryPath = path

    def mrmlScene(self) -> Any:
        return self._headless.mrmlScene()

    def applicationLogic(self) -> Any:
        return self._headless.applicationLogic()

    def coreIOManager(self) -> Any:
        return self._headless.coreIOManager()

    def moduleManager(self) -> qSlicerModuleManager:
        return self._modules

    def userSettings(self) -> QSettings:
        return QSettings()

    def testingEnabled(self) -> bool:
        return True


def _make_home() -> Path:
    """A folder with ``bin/PythonSlicer``, which here is the Python that runs the tests."""
    home = Path(tempfile.mkdtemp(prefix="slicer home "))
    program = home / "bin" / "PythonSlicer"
    program.parent.mkdir()
    program.write_text(f'#!/bin/sh\nexec "{sys.executable}" "$@"\n', encoding="utf-8")
    program.chmod(0o755)
    return home


def make_application(headless: Any) -> qSlicerApplication:
    """The one application of the process.

    Raises:
        RuntimeError: the process has a Qt application of another class.
    """
    if QApplication.instance() is not None:
        raise RuntimeError("the process has a Qt application already; start the host first")
    application = qSlicerApplication(headless)
    application.setStyle("Fusion")
    return application
