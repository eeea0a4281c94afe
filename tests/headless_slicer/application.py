"""Sets up what the 3D Slicer application has set up when a module starts."""

from __future__ import annotations

import functools
import sys
import tempfile
import types
from typing import Any

import slicer
import slicer.util
import vtk

from tests.headless_slicer.file_manager import FileManager

#: Module names and the classes of their logics.
_LOGICS = {
    "Colors": "vtkSlicerColorLogic",
    "Volumes": "vtkSlicerVolumesLogic",
    "SubjectHierarchy": "vtkSlicerSubjectHierarchyModuleLogic",
    "Segmentations": "vtkSlicerSegmentationsModuleLogic",
    "Models": "vtkSlicerModelsLogic",
    "Markups": "vtkSlicerMarkupsLogic",
    "Tables": "vtkSlicerTablesLogic",
    "Transforms": "vtkSlicerTransformLogic",
    "Units": "vtkSlicerUnitsLogic",
}


class Module:
    """A loaded module, as ``slicer.modules.NAME``."""

    def __init__(self, name: str, logic: Any) -> None:
        self.name = name
        self._logic = logic

    def logic(self) -> Any:
        return self._logic


class Application:
    """The part of ``slicer.app`` that needs no Qt."""

    def __init__(self, logic: Any) -> None:
        self.temporaryPath = tempfile.gettempdir()
        self._logic = logic
        self._files = FileManager()

    def applicationLogic(self) -> Any:
        return self._logic

    def mrmlScene(self) -> Any:
        return slicer.mrmlScene

    def coreIOManager(self) -> FileManager:
        return self._files

    def ioManager(self) -> FileManager:
        return self._files


@functools.cache
def application() -> Any:
    """Make the application once; returns its scene, which is ``slicer.mrmlScene`` too."""
    scene = slicer.vtkMRMLScene()
    slicer.mrmlScene = scene
    logic = _application_logic(scene)
    _register_remote_files(scene, logic)
    slicer.app = Application(logic)
    slicer.modules = types.ModuleType("slicer.modules")
    sys.modules["slicer.modules"] = slicer.modules
    for name, class_name in _LOGICS.items():
        module_logic = getattr(slicer, class_name)()
        module_logic.SetMRMLApplicationLogic(logic)
        module_logic.SetMRMLScene(scene)
        logic.SetModuleLogic(name, module_logic)
        setattr(slicer.modules, name.lower(), Module(name, module_logic))
    _name_submodules_as_slicer_does()
    return scene


def _application_logic(scene: Any) -> Any:
    logic = slicer.vtkSlicerApplicationLogic()
    logic.SetTemporaryPath(tempfile.gettempdir())
    logic.SetMRMLScene(scene)
    logic.SetSliceLogics(vtk.vtkCollection())
    logic.SetViewLogics(vtk.vtkCollection())
    logic.GetColorLogic().SetMRMLScene(scene)
    logic.GetColorLogic().AddDefaultColorNodes()
    for factory in ("SliceView", "ThreeDView"):
        manager = getattr(slicer, f"vtkMRML{factory}DisplayableManagerFactory")
        manager.GetInstance().SetMRMLApplicationLogic(logic)
    slicer.vtkMRMLSliceNode.AddDefaultSliceOrientationPresets(scene, True)
    crosshair = slicer.vtkMRMLCrosshairNode()
    crosshair.SetCrosshairName("default")
    scene.AddNode(crosshair)
    return logic


def _register_remote_files(scene: Any, application_logic: Any) -> None:
    """Needed for reading ``.mrb`` bundles, which takes the way of downloaded files."""
    remote = slicer.vtkMRMLRemoteIOLogic()
    cache = tempfile.mkdtemp(prefix="mrml_cache_")
    remote.GetCacheManager().SetRemoteCacheDirectory(cache)
    remote.SetMRMLScene(scene)
    remote.SetMRMLApplicationLogic(application_logic)
    remote.AddDataIOToScene()
    data = slicer.vtkDataIOManagerLogic()
    data.SetMRMLApplicationLogic(application_logic)
    data.SetMRMLScene(scene)
    data.SetAndObserveDataIOManager(remote.GetDataIOManager())
    # The scene does not own its logics.
    slicer._headless_logics = (remote, data)


def _name_submodules_as_slicer_does() -> None:
    """``slicer.util`` imports ``vtkITK`` and others by their names in 3D Slicer."""
    for name, module in list(sys.modules.items()):
        if name.startswith("slicer_core."):
            short = name.removeprefix("slicer_core.")
            sys.modules.setdefault(short, module)
            sys.modules.setdefault(f"{short}Python", module)
