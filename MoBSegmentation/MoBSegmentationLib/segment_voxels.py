"""Adds single voxels to a segment and takes them away, as an effect of the Segment Editor would."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import slicer
import vtk

from MoBSegmentationLib.mrml_bridge import image_array

Voxels = npt.NDArray[np.integer[Any]]

#: Value that is left alone when voxels are taken away by the minimum of two images.
_KEEP = 255


def add_voxels(segmentation: Any, segment_id: str, kji: Voxels, ijk_to_ras: Any) -> None:
    """Make voxels belong to a segment and to no other one on the same layer.

    Args:
        segmentation: ``vtkMRMLSegmentationNode``.
        segment_id: id of the segment.
        kji: (3, n) indices.
        ijk_to_ras: ``vtkMatrix4x4`` of their grid.
    """
    modifier = _image_of(kji, ijk_to_ras, background=0, value=1)
    logic = slicer.vtkSlicerSegmentationsModuleLogic
    _apply(modifier, segmentation, segment_id, logic.MODE_MERGE_MASK)


def remove_voxels(segmentation: Any, segment_id: str, kji: Voxels, ijk_to_ras: Any) -> None:
    """Take voxels away from a segment; see :func:`add_voxels`."""
    modifier = _image_of(kji, ijk_to_ras, background=_KEEP, value=0)
    logic = slicer.vtkSlicerSegmentationsModuleLogic
    _apply(modifier, segmentation, segment_id, logic.MODE_MERGE_MIN)


def _apply(modifier: Any, segmentation: Any, segment_id: str, mode: int) -> None:
    # Segments that may not be overwritten would be moved to a layer of their own.
    others = [one for one in segmentation.GetSegmentation().GetSegmentIDs() if one != segment_id]
    slicer.vtkSlicerSegmentationsModuleLogic.SetBinaryLabelmapToSegment(
        modifier, segmentation, segment_id, mode, modifier.GetExtent(), False, others
    )


def _image_of(kji: Voxels, ijk_to_ras: Any, background: int, value: int) -> Any:
    """The smallest image that holds the voxels, on their grid."""
    low, high = kji.min(axis=1), kji.max(axis=1)
    image = slicer.vtkOrientedImageData()
    image.SetExtent(*(int(n) for axis in (2, 1, 0) for n in (low[axis], high[axis])))
    image.AllocateScalars(vtk.VTK_UNSIGNED_CHAR, 1)
    image.SetImageToWorldMatrix(ijk_to_ras)
    voxels = image_array(image)
    voxels[...] = background
    voxels[tuple(kji - low[:, None])] = value
    return image


def find_segment(segmentation: Any, label_value: int, scene: Any) -> str:
    """Id of the segment of a label, also after it was renamed.

    Raises:
        mobseg.errors.InvalidInput: the segment or the segmentation was deleted.
    """
    from mobseg.errors import InvalidInput  # noqa: PLC0415

    segment_id = f"Segment_{label_value}"
    is_there = segmentation.GetScene() is scene
    if not is_there or segmentation.GetSegmentation().GetSegment(segment_id) is None:
        raise InvalidInput(
            "The segment of this region was deleted; undo that, or load the result again."
        )
    return segment_id
