"""DICOM series written with GDCM, right and wrong."""

from __future__ import annotations

import zlib
from pathlib import Path

import numpy as np
import pytest
import SimpleITK as sitk

from mobseg.errors import InvalidInput
from mobseg.image_io import read_scalar_volume

CT_IMAGE_STORAGE = "1.2.840.10008.5.1.4.1.1.2"
AXIAL = (1.0, 0.0, 0.0, 0.0, 1.0, 0.0)
#: Rotated about S by the angle with cosine 0.8 and about the new row axis by the one with cosine 0.6.
OBLIQUE = (0.8, 0.6, 0.0, -0.36, 0.48, 0.8)
ROWS, COLUMNS = 8, 6


def voxels(n_slices: int) -> np.ndarray:
    """Hounsfield units, different in every voxel."""
    return np.arange(n_slices * ROWS * COLUMNS).reshape(n_slices, ROWS, COLUMNS) - 1024


def write_slice(
    path: Path,
    hounsfield: np.ndarray,
    position,
    orientation=AXIAL,
    *,
    spacing=(0.75, 1.5),
    modality="CT",
    series="1.2.3.4",
) -> None:
    image = sitk.GetImageFromArray(hounsfield.astype(np.int16))
    image.SetSpacing(spacing)
    values = {
        "0008|0016": CT_IMAGE_STORAGE,
        "0008|0018": f"1.2.3.4.{zlib.crc32(path.name.encode())}",
        "0008|0060": modality,
        "0010|0010": "DOE^JANE",
        "0020|000d": "1.2.3",
        "0020|000e": series,
        "0020|0032": "\\".join(f"{x:.6f}" for x in position),
        "0020|0037": "\\".join(f"{x:.6f}" for x in orientation),
        "0028|1052": "-1024",
        "0028|1053": "1",
    }
    for tag, value in values.items():
        image.SetMetaData(tag, value)
    writer = sitk.ImageFileWriter()
    writer.KeepOriginalImageUIDOn()
    writer.SetFileName(str(path))
    writer.Execute(image)


def write_series(
    folder: Path, heights, orientation=AXIAL, shift=(0.0, 0.0, 0.0), prefix="IM", **tags
) -> Path:
    """Slices at these heights along their normal, with names in scrambled order."""
    folder.mkdir(exist_ok=True)
    normal = np.cross(orientation[:3], orientation[3:])
    hounsfield = voxels(len(heights))
    for index, height in enumerate(heights):
        position = np.array([-10.0, 20.0, 5.0]) + height * normal + index * np.array(shift)
        name = f"{prefix}{(index * 7) % 11:02d}.dcm"
        write_slice(folder / name, hounsfield[index], position, orientation, **tags)
    return folder


def replace_in_all(folder: Path, old: bytes, new: bytes) -> None:
    """Overwrite a tag or value, of the same length, in every file."""
    assert len(old) == len(new)
    for path in folder.iterdir():
        content = path.read_bytes()
        assert content.count(old) == 1
        path.write_bytes(content.replace(old, new))


@pytest.mark.parametrize("orientation", [AXIAL, OBLIQUE])
def test_voxels_and_grid(tmp_path, orientation) -> None:
    result = read_scalar_volume(write_series(tmp_path, [0, 2, 4, 6, 8], orientation))

    assert result.warnings == ()
    assert result.volume.array.dtype.kind == "i"
    np.testing.assert_array_equal(result.volume.array, voxels(5))
    row, column = np.array(orientation[:3]), np.array(orientation[3:])
    lps = [-10, 20, 5] + 3 * 0.75 * row + 4 * 1.5 * column + 2 * 2.0 * np.cross(row, column)
    np.testing.assert_allclose(
        result.volume.geometry.ijk_to_ras([3, 4, 2]), lps * [-1, -1, 1], atol=1e-5
    )


def test_grid_is_that_of_itk_for_a_regular_series(tmp_path) -> None:
    folder = write_series(tmp_path, [0, 2.5, 5, 7.5], OBLIQUE)
    image = sitk.ReadImage(sitk.ImageSeriesReader.GetGDCMSeriesFileNames(str(folder)))
    volume = read_scalar_volume(folder).volume
    np.testing.assert_array_equal(volume.array, sitk.GetArrayFromImage(image))
    for ijk in [(0, 0, 0), (5, 7, 3)]:
        lps = np.array(image.TransformIndexToPhysicalPoint(ijk))
        np.testing.assert_allclose(volume.geometry.ijk_to_ras(ijk), lps * [-1, -1, 1], atol=1e-5)


def test_axes_are_perpendicular_after_rounding_in_the_header(tmp_path) -> None:
    write_series(tmp_path, [0, 2, 4], OBLIQUE)
    replace_in_all(tmp_path, b"-.36\\.48", b"-.35\\.48")
    matrix = read_scalar_volume(tmp_path).volume.geometry.ijk_to_ras_mm
    directions = matrix[:3, :3] / np.linalg.norm(matrix[:3, :3], axis=0)
    np.testing.assert_allclose(directions.T @ directions, np.eye(3), atol=1e-12)


def test_other_files_in_the_folder_do_not_matter(tmp_path) -> None:
    write_series(tmp_path, [0, 2, 4])
    (tmp_path / "notes.txt").write_text("hello")
    (tmp_path / "VERSION").write_bytes(b"")
    (tmp_path / "sub").mkdir()
    assert read_scalar_volume(tmp_path).volume.array.shape == (3, ROWS, COLUMNS)


