"""Surfaces of segments with a map painted on them."""

from __future__ import annotations

from typing import Any

import slicer
import vtk

from MoBSegmentationLib.heat_map import heat_map_color_id, largest_value
from MoBSegmentationLib.result_nodes import (
    SURFACE,
    ResultNodes,
    remove_with_dependants,
    surfaces_of,
)

_VALUES = "values"


def paint_surfaces(result: ResultNodes, volume: Any, title: str, scene: Any) -> None:
    """Show the surface of every segment, coloured by a map, instead of the segments in 3D.

    Args:
        result: the result; its result node keeps track of the surfaces.
        volume: map on the grid of the result.
        title: of the map, for the names of the nodes.
        scene: where the surfaces are put.
    """
    remove_surfaces(result, scene)
    segmentation = result.segmentation
    segmentation.CreateClosedSurfaceRepresentation()
    for segment_id in segmentation.GetSegmentation().GetSegmentIDs():
        surface = vtk.vtkPolyData()
        segmentation.GetClosedSurfaceRepresentation(segment_id, surface)
        if not surface.GetNumberOfPoints():
            continue
        surface.GetPointData().SetScalars(_values_at(surface, volume))
        name = segmentation.GetSegmentation().GetSegment(segment_id).GetName()
        model = scene.AddNewNodeByClass("vtkMRMLModelNode", f"{name}: {title}")
        model.SetAndObservePolyData(surface)
        model.SetAndObserveTransformNodeID(segmentation.GetTransformNodeID())
        _show(model, largest_value(volume), heat_map_color_id(scene))
        result.result.AddNodeReferenceID(SURFACE, model.GetID())
    segmentation.GetDisplayNode().SetVisibility3D(False)


def remove_surfaces(result: ResultNodes, scene: Any) -> None:
    """Take the painted surfaces away, and show the segments in 3D again."""
    node = result.result
    for surface in surfaces_of(node):
        remove_with_dependants(surface, scene)
    node.RemoveNodeReferenceIDs(SURFACE)
    display = result.segmentation.GetDisplayNode()
    if display is not None:
        display.SetVisibility3D(True)


def _values_at(surface: Any, volume: Any) -> Any:
    """The map at the points of a surface, interpolated."""
    ras_to_ijk = vtk.vtkMatrix4x4()
    volume.GetRASToIJKMatrix(ras_to_ijk)
    transform = vtk.vtkTransform()
    transform.SetMatrix(ras_to_ijk)
    in_voxels = vtk.vtkTransformPolyDataFilter()
    in_voxels.SetTransform(transform)
    in_voxels.SetInputData(surface)
    # Volume nodes keep their position to themselves: their image data lies on a grid of unit voxels.
    probe = vtk.vtkProbeFilter()
    probe.SetInputConnection(in_voxels.GetOutputPort())
    probe.SetSourceData(volume.GetImageData())
    probe.Update()
    values = probe.GetOutput().GetPointData().GetScalars()
    values.SetName(_VALUES)
    return values


def _show(model: Any, largest: float, color_id: str) -> None:
    model.CreateDefaultDisplayNodes()
    display = model.GetDisplayNode()
    display.SetAndObserveColorNodeID(color_id)
    display.SetActiveScalarName(_VALUES)
    display.SetScalarRangeFlag(slicer.vtkMRMLDisplayNode.UseManualScalarRange)
    display.SetScalarRange(0.0, largest)
    display.SetScalarVisibility(True)
    display.SetVisibility2D(False)
