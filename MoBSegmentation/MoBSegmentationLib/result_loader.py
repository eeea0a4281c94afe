"""Loads a prediction folder of ``mobseg`` into a MRML scene."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from MoBSegmentationLib.result_nodes import ResultNodes


def load_result(folder: Path, volume_node: Any, scene: Any) -> ResultNodes:
    """Load a result: all of it, or nothing and the scene is as before.

    All nodes are put under the parent transform of the volume. The segmentation takes the volume as its
    reference, so that it can be exported as DICOM SEG.

    Args:
        folder: prediction folder.
        volume_node: the volume that was segmented.
        scene: ``vtkMRMLScene`` that knows the segmentation nodes.

    Raises:
        mobseg.errors.InvalidInput: it is no prediction folder, or a file is missing or damaged.
        mobseg.errors.GeometryMismatch: the result belongs to another volume.
    """
    raise NotImplementedError
