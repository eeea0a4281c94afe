"""The band around the boundaries of prediction and reference, where errors live."""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt
from scipy import ndimage

#: Wide enough that the errors of a wholly missed organ a few centimetres across lie in the band too,
#: narrow enough that the far background, right in any model, does not dilute the metrics.
DEFAULT_BAND_MM = 10.0

Mask = npt.NDArray[np.bool_]
Labels = npt.NDArray[np.integer]


def boundary_voxels(labels: Labels) -> Mask:
    """(K, J, I) voxels with a face neighbour of another label; the image's edge is no boundary."""
    boundary = np.zeros(labels.shape, dtype=bool)
    for axis in range(labels.ndim):
        here, there = np.moveaxis(labels, axis, 0), np.moveaxis(boundary, axis, 0)
        change = here[1:] != here[:-1]
        there[1:] |= change
        there[:-1] |= change
    return boundary


def boundary_band(
    prediction: Labels,
    reference: Labels,
    spacing_kji_mm: tuple[float, float, float],
    distance_mm: float = DEFAULT_BAND_MM,
) -> Mask:
    """Voxels whose centre lies within a distance of a boundary voxel of either label map.

    Args:
        prediction: (K, J, I) label map.
        reference: (K, J, I) label map.
        spacing_kji_mm: distance between voxel centres in mm.
        distance_mm: half width of the band in mm.

    Returns:
        (K, J, I) mask; empty when both label maps are constant.
    """
    boundary = boundary_voxels(prediction) | boundary_voxels(reference)
    band = np.zeros_like(boundary)
    found = ndimage.find_objects(boundary.view(np.uint8))
    if not found:
        return band
    # Beyond this margin every voxel is too far away, so the costly transform can skip it.
    margins = [math.ceil(distance_mm / step) for step in spacing_kji_mm]
    window = tuple(
        slice(max(side.start - margin, 0), side.stop + margin)
        for side, margin in zip(found[0], margins, strict=True)
    )
    distance = ndimage.distance_transform_edt(~boundary[window], sampling=spacing_kji_mm)
    band[window] = distance <= distance_mm
    return band