def test_another_modality_is_a_warning(tmp_path) -> None:
    result = read_scalar_volume(write_series(tmp_path, [0, 2, 4], modality="PT"))
    assert result.warnings == ("The modality of the DICOM series is PT, not CT.",)


def test_no_dicom_in_the_folder(tmp_path) -> None:
    (tmp_path / "notes.txt").write_text("hello")
    with pytest.raises(InvalidInput, match="no DICOM images"):
        read_scalar_volume(tmp_path)


def test_several_series(tmp_path) -> None:
    write_series(tmp_path, [0, 2], prefix="A", series="1.2.3.5")
    write_series(tmp_path, [0, 2, 4], prefix="B", series="1.2.3.6")
    with pytest.raises(InvalidInput, match=r"2 DICOM series \(numbers of slices: 3, 2\)"):
        read_scalar_volume(tmp_path)


@pytest.mark.parametrize("heights", [[0, 2, 4, 8, 10], [0, 2, 4, 6, 12], [0, 4, 6, 8, 10]])
def test_missing_slice(tmp_path, heights) -> None:
    with pytest.raises(
        InvalidInput, match=r"range from 2\.00 to [46]\.00 mm, so slices are missing"
    ):
        read_scalar_volume(write_series(tmp_path, heights))


def test_rounded_slice_positions_are_even_enough(tmp_path) -> None:
    folder = write_series(tmp_path, [0, 0.62, 1.25, 1.88, 2.5])
    geometry = read_scalar_volume(folder).volume.geometry
    assert geometry.spacing_kji_mm[0] == pytest.approx(0.625)


def test_repeated_positions(tmp_path) -> None:
    with pytest.raises(InvalidInput, match=r"slices \(3\) lie where another one does"):
        read_scalar_volume(write_series(tmp_path, [0, 2, 4, 0, 2, 4]))


@pytest.mark.parametrize("degrees", [5.0, -20.0])
def test_gantry_tilt(tmp_path, degrees) -> None:
    shift = (0, 2 * np.tan(np.radians(degrees)), 0)
    folder = write_series(tmp_path, [0, 2, 4, 6, 8, 10, 12], shift=shift)
    with pytest.raises(InvalidInput, match=f"tilt of about {abs(degrees):.1f} degrees"):
        read_scalar_volume(folder)


@pytest.mark.parametrize(
    ("rows", "tags"),
    [
        (ROWS - 1, {}),
        (ROWS, {"spacing": (1.0, 1.0)}),
        (ROWS, {"orientation": (0, 1, 0, 0, 0, -1)}),
    ],
)
def test_localizer_among_the_slices(tmp_path, rows, tags) -> None:
    write_series(tmp_path, [0, 2, 4])
    write_slice(tmp_path / "localizer.dcm", voxels(1)[0, :rows], (-10, 20, 11), **tags)
    with pytest.raises(InvalidInput, match="differ in size, spacing or orientation"):
        read_scalar_volume(tmp_path)


def test_single_slice(tmp_path) -> None:
    with pytest.raises(InvalidInput, match="single slice"):
        read_scalar_volume(write_series(tmp_path, [0]))


def test_one_file_of_a_series(tmp_path) -> None:
    write_series(tmp_path, [0, 2, 4])
    with pytest.raises(InvalidInput, match="give the folder"):
        read_scalar_volume(tmp_path / "IM00.dcm")


@pytest.mark.parametrize("kept", [0.6, 0.99])
def test_truncated_slice(tmp_path, capfd, kept) -> None:
    write_series(tmp_path, [0, 2, 4, 6])
    last = tmp_path / "IM10.dcm"  # at an end of the stack, where no gap betrays it
    last.write_bytes(last.read_bytes()[: int(last.stat().st_size * kept)])
    with pytest.raises(InvalidInput, match=r"truncated or damaged DICOM files \(1\)") as error:
        read_scalar_volume(tmp_path)
    assert "DOE" not in str(error.value)
    assert capfd.readouterr() == ("", "")


def test_spacing_zero(tmp_path) -> None:
    write_series(tmp_path, [0, 2, 4])
    replace_in_all(tmp_path, b"1.5\\.75", b"0\\0.750")
    with pytest.raises(InvalidInput, match=r"spacing in the header is 0\.75 x 0 mm"):
        read_scalar_volume(tmp_path)


def test_slices_without_a_position(tmp_path) -> None:
    # As in photographs, reports and multi-frame files; here the tag gets the number of another one.
    write_series(tmp_path, [0, 2, 4])
    replace_in_all(tmp_path, b"\x20\x00\x32\x00", b"\x20\x00\x33\x00")
    with pytest.raises(InvalidInput, match="do not say where their slices lie"):
        read_scalar_volume(tmp_path)


def test_colour(tmp_path) -> None:
    image = sitk.GetImageFromArray(np.zeros((8, 6, 3), np.uint8), isVector=True)
    for index in range(3):
        image.SetMetaData("0020|0032", f"0\\0\\{index}")
        image.SetMetaData("0020|000e", "1.2.3.4")
        writer = sitk.ImageFileWriter()
        writer.KeepOriginalImageUIDOn()
        writer.SetFileName(str(tmp_path / f"{index}.dcm"))
        writer.Execute(image)
    with pytest.raises(InvalidInput, match="in colour"):
        read_scalar_volume(tmp_path)
