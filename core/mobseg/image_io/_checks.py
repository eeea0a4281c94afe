"""What an image must be to be segmented, whatever file it came from."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from mobseg.errors import InvalidInput
from mobseg.geometry import VolumeGeometry

_SPACING_RANGE_MM = (0.01, 100.0)
#: Largest cosine between two axes: moves the far corner of a body CT by less than 0.1 mm.
_PERPENDICULAR_TOLERANCE = 1e-4
_LOWEST_HU = -2000
_NARROWEST_HU_RANGE = 100

SINGLE_FRAME_WARNING = "The file is four-dimensional with a single frame, which is used."
NO_POSITION_WARNING = (
    "The file does not say how the image lies in the patient, so orientation and position are "
    "assumed: check left and right."
)


def require_3d(size: Sequence[int]) -> None:
    """Refuse anything but one volume of several slices.

    Args:
        size: number of voxels along i, j, k and any further axes.

    Raises:
        InvalidInput: a single slice, or several frames.
    """
    if len(size) < 3 or min(size[:3]) < 2:
        raise InvalidInput(
            "The image is a single slice; give a volume that has at least two voxels along each axis."
        )
    require_scalar(math.prod(size[3:]))


def require_scalar(values_per_voxel: int) -> None:
    """Refuse frames, colours, vectors and complex numbers.

    Raises:
        InvalidInput: more than one value per voxel.
    """
    if values_per_voxel > 1:
        raise InvalidInput(
            f"The image has {values_per_voxel} values per voxel (time frames, colours or a vector); "
            "export one scalar volume."
        )


def require_positive_spacing(spacing_mm: Sequence[float]) -> None:
    """Refuse a spacing that the file gives as zero, negative or not a number.

    Readers silently replace such values, so this looks at the header as it is.

    Raises:
        InvalidInput: at least one value is not positive.
    """
    if not all(value > 0 and math.isfinite(value) for value in spacing_mm):
        values = " x ".join(f"{value:g}" for value in spacing_mm)
        raise InvalidInput(
            f"The voxel spacing in the header is {values} mm; correct it or export the image again."
        )


def require_usable_grid(geometry: VolumeGeometry) -> None:
    """Refuse an absurd spacing and axes that are not perpendicular.

    Raises:
        InvalidInput: as said.
    """
    low, high = _SPACING_RANGE_MM
    spacing = geometry.spacing_ijk_mm
    if not all(low <= value <= high for value in spacing):
        values = " x ".join(f"{value:g}" for value in spacing)
        raise InvalidInput(
            f"The voxel spacing is {values} mm, outside {low:g} to {high:g} mm; "
            "correct the header or export the image again."
        )
    directions = geometry.ijk_to_ras_mm[:3, :3] / np.array(spacing)
    cosines = np.abs(directions.T @ directions - np.eye(3))
    if cosines.max() > _PERPENDICULAR_TOLERANCE:
        raise sheared_axes()


def sheared_axes() -> InvalidInput:
    """The error for axes that are not perpendicular."""
    return InvalidInput(
        "The image's axes are not perpendicular (sheared, as from a tilted gantry); "
        "resample it to a regular grid, for example in 3D Slicer."
    )


def require_finite(array: npt.NDArray[np.generic]) -> None:
    """Refuse NaN and infinite voxels.

    Raises:
        InvalidInput: some voxels are not finite.
    """
    if array.dtype.kind != "f":
        return
    # Plane by plane, so that no mask of the whole volume is needed.
    refuse_non_finite(sum(count_non_finite(plane) for plane in array))


def count_non_finite(values: npt.NDArray[np.generic]) -> int:
    """Number of NaN and infinite values."""
    return values.size - int(np.count_nonzero(np.isfinite(values)))


def refuse_non_finite(n_bad: int) -> None:
    """Refuse an image with this many NaN and infinite voxels, unless there are none.

    Raises:
        InvalidInput: ``n_bad`` is positive.
    """
    if n_bad:
        raise InvalidInput(
            f"The image has NaN or infinite voxels ({n_bad} of them); "
            "replace them, for example by -1024 (air), and try again."
        )


def require_contrast(minimum: float, maximum: float) -> None:
    """Refuse an empty image.

    Raises:
        InvalidInput: all voxels have one value.
    """
    if minimum == maximum:
        raise InvalidInput(
            f"The image is empty: every voxel is {minimum:g}; check that it was exported completely."
        )


def intensity_warnings(minimum: float, maximum: float) -> tuple[str, ...]:
    """Warnings where the values do not look like Hounsfield units of a CT with some air around."""
    warnings = []
    found = f"values from {minimum:g} to {maximum:g}"
    if minimum >= 0:
        warnings.append(
            f"The intensities do not look like Hounsfield units ({found}, none of them air): if an "
            "offset such as 1024 was added, subtract it; otherwise the result may be wrong."
        )
    elif maximum - minimum < _NARROWEST_HU_RANGE:
        warnings.append(
            f"The intensities do not look like Hounsfield units ({found}): if they were rescaled or "
            "windowed, use the original image; otherwise the result may be wrong."
        )
    if minimum < _LOWEST_HU:
        warnings.append(
            f"Some voxels lie below {_LOWEST_HU} HU (lowest: {minimum:g}), which is padding outside "
            "the scanner's field of view rather than tissue."
        )
    return tuple(warnings)
