"""Between volume nodes of MRML and the files and types of ``mobseg``: the only place that copies arrays."""

from __future__ import annotations

from pathlib import Path
from typing import Any


def check_input(node: Any) -> str | None:
    """Why a node cannot be segmented, in a sentence for the user; ``None`` if it can.

    Args:
        node: ``vtkMRMLScalarVolumeNode`` or ``None``.
    """
    raise NotImplementedError


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
    raise NotImplementedError


def roi_box_ras_mm(
    roi_node: Any, volume_node: Any
) -> tuple[float, float, float, float, float, float]:
    """The box around a region of interest, in the volume's own RAS.

    Args:
        roi_node: ``vtkMRMLMarkupsROINode``; turned boxes are enclosed.
        volume_node: the volume; its parent transform is undone, as :func:`export_volume` leaves it out.

    Returns:
        ``(xmin, xmax, ymin, ymax, zmin, zmax)``, the ``roi_ras_mm`` of ``SegmentOptions``.

    Raises:
        mobseg.errors.InvalidInput: the box is empty or does not meet the volume.
    """
    raise NotImplementedError
