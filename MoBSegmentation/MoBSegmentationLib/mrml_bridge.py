"""Between volume nodes of MRML and the files and types of ``mobseg``: the only place that copies arrays."""

from __future__ import annotations

import itertools
from pathlib import Path
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import numpy as np
import numpy.typing as npt
import slicer
import vtk
from vtk.util.numpy_support import get_vtk_array_type, vtk_to_numpy

if TYPE_CHECKING:
    from mobseg.geometry import VolumeGeometry

Box = tuple[float, float, float, float, float, float]


def check_input(node: Any) -> str | None:
    """Why a node cannot be segmented, in a sentence for the user; ``None`` if it can.

    Args:
        node: ``vtkMRMLScalarVolumeNode`` or ``None``.
    """
    from mobseg.errors import InvalidInput  # noqa: PLC0415
    from mobseg.image_io import (  # noqa: PLC0415
        require_3d,
        require_scalar,
        require_usable_grid,
    )

    if node is None:
        return "Choose the CT volume to segment."
    if not node.IsA("vtkMRMLScalarVolumeNode") or node.IsA("vtkMRMLLabelMapVolumeNode"):
        return "The chosen node is no image; choose a scalar volume such as a CT."
    image = node.GetImageData()
    if image is None or image.GetPointData().GetScalars() is None:
        return "The volume has no voxels; load the image again."
    try:
        require_3d(image.GetDimensions())
        require_scalar(image.GetNumberOfScalarComponents())
        require_usable_grid(volume_geometry(node))
    except InvalidInput as error:
        return str(error)
    return None


def export_volume(node: Any, path: Path) -> None:
    """Write a volume for the worker, on its own grid and without anything but voxels and position.

    A parent transform is not applied: results are made on the volume's own grid and put under the same
    transform (:func:`MoBSegmentationLib.result_loader.load_result`), so that both move together.

    Args:
        node: a volume that :func:`check_input` accepts.
        path: file to make, ending in ``.nrrd``; it appears complete or not at all.

    Raises:
        mobseg.errors.InvalidInput: the volume cannot be segmented.
        mobseg.errors.OutputError: the file cannot be written.
    """
    from mobseg.errors import InvalidInput, OutputError  # noqa: PLC0415

    if reason := check_input(node):
        raise InvalidInput(reason)
    # The node's own attributes and description may name the patient.
    nameless = slicer.vtkMRMLScalarVolumeNode()
    nameless.SetAndObserveImageData(node.GetImageData())
    nameless.CopyOrientation(node)
    storage = slicer.vtkMRMLNRRDStorageNode()
    storage.SetUseCompression(False)
    unfinished = path.with_name(f".{uuid4().hex}{path.suffix}")
    storage.SetFileName(str(unfinished))
    try:
        if not storage.WriteData(nameless):
            raise OSError
        unfinished.replace(path)
    except OSError as error:
        raise OutputError(
            "The volume cannot be handed to the segmentation; check that the disk of the temporary folder "
            "is not full and that the folder is writable."
        ) from error
    finally:
        unfinished.unlink(missing_ok=True)


def roi_box_ras_mm(roi_node: Any, volume_node: Any) -> Box:
    """The box around a region of interest, in the volume's own RAS.

    Args:
        roi_node: ``vtkMRMLMarkupsROINode``; turned boxes are enclosed.
        volume_node: the volume; its parent transform is undone, as :func:`export_volume` leaves it out.

    Returns:
        ``(xmin, xmax, ymin, ymax, zmin, zmax)``, the ``roi_ras_mm`` of ``SegmentOptions``.

    Raises:
        mobseg.errors.InvalidInput: the box is empty or does not meet the volume.
    """
    from mobseg.errors import InvalidInput  # noqa: PLC0415
    from mobseg.region_of_interest import voxel_box  # noqa: PLC0415

    half_mm = np.array(roi_node.GetSize()) / 2
    if not (half_mm > 0).all():
        raise InvalidInput("The region of interest is empty; draw a box around the structure.")
    object_to_world = matrix_array(roi_node.GetObjectToWorldMatrix())
    signs = np.array(list(itertools.product((-1, 1), repeat=3)))
    corners_world = (signs * half_mm) @ object_to_world[:3, :3].T + object_to_world[:3, 3]
    corners = np.array([_to_local(volume_node, corner) for corner in corners_world])
    low, high = corners.min(axis=0).tolist(), corners.max(axis=0).tolist()
    box: Box = (low[0], high[0], low[1], high[1], low[2], high[2])
    voxel_box(box, volume_geometry(volume_node))
    return box


def _to_local(node: Any, point_world: npt.NDArray[np.float64]) -> list[float]:
    local = [0.0, 0.0, 0.0]
    node.TransformPointFromWorld(point_world.tolist(), local)
    return local


def to_world(node: Any, point_ras_mm: tuple[float, float, float]) -> tuple[float, float, float]:
    """A point of a node's own RAS where its parent transforms put it in the world."""
    world = [0.0, 0.0, 0.0]
    node.TransformPointToWorld(list(point_ras_mm), world)
    return (world[0], world[1], world[2])


def volume_geometry(node: Any) -> VolumeGeometry:
    """The grid of a volume, without its parent transform.

    Raises:
        mobseg.errors.InvalidInput: its axes do not span a volume.
    """
    from mobseg.geometry import VolumeGeometry  # noqa: PLC0415

    i, j, k = node.GetImageData().GetDimensions()
    matrix = vtk.vtkMatrix4x4()
    node.GetIJKToRASMatrix(matrix)
    return VolumeGeometry((k, j, i), matrix_array(matrix))


def volume_array(node: Any) -> npt.NDArray[Any]:
    """The (K, J, I) voxels of a scalar volume: a view, not a copy."""
    return image_array(node.GetImageData())


def image_array(image: Any) -> npt.NDArray[Any]:
    """The (K, J, I) voxels of a ``vtkImageData`` with one component: a view, not a copy."""
    array: npt.NDArray[Any] = vtk_to_numpy(image.GetPointData().GetScalars())
    return array.reshape(image.GetDimensions()[::-1])


def put_into_volume(node: Any, array: npt.NDArray[Any], geometry: VolumeGeometry) -> None:
    """Give a volume node a copy of a (K, J, I) array and its grid."""
    image = vtk.vtkImageData()
    image.SetDimensions(*reversed(array.shape))
    image.AllocateScalars(get_vtk_array_type(array.dtype), 1)
    image_array(image)[...] = array
    node.SetAndObserveImageData(image)
    matrix = vtk.vtkMatrix4x4()
    matrix.DeepCopy(geometry.ijk_to_ras_mm.ravel().tolist())
    node.SetIJKToRASMatrix(matrix)


def matrix_array(matrix: Any) -> npt.NDArray[np.float64]:
    """A ``vtkMatrix4x4`` as a (4, 4) array."""
    return np.array([[matrix.GetElement(row, column) for column in range(4)] for row in range(4)])
