"""Slice and 3D views that draw into memory, from Slicer's own displayable managers."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import slicer
import vtk
from vtk.util.numpy_support import numpy_to_vtk, vtk_to_numpy

Picture = npt.NDArray[np.uint8]

_SLICE_MANAGERS = (
    "vtkMRMLModelSliceDisplayableManager",
    "vtkMRMLCrosshairDisplayableManager",
    "vtkMRMLSegmentationsDisplayableManager2D",
    "vtkMRMLMarkupsDisplayableManager",
    "vtkMRMLColorLegendDisplayableManager",
)
_3D_MANAGERS = (
    "vtkMRMLCameraDisplayableManager",
    "vtkMRMLViewDisplayableManager",
    "vtkMRMLModelDisplayableManager",
    "vtkMRMLSegmentationsDisplayableManager3D",
    "vtkMRMLMarkupsDisplayableManager",
    "vtkMRMLColorLegendDisplayableManager",
)


class _View:
    """A window in memory whose content displayable managers draw."""

    def __init__(
        self, factory_class: Any, managers: tuple[str, ...], size: tuple[int, int]
    ) -> None:
        self.application_logic = slicer.app.applicationLogic()
        self.renderer = vtk.vtkRenderer()
        self.window = vtk.vtkRenderWindow()
        self.window.SetOffScreenRendering(1)
        self.window.SetMultiSamples(0)
        self.window.SetSize(*size)
        self.window.AddRenderer(self.renderer)
        self._interactor = vtk.vtkRenderWindowInteractor()
        self._interactor.SetRenderWindow(self.window)
        self._interactor.Initialize()
        self._managers = slicer.vtkMRMLDisplayableManagerGroup()
        self._managers.SetRenderer(self.renderer)
        factory = factory_class.GetInstance()
        factory.SetMRMLApplicationLogic(self.application_logic)
        for manager in managers:
            if not factory.IsDisplayableManagerRegistered(manager):
                factory.RegisterDisplayableManager(manager)
        self._managers.Initialize(factory, self.renderer)

    def image(self) -> Picture:
        """(height, width, 3), the first row on top."""
        self.window.Render()
        grab = vtk.vtkWindowToImageFilter()
        grab.SetInput(self.window)
        grab.ReadFrontBufferOff()
        grab.Update()
        output = grab.GetOutput()
        width, height, _ = output.GetDimensions()
        pixels = vtk_to_numpy(output.GetPointData().GetScalars())
        return pixels.reshape(height, width, -1)[::-1].copy()

    def show(self, node: Any) -> None:
        """Have the managers draw what belongs into the view of this node."""
        node.SetMappedInLayout(1)
        self._managers.SetMRMLDisplayableNode(node)


class SliceView(_View):
    """A slice view: ``SliceView("Red", "Axial")``; one of each name in a process."""

    def __init__(self, name: str, orientation: str, size: tuple[int, int] = (500, 400)) -> None:
        super().__init__(slicer.vtkMRMLSliceViewDisplayableManagerFactory, _SLICE_MANAGERS, size)
        self.renderer.GetActiveCamera().ParallelProjectionOn()
        mapper = vtk.vtkImageMapper()
        mapper.SetColorWindow(255)
        mapper.SetColorLevel(127.5)
        self._slice = vtk.vtkActor2D()
        self._slice.SetMapper(mapper)
        self._slice.GetProperty().SetDisplayLocationToBackground()
        self.logic = slicer.vtkMRMLSliceLogic()
        self.logic.SetMRMLApplicationLogic(self.application_logic)
        self.application_logic.GetSliceLogics().AddItem(self.logic)
        self.logic.SetMRMLScene(slicer.mrmlScene)
        self.node = self.logic.AddSliceNode(name)
        self._orientation = orientation
        self._size = size
        self.set_up()
        self.renderer.AddViewProp(self._slice)

    def set_up(self) -> None:
        """What is lost when the scene is cleared."""
        self.node.SetOrientation(self._orientation)
        self.logic.ResizeSliceNode(*self._size)
        self.show(self.node)

    def fit(self) -> None:
        """Show the whole background volume."""
        self.logic.FitSliceToBackground()
        self.logic.SnapSliceOffsetToIJK()

    def image(self) -> Picture:
        connection = self.logic.GetImageDataConnection()
        self._slice.GetMapper().SetInputConnection(connection)
        self._slice.SetVisibility(bool(connection))
        return super().image()


class ThreeDView(_View):
    """A 3D view."""

    def __init__(self, name: str = "1", size: tuple[int, int] = (500, 400)) -> None:
        super().__init__(slicer.vtkMRMLThreeDViewDisplayableManagerFactory, _3D_MANAGERS, size)
        self.logic = slicer.vtkMRMLViewLogic()
        self.logic.SetMRMLApplicationLogic(self.application_logic)
        self.application_logic.GetViewLogics().AddItem(self.logic)
        self.logic.SetMRMLScene(slicer.mrmlScene)
        self.node = self.logic.AddViewNode(name)
        self.show(self.node)

    def fit(self) -> None:
        """Show everything."""
        self.renderer.ResetCamera()


def write_png(picture: Picture, path: Path) -> None:
    """Write a picture from :meth:`SliceView.image`."""
    height, width, _ = picture.shape
    image = vtk.vtkImageData()
    image.SetDimensions(width, height, 1)
    pixels = numpy_to_vtk(picture[::-1].reshape(height * width, -1), deep=True)
    image.GetPointData().SetScalars(pixels)
    writer = vtk.vtkPNGWriter()
    writer.SetFileName(str(path))
    writer.SetInputData(image)
    writer.Write()
