"""Moves the views to a place in the patient."""

from __future__ import annotations

from typing import Any

import slicer


def jump_to(ras_mm: tuple[float, float, float], scene: Any) -> None:
    """Centre all slice views and the 3D cameras of a scene on a point of the world, RAS in mm."""
    centred = slicer.vtkMRMLSliceNode.CenteredJumpSlice
    slicer.vtkMRMLSliceNode.JumpAllSlices(scene, *ras_mm, centred)
    for n in range(scene.GetNumberOfNodesByClass("vtkMRMLCameraNode")):
        _look_at(scene.GetNthNodeByClass(n, "vtkMRMLCameraNode"), ras_mm)


def _look_at(camera: Any, ras_mm: tuple[float, float, float]) -> None:
    """Keep the direction and the distance, and move to look at a point."""
    old, position = camera.GetFocalPoint(), camera.GetPosition()
    moved = [p + new - f for p, new, f in zip(position, ras_mm, old, strict=True)]
    camera.SetFocalPoint(*ras_mm)
    camera.SetPosition(*moved)
    camera.ResetClippingRange()
