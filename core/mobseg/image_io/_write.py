"""Writing: compressed, and either complete or not at all."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from uuid import uuid4

import numpy as np
import SimpleITK as sitk

from mobseg.errors import OutputError
from mobseg.geometry import VolumeGeometry
from mobseg.image_io._itk import Array, quiet_itk, to_image
from mobseg.image_io._nifti_write import write_nifti
from mobseg.volume import LabelVolume, Run, ScalarVolume

_SUFFIXES = (".nii.gz", ".nii", ".nrrd")


def write_scalar_volume(volume: ScalarVolume, path: Path) -> None:
    """Write an image as NIfTI (``.nii.gz``, ``.nii``) or NRRD (``.nrrd``), replacing what is there.

    Raises:
        OutputError: it cannot be written; nothing is left behind, and an older file stays as it was.
    """
    write_image(volume.array, volume.geometry, path)


def write_map(
    parts: Iterable[Array | Run],
    geometry: VolumeGeometry,
    path: Path,
    *,
    is_mostly_zero: bool = False,
) -> None:
    """Write a float32 map as compressed NIfTI; see :func:`write_scalar_volume`.

    Args:
        parts: the flattened map piece by piece.
        geometry: its grid.
        path: the file.
        is_mostly_zero: most of its voxels are 0; it is then written faster.
    """
    with _complete_file(path, ".nii.gz") as unfinished:
        dtype = np.dtype(np.float32)
        write_nifti(parts, dtype, geometry, unfinished, has_byte_runs=is_mostly_zero)


def write_label_volume(volume: LabelVolume, path: Path) -> None:
    """Write a label map; see :func:`write_scalar_volume`."""
    write_image(volume.array, volume.geometry, path)


def write_image(
    array: Array,
    geometry: VolumeGeometry,
    path: Path,
    metadata: Mapping[str, str] | None = None,
) -> None:
    """Write (K, J, I) voxels, with key-value pairs for the header of an NRRD file.

    Raises:
        OutputError: see :func:`write_scalar_volume`.
    """
    suffix = next((s for s in _SUFFIXES if path.name.lower().endswith(s)), None)
    if suffix is None:
        raise OutputError(
            f"Volumes are written as {', '.join(_SUFFIXES)}; choose such a file name."
        )
    with _complete_file(path, suffix) as unfinished:
        if suffix == ".nrrd":
            _write_nrrd(array, geometry, unfinished, metadata or {})
        else:
            is_labels = array.dtype == np.uint8  # or an image that few would notice to be larger
            write_nifti(array, array.dtype, geometry, unfinished, has_byte_runs=is_labels)


def _write_nrrd(
    array: Array, geometry: VolumeGeometry, path: Path, metadata: Mapping[str, str]
) -> None:
    image = to_image(array, geometry)
    for key, value in metadata.items():
        image.SetMetaData(key, value)
    with quiet_itk():
        sitk.WriteImage(image, str(path), useCompression=True)


@contextmanager
def _complete_file(path: Path, suffix: str) -> Iterator[Path]:
    """A sibling to write to, which takes the place of ``path`` once it is complete."""
    unfinished = path.with_name(f".{uuid4().hex}{suffix}")
    try:
        unfinished.touch(exist_ok=False)  # fails with a plain cause, which ITK does not give
        try:
            yield unfinished
            unfinished.replace(path)
        finally:
            unfinished.unlink(missing_ok=True)
    except (OSError, RuntimeError) as error:
        cause = getattr(error, "strerror", None) or "writing stopped before the end"
        raise OutputError(
            f"The result cannot be written ({cause}); check that the disk is not full and that the "
            "folder exists and is writable."
        ) from error
