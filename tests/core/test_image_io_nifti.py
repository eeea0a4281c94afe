"""NIfTI headers that ITK accepts, prints about or misreads: fields are overwritten byte by byte."""

from __future__ import annotations

import gzip
import struct
from pathlib import Path

import numpy as np
import pytest
import SimpleITK as sitk

from mobseg.errors import InvalidInput
from mobseg.geometry import VolumeGeometry
from mobseg.image_io import read_map, read_scalar_volume, write_scalar_volume
from mobseg.image_io._itk import read_itk
from mobseg.image_io._nifti import inspect_nifti
from mobseg.volume import ScalarVolume

ARRAY = np.linspace(-1000, 1500, 4 * 5 * 6).reshape(4, 5, 6).astype(np.int16)
SPACING = (2.0, 3.0, 4.0)

# Offsets of fields in the header.
DIM, DATATYPE, PIXDIM, VOX_OFFSET, SLOPE = 40, 70, 76, 108, 112
XYZT_UNITS, QFORM_CODE, SFORM_CODE, QUATERN, QOFFSET, SROW, MAGIC = (
    123,
    252,
    254,
    256,
    268,
    280,
    344,
)


def nifti(tmp_path: Path, *changes: tuple[int, str, tuple]) -> Path:
    """A correct file (sform and qform agree), then (offset, format, values) written over it."""
    path = tmp_path / "ct.nii"
    image = sitk.GetImageFromArray(ARRAY)
    image.SetSpacing(SPACING)
    image.SetOrigin((-7.0, -8.0, 9.0))
    sitk.WriteImage(image, str(path))
    content = bytearray(path.read_bytes())
    for offset, kind, values in changes:
        struct.pack_into(f"<{kind}", content, offset, *values)
    path.write_bytes(content)
    return path


def rows(matrix) -> tuple[int, str, tuple]:
    return SROW, "12f", tuple(np.asarray(matrix, float)[:3].ravel())


def sform(scale=SPACING, offset=(7, 8, 9)) -> np.ndarray:
    """The sform of the correct file, in RAS."""
    matrix = np.diag([-scale[0], -scale[1], scale[2], 1.0])
    matrix[:3, 3] = offset
    return matrix


def test_the_correct_file_gives_no_warning(tmp_path) -> None:
    result = read_scalar_volume(nifti(tmp_path))
    assert result.warnings == ()
    np.testing.assert_allclose(result.volume.geometry.ijk_to_ras_mm, sform(), atol=1e-6)


@pytest.mark.parametrize("value", [0.0, -3.0, np.nan, np.inf])
def test_spacing_that_is_not_positive(tmp_path, value) -> None:
    path = nifti(tmp_path, (PIXDIM + 8, "f", (value,)))
    with pytest.raises(InvalidInput, match=f"spacing in the header is 2 x {value:g} x 4 mm"):
        read_scalar_volume(path)


def test_units_other_than_millimetres(tmp_path) -> None:
    metres = (PIXDIM + 4, "3f", (0.002, 0.003, 0.004)), rows(sform((0.002, 0.003, 0.004)))
    path = nifti(tmp_path, *metres, (XYZT_UNITS, "b", (1,)))
    spacing = read_scalar_volume(path).volume.geometry.spacing_ijk_mm
    np.testing.assert_allclose(spacing, SPACING, rtol=1e-6)


def test_spacing_in_pixdim_must_be_that_of_the_sform(tmp_path) -> None:
    # ITK would take the spacing from pixdim and the axes from the sform.
    path = nifti(tmp_path, (PIXDIM + 4, "3f", (1, 1, 1)), (QFORM_CODE, "h", (0,)))
    with pytest.raises(InvalidInput, match="sform and its pixdim give different voxel spacings"):
        read_scalar_volume(path)


