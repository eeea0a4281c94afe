"""Writing NIfTI-1.

ITK compresses at a fixed level that takes three times as long as the fastest one for files that are hardly
smaller, and does not notice a full disk; both matter for a result of many maps.

The fields are those of https://nifti.nimh.nih.gov/pub/dist/src/niftilib/nifti1.h.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import IO

import numpy as np

from mobseg.errors import OutputError
from mobseg.geometry import VolumeGeometry
from mobseg.image_io._gzip_write import GzipWriter
from mobseg.image_io._itk import Array
from mobseg.volume import Run

_DATA_OFFSET = 352  # the header, and four bytes that say that no extension follows
_SCANNER_ANATOMICAL = 1
_MILLIMETRES_AND_SECONDS = 2 + 8

_DATATYPES = {
    "u1": 2,
    "i2": 4,
    "i4": 8,
    "f4": 16,
    "f8": 64,
    "i1": 256,
    "u2": 512,
    "u4": 768,
    "i8": 1024,
    "u8": 1280,
}

_FIELDS = {
    # name: (type, offset)
    "sizeof_hdr": ("<i4", 0),
    "dim": ("<8i2", 40),
    "datatype": ("<i2", 70),
    "bitpix": ("<i2", 72),
    "pixdim": ("<8f4", 76),
    "vox_offset": ("<f4", 108),
    "scl_slope": ("<f4", 112),
    "xyzt_units": ("u1", 123),
    "qform_code": ("<i2", 252),
    "sform_code": ("<i2", 254),
    "quatern": ("<3f4", 256),
    "qoffset": ("<3f4", 268),
    "srow": ("<(3,4)f4", 280),
    "magic": ("S4", 344),
}
_HEADER_DTYPE = np.dtype(
    {
        "names": list(_FIELDS),
        "formats": [kind for kind, _ in _FIELDS.values()],
        "offsets": [offset for _, offset in _FIELDS.values()],
        "itemsize": _DATA_OFFSET,
    }
)


def write_nifti(
    parts: Iterable[Array | Run],
    dtype: np.dtype[np.generic],
    geometry: VolumeGeometry,
    path: Path,
    *,
    has_byte_runs: bool = False,
) -> None:
    """Write a volume, compressed if the name ends in ``.gz``.

    Args:
        parts: the flattened voxels (K, J, I) piece by piece, such as planes, so that there need not be a
            second volume.
        dtype: their type.
        geometry: their grid.
        path: the file.
        has_byte_runs: see :class:`mobseg.image_io._gzip_write.GzipWriter`.

    Raises:
        OutputError: NIfTI-1 has no such voxel type.
        OSError: the file cannot be written.
    """
    stored = dtype.newbyteorder("<")
    header = _header(dtype, geometry)
    with path.open("wb") as file:
        stream = (
            GzipWriter(file, has_byte_runs=has_byte_runs)
            if path.suffix == ".gz"
            else _PlainWriter(file)
        )
        stream.write(header)
        for part in parts:
            if isinstance(part, Run):
                stream.write_run(part.value.astype(stored), part.count)
            else:
                stream.write(np.ascontiguousarray(part, dtype=stored).data)
        stream.finish()


class _PlainWriter:
    """As :class:`GzipWriter`, without compression."""

    def __init__(self, file: IO[bytes]) -> None:
        self._file = file

    def write(self, data: bytes | memoryview) -> None:
        self._file.write(data)

    def write_run(self, value: np.generic, count: int) -> None:
        self._file.write(value.tobytes() * count)

    def finish(self) -> None:
        """Nothing is left to write."""


def _header(dtype: np.dtype[np.generic], geometry: VolumeGeometry) -> bytes:
    datatype = _DATATYPES.get(dtype.str[1:])
    if datatype is None:
        raise OutputError(
            f"NIfTI cannot hold voxels of type {dtype}; convert them to float32 or write NRRD."
        )
    header = np.zeros((), _HEADER_DTYPE)
    header["sizeof_hdr"] = 348
    header["dim"] = (3, *geometry.shape_kji[::-1], 1, 1, 1, 1)
    header["datatype"] = datatype
    header["bitpix"] = 8 * dtype.itemsize
    header["vox_offset"] = _DATA_OFFSET
    header["scl_slope"] = 1
    header["xyzt_units"] = _MILLIMETRES_AND_SECONDS
    header["magic"] = b"n+1"

    spacing = np.array(geometry.spacing_ijk_mm)
    directions = geometry.ijk_to_ras_mm[:3, :3] / spacing
    handedness = 1.0 if np.linalg.det(directions) > 0 else -1.0
    # Here, because the import takes longer than reading most files.
    from scipy.spatial.transform import Rotation  # noqa: PLC0415

    rotation = Rotation.from_matrix(directions * (1.0, 1.0, handedness))
    header["qform_code"] = header["sform_code"] = _SCANNER_ANATOMICAL
    header["pixdim"] = (handedness, *spacing, 0, 0, 0, 0)
    header["quatern"] = rotation.as_quat(canonical=True)[:3]
    header["qoffset"] = geometry.ijk_to_ras_mm[:3, 3]
    header["srow"] = geometry.ijk_to_ras_mm[:3]
    return header.tobytes()
