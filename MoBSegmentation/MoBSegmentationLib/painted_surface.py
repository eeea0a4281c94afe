"""Surfaces of segments with a map painted on them."""

from __future__ import annotations

from collections.abc import Mapping
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


def paint_surfaces(
    result: ResultNodes, volume_of: Mapping[str, Any], title: str, scene: Any
) -> tuple[Any, ...]:
    """Show the surfaces of segments, coloured by maps, instead of these segments in 3D.

    Args:
        result: the result; its result node keeps track of the surfaces.
        volume_of: map to paint on each segment, by the segment's id; all in one unit, and shown on one scale.
        title: of the maps, for the names of the nodes.
        scene: where the surfaces are put.

    Returns:
        ``vtkMRMLModelNode`` of each segment that has a surface.
    """
    remove_surfaces(result, scene)
    segmentation = result.segmentation
    segmentation.CreateClosedSurfaceRepresentation()
    largest = max(largest_value(volume) for volume in volume_of.values())
    models = []
    for segment_id, volume in volume_of.items():
        segment = segmentation.GetSegmentation().GetSegment(segment_id)
        surface = vtk.vtkPolyData()
        if segment is not None:
            segmentation.GetClosedSurfaceRepresentation(segment_id, surface)
        if not surface.GetNumberOfPoints():
            continue
        surface.GetPointData().SetScalars(_values_at(surface, volume))
        model = scene.AddNewNodeByClass("vtkMRMLModelNode", f"{segment.GetName()}: {title}")
        model.SetAndObservePolyData(surface)
        model.SetAndObserveTransformNodeID(segmentation.GetTransformNodeID())
        _show(model, largest, heat_map_color_id(scene))
        result.result.AddNodeReferenceID(SURFACE, model.GetID())
        segmentation.GetDisplayNode().SetSegmentVisibility3D(segment_id, False)
        models.append(model)
    return tuple(models)


def remove_surfaces(result: ResultNodes, scene: Any) -> None:
    """Take the painted surfaces away, and show the segments in 3D again."""
    node, segmentation = result.result, result.segmentation
    for surface in surfaces_of(node):
        remove_with_dependants(surface, scene)
    node.RemoveNodeReferenceIDs(SURFACE)
    display = segmentation.GetDisplayNode()
    if display is not None:
        for segment_id in segmentation.GetSegmentation().GetSegmentIDs():
            display.SetSegmentVisibility3D(segment_id, True)


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