@pytest.mark.parametrize(
    ("qform_code", "sform_code", "used"),
    [(1, 1, "sform"), (2, 1, "sform"), (1, 2, "qform"), (1, 4, "qform")],
)
def test_qform_unlike_sform(tmp_path, qform_code, sform_code, used) -> None:
    path = nifti(
        tmp_path,
        (QFORM_CODE, "2h", (qform_code, sform_code)),
        (QOFFSET, "3f", (7, 8, 9)),
        rows(sform(offset=(7, 8, 12))),
    )
    result = read_scalar_volume(path)
    assert len(result.warnings) == 1
    assert "qform and sform) up to 3 mm apart" in result.warnings[0]
    assert result.volume.geometry.ijk_to_ras_mm[2, 3] == (12 if used == "sform" else 9)


def test_rotated_qform_is_compared_at_the_far_corner(tmp_path) -> None:
    # Half a turn about S is i -> -i, j -> -j; the quaternion (b, c, d) of 0.1 rad more about S:
    half = (np.pi + 0.1) / 2
    path = nifti(tmp_path, (QUATERN, "3f", (0, 0, np.sin(half))))
    result = read_scalar_volume(path)
    far = np.hypot(5 * 2, 4 * 3) * 2 * np.sin(0.05)
    assert f"up to {far:.3g} mm apart" in result.warnings[0]


def test_rounding_between_the_forms_is_no_difference(tmp_path) -> None:
    path = nifti(tmp_path, rows(sform(offset=(7, 8, 9.09))))
    assert read_scalar_volume(path).warnings == ()


def test_no_form_code(tmp_path) -> None:
    result = read_scalar_volume(nifti(tmp_path, (QFORM_CODE, "2h", (0, 0))))
    assert len(result.warnings) == 1
    assert "check left and right" in result.warnings[0]
    np.testing.assert_allclose(result.volume.geometry.spacing_ijk_mm, SPACING)


def test_sheared_sform(tmp_path) -> None:
    matrix = sform()
    matrix[0, 1] = 0.05
    path = nifti(tmp_path, (QFORM_CODE, "h", (0,)), rows(matrix))
    with pytest.raises(InvalidInput, match="not perpendicular"):
        read_scalar_volume(path)


@pytest.mark.parametrize("value", [np.nan, np.inf])
@pytest.mark.parametrize("offset", [SROW, SROW + 12, QUATERN, QOFFSET])
def test_position_that_is_not_finite(tmp_path, capfd, offset, value) -> None:
    with pytest.raises(InvalidInput, match="impossible values"):
        read_scalar_volume(nifti(tmp_path, (offset, "f", (value,))))
    assert capfd.readouterr() == ("", "")  # ITK prints matrices here


@pytest.mark.parametrize(
    "change",
    [
        (DIM, "h", (0,)),
        (DIM, "h", (8,)),
        (DIM + 2, "h", (0,)),
        (DIM + 2, "h", (-4,)),
        (VOX_OFFSET, "f", (0.0,)),
        (VOX_OFFSET, "f", (np.nan,)),
    ],
)
def test_impossible_sizes(tmp_path, capfd, change) -> None:
    with pytest.raises(InvalidInput, match="impossible values"):
        read_scalar_volume(nifti(tmp_path, change))
    assert capfd.readouterr() == ("", "")


def test_header_that_promises_more_than_there_is(tmp_path) -> None:
    # 30000 x 5 x 4 voxels of 2 bytes; ITK returns whatever was in memory.
    path = nifti(tmp_path, (DIM + 2, "h", (30000,)))
    with pytest.raises(InvalidInput, match="truncated: it holds 240 of 1200000 bytes"):
        read_scalar_volume(path)


def test_unknown_voxel_type(tmp_path) -> None:
    with pytest.raises(InvalidInput, match="damaged or of a kind that is not supported"):
        read_scalar_volume(nifti(tmp_path, (DATATYPE, "h", (1536,))))


def test_nifti_2(tmp_path) -> None:
    with pytest.raises(InvalidInput, match="NIfTI-2 is not supported"):
        read_scalar_volume(nifti(tmp_path, (0, "i", (540,))))


def test_analyze(tmp_path) -> None:
    # Without the magic ITK reads it as Analyze, with another orientation and no rescaling.
    with pytest.raises(InvalidInput, match="its content is none"):
        read_scalar_volume(nifti(tmp_path, (MAGIC, "4s", (b"",))))


