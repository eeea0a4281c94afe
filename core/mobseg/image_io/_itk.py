"""Between ITK images and arrays with a grid: the only place where LPS meets RAS."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import SimpleITK as sitk

from mobseg.errors import InvalidInput
from mobseg.geometry import VolumeGeometry
from mobseg.image_io._checks import SINGLE_FRAME_WARNING, require_3d, require_scalar, sheared_axes

Array = npt.NDArray[np.generic]

_LPS_TO_RAS = np.diag([-1.0, -1.0, 1.0, 1.0])
_COMPLEX = (sitk.sitkComplexFloat32, sitk.sitkComplexFloat64)


@contextmanager
def quiet_itk() -> Iterator[None]:
    """Keep ITK's warnings off stderr; what matters to the user is checked and said by us."""
    shown = sitk.ProcessObject.GetGlobalWarningDisplay()
    sitk.ProcessObject.SetGlobalWarningDisplay(False)
    try:
        yield
    finally:
        sitk.ProcessObject.SetGlobalWarningDisplay(shown)


def ras_geometry(
    shape_kji: tuple[int, int, int], ijk_to_lps_mm: npt.NDArray[np.float64]
) -> VolumeGeometry:
    """Grid from a (4, 4) matrix that maps voxel indices (i, j, k, 1) to LPS in mm."""
    return VolumeGeometry(shape_kji, _LPS_TO_RAS @ ijk_to_lps_mm)


def read_itk(path: Path) -> tuple[Array, VolumeGeometry, tuple[str, ...]]:
    """Read a file that holds one scalar volume.

    Returns:
        (K, J, I) voxels in the stored type, or in the one ITK chooses where the file rescales them;
        the grid; warnings.

    Raises:
        InvalidInput: ITK cannot read it, or it is not one scalar volume.
    """
    with _checked_reader(path) as reader:
        image = reader.Execute()
    if image.GetDimension() == 3:
        return (*_from_image(image), ())
    single_frame = (slice(None),) * 3 + (0,) * (image.GetDimension() - 3)
    return (*_from_image(image[single_frame]), (SINGLE_FRAME_WARNING,))


def read_grid(path: Path) -> VolumeGeometry:
    """The grid alone of a file that holds one scalar volume of three axes.

    Raises:
        InvalidInput: as for :func:`read_itk`.
    """
    with _checked_reader(path) as reader:
        return _geometry(reader)


@contextmanager
def _checked_reader(path: Path) -> Iterator[sitk.ImageFileReader]:
    reader = sitk.ImageFileReader()
    reader.SetFileName(str(path))
    try:
        with quiet_itk():
            reader.ReadImageInformation()
            is_complex = reader.GetPixelID() in _COMPLEX
            require_scalar(2 if is_complex else reader.GetNumberOfComponents())
            require_3d(reader.GetSize())
            yield reader
    except RuntimeError as error:
        raise _translated(str(error)) from error


def _translated(itk_message: str) -> InvalidInput:
    if "orthonormal" in itk_message:
        return sheared_axes()
    if "Zero-valued spacing" in itk_message or "determinant is 0" in itk_message:
        return InvalidInput(
            "The image's axes do not span a volume (zero spacing or parallel axes); re-export it."
        )
    return InvalidInput(
        "The file cannot be read: it is damaged or of a kind that is not supported; export it again, "
        "for example as NIfTI."
    )


def _from_image(image: sitk.Image) -> tuple[Array, VolumeGeometry]:
    geometry = _geometry(image)
    # An image of vectors with one component has a trailing axis.
    array = sitk.GetArrayFromImage(image).reshape(geometry.shape_kji)
    return array, geometry


def _geometry(image: Any) -> VolumeGeometry:
    """The grid of an image, or of a reader that has read the header."""
    i, j, k = image.GetSize()
    matrix = np.eye(4)
    matrix[:3, :3] = np.reshape(image.GetDirection(), (3, 3)) * image.GetSpacing()
    matrix[:3, 3] = image.GetOrigin()
    return ras_geometry((k, j, i), matrix)


def to_image(array: Array, geometry: VolumeGeometry) -> sitk.Image:
    """The ITK image with these (K, J, I) voxels on this grid."""
    native = np.ascontiguousarray(array, dtype=array.dtype.newbyteorder("="))
    image = sitk.GetImageFromArray(native)
    matrix = _LPS_TO_RAS @ geometry.ijk_to_ras_mm
    spacing = np.array(geometry.spacing_ijk_mm)
    image.SetSpacing(spacing.tolist())
    image.SetDirection((matrix[:3, :3] / spacing).ravel().tolist())
    image.SetOrigin(matrix[:3, 3].tolist())
    return image
