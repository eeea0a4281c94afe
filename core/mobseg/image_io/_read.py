"""Reading: choose the reader, check everything, return a volume."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from mobseg.errors import InvalidInput
from mobseg.geometry import VolumeGeometry
from mobseg.image_io._checks import (
    intensity_warnings,
    require_contrast,
    require_finite,
    require_usable_grid,
)
from mobseg.image_io._dicom import is_dicom_file, read_series
from mobseg.image_io._itk import Array, read_grid, read_itk
from mobseg.image_io._nifti import Inspection, inspect_nifti
from mobseg.image_io._text_headers import inspect_metaimage, inspect_nrrd
from mobseg.volume import LabelVolume, ScalarVolume

_LARGEST_LABEL = np.iinfo(np.uint16).max

_INSPECTORS: dict[str, Callable[[Path], Inspection]] = {
    ".nii.gz": inspect_nifti,
    ".nii": inspect_nifti,
    ".nrrd": lambda path: Inspection(inspect_nrrd(path)),
    ".nhdr": lambda path: Inspection(inspect_nrrd(path)),
    ".mha": lambda path: Inspection(inspect_metaimage(path)),
    ".mhd": lambda path: Inspection(inspect_metaimage(path)),
}


@dataclass(frozen=True, eq=False)
class ReadResult:
    """An image that can be segmented, and what the user should know about it.

    Attributes:
        volume: the image.
        warnings: plain sentences without patient data.
    """

    volume: ScalarVolume
    warnings: tuple[str, ...]


def read_scalar_volume(path: Path) -> ReadResult:
    """Read a CT from a NIfTI, NRRD or MetaImage file or from the folder of a DICOM series.

    The voxel type is the stored one, or ITK's choice where the file rescales its voxels. Voxels keep
    their order in the file; the grid says where they lie.

    Raises:
        InvalidInput: the input is missing, damaged, not one scalar volume on a regular grid, or has
            voxels that cannot be used.
    """
    array, geometry, warnings = _load(path)
    require_finite(array)
    minimum, maximum = float(array.min()), float(array.max())
    require_contrast(minimum, maximum)
    return ReadResult(
        ScalarVolume(array, geometry), (*warnings, *intensity_warnings(minimum, maximum))
    )


def read_label_volume(path: Path) -> LabelVolume:
    """Read a label map, from the same kinds of files.

    Returns:
        Labels as uint8, or uint16 where needed; the map may be empty.

    Raises:
        InvalidInput: as for an image, or the voxels are not whole numbers from 0 to 65535.
    """
    array, geometry, _ = _load(path)
    return LabelVolume(_as_labels(array), geometry)


def read_map(path: Path) -> ScalarVolume:
    """Read a map that was computed, which unlike an image may be constant and has no usual range.

    Raises:
        InvalidInput: the file is missing, damaged, or not one finite scalar volume on a regular grid.
    """
    array, geometry, _ = _load(path)
    require_finite(array)
    return ScalarVolume(array, geometry)


def _load(path: Path) -> tuple[Array, VolumeGeometry, tuple[str, ...]]:
    try:
        if path.is_dir():
            array, geometry, warnings = read_series(path)
        elif path.is_file():
            found = _inspect(path)
            if found.voxels is None:
                array, geometry, warnings = read_itk(path)
            else:
                array, geometry, warnings = found.voxels, read_grid(path), ()
            warnings = (*found.warnings, *warnings)
        else:
            raise InvalidInput("There is no file or folder at the given path; check its spelling.")
    except OSError as error:
        raise InvalidInput(
            f"The input cannot be read ({error.strerror or 'input/output error'}); "
            "check its permissions and the disk."
        ) from error
    require_usable_grid(geometry)
    return array, geometry, warnings


def _inspect(path: Path) -> Inspection:
    for suffix, inspect in _INSPECTORS.items():
        if path.name.lower().endswith(suffix):
            return inspect(path)
    if is_dicom_file(path):
        raise InvalidInput("This is one DICOM file; give the folder that holds the whole series.")
    raise InvalidInput(
        "The file is of an unknown kind; give a NIfTI (.nii, .nii.gz), NRRD (.nrrd, .nhdr) or MetaImage "
        "(.mha, .mhd) file or the folder of a DICOM series."
    )


def _as_labels(array: Array) -> npt.NDArray[np.unsignedinteger]:
    require_finite(array)
    is_whole = array.dtype.kind in "iu" or all((plane == np.rint(plane)).all() for plane in array)
    if not is_whole or array.min() < 0 or array.max() > _LARGEST_LABEL:
        raise InvalidInput(
            f"The label map has voxels that are not whole numbers from 0 to {_LARGEST_LABEL}; "
            "give a label map, not an image."
        )
    labels: npt.NDArray[np.unsignedinteger] = array.astype(np.min_scalar_type(int(array.max())))
    return labels
