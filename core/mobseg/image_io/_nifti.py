"""What ITK does not check in a NIfTI-1 file.

ITK replaces a zero spacing by 1 and NaN voxels by 0, turns a negative spacing into a flip, takes the
spacing from ``pixdim`` even where the sform contradicts it, and prints on stderr where a number is not
finite.

The fields and the quaternion are those of https://nifti.nimh.nih.gov/pub/dist/src/niftilib/nifti1.h.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from itertools import product
from pathlib import Path
from typing import IO

import numpy as np
import numpy.typing as npt

from mobseg.errors import InvalidInput
from mobseg.image_io._checks import (
    NO_POSITION_WARNING,
    SINGLE_FRAME_WARNING,
    count_non_finite,
    refuse_non_finite,
    require_3d,
    require_positive_spacing,
)
from mobseg.image_io._itk import Array
from mobseg.image_io._payload import chunks, open_gzip_or_plain, require_bytes, unpacking

_HEADER_BYTES = 348
_NIFTI2_HEADER_BYTES = 540
_SCANNER_ANATOMICAL = 1
_FORM_TOLERANCE_MM = 0.1
_SPACING_TOLERANCE = 0.01

#: No deflate stream unpacks to more times its size.
_LARGEST_RATIO = 1032
_PIECE_BYTES = 1 << 20

_FIELDS = {
    # name: (type, offset)
    "sizeof_hdr": ("i4", 0),
    "dim": ("8i2", 40),
    "datatype": ("i2", 70),
    "pixdim": ("8f4", 76),
    "vox_offset": ("f4", 108),
    "scl_slope": ("f4", 112),
    "scl_inter": ("f4", 116),
    "qform_code": ("i2", 252),
    "sform_code": ("i2", 254),
    "quatern": ("3f4", 256),
    "qoffset": ("3f4", 268),
    "srow": ("(3,4)f4", 280),
    "magic": ("S4", 344),
}
_HEADER_DTYPE = np.dtype(
    {
        "names": list(_FIELDS),
        "formats": [kind for kind, _ in _FIELDS.values()],
        "offsets": [offset for _, offset in _FIELDS.values()],
        "itemsize": _HEADER_BYTES,
    }
)

#: Scalar voxel types by their code; of the others the size is not checked, ITK or we refuse them.
_VOXEL_DTYPES = {
    2: "u1",
    4: "i2",
    8: "i4",
    16: "f4",
    64: "f8",
    256: "i1",
    512: "u2",
    768: "u4",
    1024: "i8",
    1280: "u8",
}

_Affine = npt.NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Inspection:
    """What was found in a file before ITK reads it.

    Attributes:
        warnings: plain sentences without patient data.
        voxels: (K, J, I), if they need not be read again.
    """

    warnings: tuple[str, ...]
    voxels: Array | None = None


@dataclass(frozen=True)
class _Header:
    """The fields that matter here.

    Attributes:
        shape: sizes along i, j, k and any further axes.
        spacing_mm: ``pixdim`` of i, j and k.
        data_offset: first byte of the voxel data in the unpacked file.
        voxel_dtype: stored type with its byte order; ``None`` unless it is a known scalar type.
        is_rescaled: whether the voxels stand for other values than those stored.
        qform: (3, 4), from (i, j, k, 1) to RAS in mm; ``None`` when its code says unknown.
        sform: as ``qform``.
        sform_is_scanner: whether the sform's code is "scanner anatomical", the one ITK prefers.
    """

    shape: tuple[int, ...]
    spacing_mm: tuple[float, float, float]
    data_offset: int
    voxel_dtype: np.dtype[np.generic] | None
    is_rescaled: bool
    qform: _Affine | None
    sform: _Affine | None
    sform_is_scanner: bool

    @property
    def n_data_bytes(self) -> int:
        """Size of the voxel data; 0 if their type is not known."""
        return math.prod(self.shape) * self.voxel_dtype.itemsize if self.voxel_dtype else 0


def inspect_nifti(path: Path) -> Inspection:
    """Check header and voxel data of a ``.nii`` or ``.nii.gz`` file.

    Returns:
        Warnings, and the voxels, as they were unpacked anyway, where they are stored as they are meant.

    Raises:
        InvalidInput: not NIfTI-1, truncated, or with a header that contradicts itself.
    """
    with open_gzip_or_plain(path) as stream, unpacking():
        header = _parse(stream.read(_HEADER_BYTES))
        _require_consistent_forms(header)
        stream.read(header.data_offset - _HEADER_BYTES)
        if _is_plain(header, path):
            voxels = _read_voxels(stream, header)
        else:
            voxels = None
            _require_usable_voxels(stream, header)
    return Inspection(_warnings(header), voxels)


def _is_plain(header: _Header, path: Path) -> bool:
    """Whether the voxels can be taken as they are, from a file that can hold as many."""
    if header.voxel_dtype is None or header.is_rescaled or len(header.shape) != 3:
        return False
    return header.n_data_bytes <= _LARGEST_RATIO * path.stat().st_size


def _read_voxels(stream: IO[bytes], header: _Header) -> Array:
    """The voxels (K, J, I), and every check of :func:`_require_usable_voxels`."""
    assert header.voxel_dtype is not None
    voxels = np.empty(math.prod(header.shape), header.voxel_dtype)
    data = voxels.view(np.uint8).data
    found = n_bad = 0
    while count := stream.readinto(data[found : found + _PIECE_BYTES]):  # type: ignore[attr-defined]
        if voxels.dtype.kind == "f":
            first, last = found // voxels.itemsize, (found + count) // voxels.itemsize
            n_bad += count_non_finite(voxels[first:last])
        found += count
    # To the end, so that the checksum of gzip is checked as well.
    found += sum(len(chunk) for chunk in chunks(stream))
    require_bytes(found, header.n_data_bytes)
    refuse_non_finite(n_bad)
    native = voxels.astype(voxels.dtype.newbyteorder("="), copy=False)
    return native.reshape(header.shape[::-1])


def _require_usable_voxels(stream: IO[bytes], header: _Header) -> None:
    """Count the voxels and those that are not finite, in one pass from the end of the header."""
    dtype, needed = header.voxel_dtype, header.n_data_bytes
    found = n_bad = 0
    for chunk in chunks(stream):  # to the end, so that the checksum of gzip is checked as well
        if dtype is not None and dtype.kind == "f":
            voxels = chunk[: max(needed - found, 0)]
            n_bad += count_non_finite(np.frombuffer(voxels, dtype, len(voxels) // dtype.itemsize))
        found += len(chunk)
    require_bytes(found, needed)
    refuse_non_finite(n_bad)


def _parse(start: bytes) -> _Header:
    if len(start) == _HEADER_BYTES:
        for dtype in (_HEADER_DTYPE.newbyteorder("<"), _HEADER_DTYPE.newbyteorder(">")):
            raw = np.frombuffer(start, dtype)[0]
            if raw["sizeof_hdr"] == _HEADER_BYTES and raw["magic"] == b"n+1":
                return _header(raw)
            if raw["sizeof_hdr"] == _NIFTI2_HEADER_BYTES:
                raise InvalidInput("NIfTI-2 is not supported; convert the image to NIfTI-1.")
    raise InvalidInput(
        "The file is named like a NIfTI image, but its content is none; check the file or export it "
        "again."
    )


def _header(raw: np.void) -> _Header:
    n_axes = int(raw["dim"][0])
    shape = tuple(int(n) for n in raw["dim"][1 : n_axes + 1])
    offset = float(raw["vox_offset"])
    if not (1 <= n_axes <= 7 and min(shape) >= 1 and _HEADER_BYTES <= offset < 2**31):
        raise _damaged_header()
    require_3d(shape)
    spacing = [float(value) for value in raw["pixdim"][1:4]]
    require_positive_spacing(spacing)
    return _Header(
        shape=shape,
        spacing_mm=(spacing[0], spacing[1], spacing[2]),
        data_offset=int(offset),
        voxel_dtype=_voxel_dtype(raw),
        # A slope of 0 means that there is none.
        is_rescaled=raw["scl_slope"] not in (0, 1) or raw["scl_inter"] != 0,
        qform=_qform(raw) if raw["qform_code"] > 0 else None,
        sform=raw["srow"].astype(np.float64) if raw["sform_code"] > 0 else None,
        sform_is_scanner=bool(raw["sform_code"] == _SCANNER_ANATOMICAL),
    )


def _voxel_dtype(raw: np.void) -> np.dtype[np.generic] | None:
    name = _VOXEL_DTYPES.get(int(raw["datatype"]))
    return np.dtype(name).newbyteorder(raw.dtype["datatype"].byteorder) if name else None


def _qform(raw: np.void) -> _Affine:
    b, c, d = (float(value) for value in raw["quatern"])
    a = math.sqrt(max(0.0, 1.0 - (b * b + c * c + d * d)))
    if not math.isfinite(a + b + c + d):
        raise _damaged_header()
    handedness = -1.0 if raw["pixdim"][0] < 0 else 1.0
    scale = raw["pixdim"][1:4] * np.array([1.0, 1.0, handedness])
    # Here, because the import takes longer than reading most files.
    from scipy.spatial.transform import Rotation  # noqa: PLC0415

    rotation = Rotation.from_quat([b, c, d, a]).as_matrix()
    return np.column_stack([rotation * scale, raw["qoffset"].astype(np.float64)])


def _damaged_header() -> InvalidInput:
    return InvalidInput("The NIfTI header holds impossible values; export the image again.")


def _require_consistent_forms(header: _Header) -> None:
    for form in (header.qform, header.sform):
        if form is not None and not np.isfinite(form).all():
            raise _damaged_header()
    # Where ITK takes the axes from the sform, it still takes the spacing from pixdim.
    if header.sform is not None and (header.sform_is_scanner or header.qform is None):
        sform_spacing = np.linalg.norm(header.sform[:, :3], axis=0)
        if not np.allclose(sform_spacing, header.spacing_mm, rtol=_SPACING_TOLERANCE):
            raise InvalidInput(
                "The NIfTI header contradicts itself: its sform and its pixdim give different voxel "
                "spacings; correct it or export the image again."
            )


def _warnings(header: _Header) -> tuple[str, ...]:
    warnings = []
    if len(header.shape) > 3:
        warnings.append(SINGLE_FRAME_WARNING)
    if header.qform is None and header.sform is None:
        warnings.append(NO_POSITION_WARNING)
    if header.qform is not None and header.sform is not None:
        distance = _largest_distance_mm(header.qform, header.sform, header.shape[:3])
        if distance > _FORM_TOLERANCE_MM:
            warnings.append(
                f"The file gives two positions (qform and sform) up to {distance:.3g} mm apart; the "
                "one that 3D Slicer takes is used."
            )
    return tuple(warnings)


def _largest_distance_mm(first: _Affine, second: _Affine, shape: tuple[int, ...]) -> float:
    """Largest distance between where two affines put the corners of a grid."""
    corners = [(*corner, 1) for corner in product(*((0, n - 1) for n in shape))]
    return float(np.linalg.norm((first - second) @ np.transpose(corners), axis=0).max())
