"""What the user chose, kept in the scene."""

from __future__ import annotations

from slicer import (
    vtkMRMLMarkupsROINode,
    vtkMRMLScalarVolumeNode,
    vtkMRMLScriptedModuleNode,
)
from slicer.parameterNodeWrapper import parameterNodeWrapper


@parameterNodeWrapper
class MoBSegmentationParameterNode:
    """Choices that belong to a scene; model and device belong to the machine and are in the settings.

    Attributes:
        image: image to segment.
        roi: box to segment, or none for the whole image.
        result: the result that is open, see ``ResultNodes.result``.
    """

    image: vtkMRMLScalarVolumeNode
    roi: vtkMRMLMarkupsROINode
    result: vtkMRMLScriptedModuleNode