def test_rescaled_voxels(tmp_path) -> None:
    volume = read_scalar_volume(nifti(tmp_path, (SLOPE, "2f", (1.0, -24.0)))).volume
    np.testing.assert_array_equal(volume.array, ARRAY - 24.0)


def test_big_endian(tmp_path) -> None:
    path = nifti(tmp_path)
    content = path.read_bytes()
    header, voxels = bytearray(content[:352]), np.frombuffer(content[352:], "<i2")
    for offset, kind, n in [(0, "i", 1), (DIM, "h", 8), (DATATYPE, "2h", 1), (PIXDIM, "f", 11)]:
        for at in range(offset, offset + n * struct.calcsize(kind), struct.calcsize(kind)):
            struct.pack_into(f">{kind}", header, at, *struct.unpack_from(f"<{kind}", header, at))
    for at, kind in [(QFORM_CODE, "2h"), (QUATERN, "18f"), (SLOPE, "2f")]:
        struct.pack_into(f">{kind}", header, at, *struct.unpack_from(f"<{kind}", header, at))
    path.write_bytes(header + voxels.astype(">i2").tobytes())

    result = read_scalar_volume(path)

    assert result.warnings == ()
    assert result.volume.array.dtype.isnative
    np.testing.assert_array_equal(result.volume.array, ARRAY)
    np.testing.assert_allclose(result.volume.geometry.ijk_to_ras_mm, sform(), atol=1e-6)


def test_uncompressed_file_named_gz(tmp_path) -> None:
    path = nifti(tmp_path).rename(tmp_path / "ct.nii.gz")
    np.testing.assert_array_equal(read_scalar_volume(path).volume.array, ARRAY)


def test_wrong_checksum_of_a_compressed_file(tmp_path) -> None:
    packed = bytearray(gzip.compress(nifti(tmp_path).read_bytes()))
    packed[-8] ^= 0xFF
    path = tmp_path / "ct.nii.gz"
    path.write_bytes(packed)
    with pytest.raises(InvalidInput, match="truncated or damaged"):
        read_scalar_volume(path)


@pytest.mark.parametrize("dtype", ["u1", "i2", "f4", "f8", "i8"])
@pytest.mark.parametrize("suffix", [".nii", ".nii.gz"])
def test_voxels_and_grid_are_those_that_itk_reads(tmp_path, dtype, suffix) -> None:
    """The voxels are unpacked once, by us."""
    path = tmp_path / f"image{suffix}"
    array = np.random.default_rng(0).integers(0, 100, (5, 6, 7)).astype(dtype)
    write_scalar_volume(ScalarVolume(array, VolumeGeometry((5, 6, 7), sform())), path)
    assert inspect_nifti(path).voxels is not None
    found = read_map(path)
    expected, geometry, _ = read_itk(path)
    assert found.array.dtype == expected.dtype == array.dtype
    np.testing.assert_array_equal(found.array, expected)
    np.testing.assert_array_equal(found.array, array)
    np.testing.assert_array_equal(found.geometry.ijk_to_ras_mm, geometry.ijk_to_ras_mm)


@pytest.mark.parametrize("slope", [(0.0, 0.0), (1.0, 0.0)])
def test_a_slope_that_changes_nothing(tmp_path, slope) -> None:
    path = nifti(tmp_path, (SLOPE, "2f", slope))
    found = inspect_nifti(path).voxels
    assert found is not None
    np.testing.assert_array_equal(found, ARRAY)
    np.testing.assert_array_equal(read_itk(path)[0], ARRAY)


@pytest.mark.parametrize("slope", [(2.0, 0.0), (1.0, 3.0), (0.0, 3.0), (float("nan"), 0.0)])
def test_rescaled_voxels_are_left_to_itk(tmp_path, slope) -> None:
    assert inspect_nifti(nifti(tmp_path, (SLOPE, "2f", slope))).voxels is None


def test_a_promise_that_no_file_could_keep_takes_no_memory(tmp_path) -> None:
    path = nifti(tmp_path, (DIM + 2, "3h", (30000, 30000, 30000)))
    with pytest.raises(InvalidInput, match="truncated: it holds 240 of 54000000000000 bytes"):
        read_map(path)
