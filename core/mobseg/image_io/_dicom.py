"""A DICOM series as one volume.

ITK stacks whatever it is given: it drops slices it cannot parse, spaces uneven slices evenly and ignores
a gantry tilt. So the slices' own positions are checked, and the grid is computed from them.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import SimpleITK as sitk

from mobseg.errors import InvalidInput
from mobseg.geometry import VolumeGeometry
from mobseg.image_io._checks import require_3d, require_positive_spacing
from mobseg.image_io._itk import Array, quiet_itk, ras_geometry

_MODALITY = "0008|0060"
_IMAGE_POSITION = "0020|0032"
_IMAGE_ORIENTATION = "0020|0037"
_SAMPLES_PER_PIXEL = "0028|0002"
_PIXEL_SPACING = "0028|0030"

_PREAMBLE_BYTES = 128
_MAGIC = b"DICM"
#: Element (0002,0002) of the file meta information, always in this encoding, saying CT Image Storage.
_IS_CT_IMAGE = b"\2\0\2\0UI\x1a\0" + b"1.2.840.10008.5.1.4.1.1.2\0"

_SAME_POSITION_MM = 1e-3
_DIRECTION_TOLERANCE = 1e-3
#: Largest distance of a slice from where an even spacing puts it, as a share of that spacing.
_UNEVEN_TOLERANCE = 0.1
#: Largest sideways drift over the whole stack, in pixels.
_DRIFT_TOLERANCE_PIXELS = 1.0

_Vectors = npt.NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class _Slice:
    """One slice as its header describes it.

    Attributes:
        file: where it is stored.
        size: columns and rows.
        spacing_mm: distance between columns and between rows.
        axes: (2, 3) unit vectors in LPS along which the column and the row number grow.
        position_mm: (3,) LPS of the first voxel.
        modality: such as CT; unknown where the file does not say.
    """

    file: str
    size: tuple[int, int]
    spacing_mm: tuple[float, float]
    axes: _Vectors
    position_mm: _Vectors
    modality: str

    @property
    def normal(self) -> _Vectors:
        """(3,) unit vector along which the slices are stacked."""
        normal = np.cross(self.axes[0], self.axes[1])
        return np.asarray(normal / np.linalg.norm(normal))


def is_dicom_file(path: Path) -> bool:
    """Whether the file begins like a DICOM file."""
    with path.open("rb") as stream:
        return stream.read(_PREAMBLE_BYTES + len(_MAGIC))[_PREAMBLE_BYTES:] == _MAGIC


def read_series(folder: Path) -> tuple[Array, VolumeGeometry, tuple[str, ...]]:
    """Read the one series that a folder holds.

    Returns:
        (K, J, I) voxels after the rescale that the files ask for (Hounsfield units for CT), the grid
        and warnings.

    Raises:
        InvalidInput: no series or several, or slices that do not make a regular volume.
    """
    with quiet_itk():
        slices = [_read_slice(file) for file in _series_files(folder)]
        _require_same_grid(slices)
        normal = slices[0].normal
        slices.sort(key=lambda item: float(item.position_mm @ normal))
        geometry = _geometry(slices)
        array = _read_voxels(slices)
    modality = slices[0].modality
    if modality == "CT":
        return array, geometry, ()
    return array, geometry, (f"The modality of the DICOM series is {modality}, not CT.",)


def _series_files(folder: Path) -> tuple[str, ...]:
    series_ids = sitk.ImageSeriesReader.GetGDCMSeriesIDs(str(folder))
    series: list[tuple[str, ...]] = [
        sitk.ImageSeriesReader.GetGDCMSeriesFileNames(str(folder), series_id)
        for series_id in series_ids
    ]
    if len(series) > 1:
        counts = ", ".join(str(len(files)) for files in sorted(series, key=len, reverse=True))
        raise InvalidInput(
            f"The folder holds {len(series)} DICOM series (numbers of slices: {counts}); "
            "put the one to segment in a folder of its own."
        )
    _require_no_damaged_slice(folder, readable={Path(file).name for file in sum(series, ())})
    if not series:
        raise InvalidInput(
            "The folder holds no DICOM images; give the folder that directly contains the slices."
        )
    return series[0]


def _require_no_damaged_slice(folder: Path, readable: set[str]) -> None:
    """GDCM leaves out truncated files without a word; they still begin like a CT slice."""
    damaged = sum(
        _begins_like_ct(file)
        for file in folder.iterdir()
        if file.is_file() and file.name not in readable
    )
    if damaged:
        raise InvalidInput(
            f"The folder holds truncated or damaged DICOM files ({damaged}); export the series again."
        )


def _begins_like_ct(path: Path) -> bool:
    with path.open("rb") as stream:
        start = stream.read(512)
    return start[_PREAMBLE_BYTES:].startswith(_MAGIC) and _IS_CT_IMAGE in start


def _read_slice(file: str) -> _Slice:
    reader = sitk.ImageFileReader()
    reader.SetImageIO("GDCMImageIO")
    reader.SetFileName(file)
    try:
        reader.ReadImageInformation()
        if int(reader.GetMetaData(_SAMPLES_PER_PIXEL)) != 1:
            raise InvalidInput("The DICOM series is in colour; choose one with scalar voxels.")
        axes = _numbers(reader, _IMAGE_ORIENTATION).reshape(2, 3)
        row_spacing, column_spacing = _numbers(reader, _PIXEL_SPACING)
        position = _numbers(reader, _IMAGE_POSITION).reshape(3)
    except (RuntimeError, ValueError) as error:
        raise InvalidInput(
            "The DICOM files do not say where their slices lie; choose a series of plain, single-frame "
            "slices or convert it to NIfTI first."
        ) from error
    columns, rows, *frames = reader.GetSize()
    if frames and frames[0] > 1:
        raise InvalidInput("Multi-frame DICOM is not supported; convert it to NIfTI first.")
    return _Slice(
        file=file,
        size=(columns, rows),
        spacing_mm=(float(column_spacing), float(row_spacing)),
        axes=axes / np.linalg.norm(axes, axis=1, keepdims=True),
        position_mm=position,
        modality=_modality(reader),
    )


def _numbers(reader: sitk.ImageFileReader, key: str) -> _Vectors:
    values = [float(value) for value in reader.GetMetaData(key).split("\\")]
    return np.array(values)


def _modality(reader: sitk.ImageFileReader) -> str:
    value = reader.GetMetaData(_MODALITY).strip() if reader.HasMetaDataKey(_MODALITY) else ""
    return value or "unknown"


def _require_same_grid(slices: list[_Slice]) -> None:
    first = slices[0]
    require_positive_spacing(first.spacing_mm)
    for item in slices:
        if (
            item.size != first.size
            or not np.allclose(item.spacing_mm, first.spacing_mm, rtol=1e-3)
            or not np.allclose(item.axes, first.axes, rtol=0, atol=_DIRECTION_TOLERANCE)
        ):
            raise InvalidInput(
                "The DICOM slices differ in size, spacing or orientation, as when a localizer is among "
                "them; keep only the slices of the volume."
            )


def _geometry(slices: list[_Slice]) -> VolumeGeometry:
    """Grid of sorted slices, with its axes made exactly perpendicular."""
    columns, rows = slices[0].size
    require_3d((columns, rows, len(slices)))
    along_row = slices[0].axes[0]
    normal = slices[0].normal
    along_column = np.cross(normal, along_row)
    step = _slice_distance(slices, normal)
    column_spacing, row_spacing = slices[0].spacing_mm
    matrix = np.eye(4)
    matrix[:3, 0] = along_row * column_spacing
    matrix[:3, 1] = along_column * row_spacing
    matrix[:3, 2] = normal * step
    matrix[:3, 3] = slices[0].position_mm
    return ras_geometry((len(slices), rows, columns), matrix)


def _slice_distance(slices: list[_Slice], normal: _Vectors) -> float:
    """Distance between neighbouring slices in mm, after checking that there is one."""
    offsets = np.array([item.position_mm for item in slices]) - slices[0].position_mm
    heights = offsets @ normal
    distances = np.diff(heights)
    n_repeated = int(np.count_nonzero(distances < _SAME_POSITION_MM))
    if n_repeated:
        raise InvalidInput(
            f"Some DICOM slices ({n_repeated}) lie where another one does, as with several phases or a "
            "repeated export; keep one slice per position."
        )
    step = float(heights[-1]) / (len(slices) - 1)
    if np.abs(heights - step * np.arange(len(slices))).max() > _UNEVEN_TOLERANCE * step:
        raise InvalidInput(
            f"The distances between the DICOM slices range from {distances.min():.2f} to "
            f"{distances.max():.2f} mm, so slices are missing or unevenly spaced; export the complete "
            "series."
        )
    _require_no_tilt(offsets - np.outer(heights, normal), heights, min(slices[0].spacing_mm))
    return step


def _require_no_tilt(drift: _Vectors, heights: _Vectors, pixel_mm: float) -> None:
    """Refuse slices that shift sideways, given as (n, 3) ``drift`` in mm within the slice plane."""
    lengths = np.linalg.norm(drift, axis=1)
    if lengths.max() > _DRIFT_TOLERANCE_PIXELS * pixel_mm:
        degrees = np.degrees(np.arctan2(lengths[-1], heights[-1]))
        raise InvalidInput(
            f"The DICOM slices are shifted sideways by a gantry tilt of about {degrees:.1f} degrees; "
            "correct the tilt, for example on import in 3D Slicer, and give the result."
        )


def _read_voxels(slices: list[_Slice]) -> Array:
    reader = sitk.ImageSeriesReader()
    reader.SetFileNames([item.file for item in slices])
    try:
        array: Array = sitk.GetArrayFromImage(reader.Execute())
    except RuntimeError as error:
        raise InvalidInput(
            "The voxel data of the DICOM series cannot be decoded; export it without compression."
        ) from error
    return array
