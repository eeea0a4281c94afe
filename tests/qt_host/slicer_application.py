"""``slicer.app``, its module manager and its main window."""

from __future__ import annotations

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

    @property
    def temporaryPath(self) -> str:
        return self._headless.temporaryPath

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
