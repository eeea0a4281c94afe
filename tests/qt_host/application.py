"""Starts the host: the ``qt`` and ``ctk`` modules, ``slicer.app``, and the classes a scripted module needs."""

from __future__ import annotations

import functools
import os
import sys
import tempfile
import types
from typing import Any

import slicer
from PySide6.QtCore import QCoreApplication, QSettings

from tests.headless_slicer import application as headless_application
from tests.qt_host import (
    ctk_widgets,
    mrml_widgets,
    pythonqt,
    sample_data,
    scripted_module,
    segment_editor_widget,
)
from tests.qt_host.module import select_module
from tests.qt_host.slicer_application import make_application
from tests.qt_host.ui_loader import QUiLoader


@functools.cache
def start() -> Any:
    """Start once a process; returns the scene, which is that of the headless application."""
    os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")
    scene = headless_application()
    pythonqt.apply()
    _isolate_settings()
    slicer.app = make_application(slicer.app)
    qt, ctk = types.ModuleType("qt"), types.ModuleType("ctk")
    qt.__dict__.update(pythonqt.flat_module_contents(), QUiLoader=QUiLoader)
    ctk.__dict__.update(ctk_widgets.WIDGETS)
    sys.modules.update(qt=qt, ctk=ctk, SampleData=sample_data)
    for name, widget in {**mrml_widgets.WIDGETS, **segment_editor_widget.WIDGETS}.items():
        setattr(slicer, name, widget)
    _add_submodule("ScriptedLoadableModule", scripted_module.SCRIPTED_LOADABLE_MODULE)
    _add_submodule("i18n", {"tr": scripted_module.tr, "translate": scripted_module.translate})
    wrapper = {"parameterNodeWrapper": scripted_module.parameterNodeWrapper}
    _add_submodule("parameterNodeWrapper", wrapper)
    slicer.util.selectModule = select_module
    return scene


def _isolate_settings() -> None:
    """Nothing of the user's own settings is read or written."""
    QSettings.setDefaultFormat(QSettings.Format.IniFormat)
    folder = tempfile.mkdtemp(prefix="qt_host_settings_")
    QSettings.setPath(QSettings.Format.IniFormat, QSettings.Scope.UserScope, folder)
    QCoreApplication.setOrganizationName("QtHost")
    QCoreApplication.setApplicationName("QtHost")


def _add_submodule(name: str, contents: dict[str, object]) -> None:
    module = types.ModuleType(f"slicer.{name}")
    module.__dict__.update(contents)
    setattr(slicer, name, module)
    sys.modules[f"slicer.{name}"] = module
