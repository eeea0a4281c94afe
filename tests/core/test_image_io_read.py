"""Reading what is right, whatever the format, and refusing voxels that cannot be used."""

from __future__ import annotations

import errno
import hashlib
import os
from pathlib import Path

import numpy as np
import pytest
import SimpleITK as sitk

from mobseg.errors import InvalidInput
from mobseg.geometry import VolumeGeometry
from mobseg.image_io import read_label_volume, read_scalar_volume, voxel_sha256
from mobseg.volume import ScalarVolume

SUFFIXES = (".nii", ".nii.gz", ".nrrd", ".nhdr", ".mha", ".mhd")
SIZE_KJI = (4, 5, 6)
OBLIQUE = (0.8, 0.0, 0.6, 0.0, -1.0, 0.0, 0.6, 0.0, -0.8)


def ct_like(dtype=np.int16) -> np.ndarray:
    return np.linspace(-1000, 1500, np.prod(SIZE_KJI)).reshape(SIZE_KJI).astype(dtype)


def save(array: np.ndarray, path: Path, **grid) -> Path:
    image = sitk.GetImageFromArray(array)
    image.SetSpacing(grid.get("spacing", (1.5, 2.0, 3.0)))
    image.SetOrigin(grid.get("origin", (10.0, -20.0, 30.0)))
    image.SetDirection(grid.get("direction", OBLIQUE))
    sitk.WriteImage(image, str(path), useCompression=True)
    return path


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_voxels_grid_and_type_of_each_format(tmp_path, suffix) -> None:
    array = ct_like()
    path = save(array, tmp_path / f"ct{suffix}")

    result = read_scalar_volume(path)

    assert result.warnings == ()
    assert result.volume.array.dtype == np.int16
    np.testing.assert_array_equal(result.volume.array, array)
    # By hand: LPS origin + direction * spacing * (i, j, k) = (2, 3, 1), then x and y change sign.
    lps = np.array([10, -20, 30]) + np.reshape(OBLIQUE, (3, 3)) @ [3.0, 6.0, 3.0]
    np.testing.assert_allclose(
        result.volume.geometry.ijk_to_ras([2, 3, 1]), lps * [-1, -1, 1], atol=1e-4
    )


@pytest.mark.parametrize("kind", ["i1", "i2", "i4", "i8", "f4", "f8"])
@pytest.mark.parametrize("suffix", [".nii.gz", ".nrrd", ".mha"])
def test_stored_type_is_kept(tmp_path, suffix, kind) -> None:
    array = np.clip(ct_like(np.float64), -100, 127).astype(kind)
    volume = read_scalar_volume(save(array, tmp_path / f"ct{suffix}")).volume
    assert volume.array.dtype == array.dtype
    np.testing.assert_array_equal(volume.array, array)


@pytest.mark.parametrize("kind", ["f4", "f8"])
@pytest.mark.parametrize("suffix", SUFFIXES)
def test_nan_and_infinite_voxels_are_counted(tmp_path, suffix, kind) -> None:
    # ITK turns them into 0 when it reads NIfTI.
    array = ct_like(kind)
    array[1, 2, 3], array[0, 0, 0], array[3, 4, 5] = np.nan, np.inf, -np.inf
    with pytest.raises(InvalidInput, match=r"NaN or infinite voxels \(3 of them\); replace"):
        read_scalar_volume(save(array, tmp_path / f"ct{suffix}"))


@pytest.mark.parametrize("value", [0, -1024])
def test_constant_image(tmp_path, value) -> None:
    array = np.full(SIZE_KJI, value, np.int16)
    with pytest.raises(InvalidInput, match=f"empty: every voxel is {value}"):
        read_scalar_volume(save(array, tmp_path / "ct.nrrd"))


@pytest.mark.parametrize("suffix", [".nii.gz", ".nrrd", ".mha"])
@pytest.mark.parametrize("shape", [(1, 5, 6), (4, 1, 6), (4, 5, 1)])
def test_single_slice(tmp_path, suffix, shape) -> None:
    array = np.arange(np.prod(shape), dtype=np.int16).reshape(shape)
    with pytest.raises(InvalidInput, match="single slice"):
        read_scalar_volume(save(array, tmp_path / f"ct{suffix}"))


@pytest.mark.parametrize("suffix", [".nii", ".nrrd", ".mha"])
def test_two_dimensional_image(tmp_path, suffix) -> None:
    path = tmp_path / f"ct{suffix}"
    sitk.WriteImage(sitk.GetImageFromArray(ct_like()[0]), str(path))
    with pytest.raises(InvalidInput, match="single slice"):
        read_scalar_volume(path)


@pytest.mark.parametrize("suffix", [".nii.gz", ".nrrd", ".mha"])
def test_colour_image(tmp_path, suffix) -> None:
    path = tmp_path / f"ct{suffix}"
    colour = np.zeros((*SIZE_KJI, 3), np.uint8)
    sitk.WriteImage(sitk.GetImageFromArray(colour, isVector=True), str(path))
    with pytest.raises(InvalidInput, match=r"[23] values per voxel"):
        read_scalar_volume(path)


def test_complex_image(tmp_path) -> None:
    path = tmp_path / "ct.nii"
    sitk.WriteImage(sitk.GetImageFromArray(ct_like().astype(np.complex64)), str(path))
    with pytest.raises(InvalidInput, match=r"[23] values per voxel"):
        read_scalar_volume(path)


@pytest.mark.parametrize("suffix", [".nii.gz", ".mha"])
@pytest.mark.parametrize("frames", [1, 3])
def test_four_dimensional_image(tmp_path, suffix, frames) -> None:
    path = tmp_path / f"ct{suffix}"
    array = np.stack([ct_like()] * frames)
    sitk.WriteImage(sitk.GetImageFromArray(array, isVector=False), str(path))
    if frames > 1:
        with pytest.raises(InvalidInput, match="3 values per voxel"):
            read_scalar_volume(path)
    else:
        result = read_scalar_volume(path)
        np.testing.assert_array_equal(result.volume.array, array[0])
        assert len(result.warnings) == 1
        assert "four-dimensional with a single frame" in result.warnings[0]


@pytest.mark.parametrize("suffix", SUFFIXES)
@pytest.mark.parametrize("spacing", [(101.0, 1.0, 1.0), (1.0, 0.009, 1.0)])
def test_absurd_spacing(tmp_path, suffix, spacing) -> None:
    path = save(ct_like(), tmp_path / f"ct{suffix}", spacing=spacing)
    with pytest.raises(InvalidInput, match=r"outside 0\.01 to 100 mm"):
        read_scalar_volume(path)


@pytest.mark.parametrize(
    ("low", "high", "dtype", "message"),
    [
        (0, 2500, np.uint16, "none of them air"),  # CT with 1024 added
        (0, 255, np.uint8, "none of them air"),
        (-1, 1, np.float32, "rescaled or windowed"),
        (-3024, 1500, np.int16, "padding outside"),
    ],
)
def test_values_unlike_hounsfield_units_are_a_warning(tmp_path, low, high, dtype, message) -> None:
    array = np.linspace(low, high, np.prod(SIZE_KJI)).reshape(SIZE_KJI).astype(dtype)
    result = read_scalar_volume(save(array, tmp_path / "ct.nrrd"))
    assert len(result.warnings) == 1
    assert message in result.warnings[0]
    assert result.volume.array.min() == low  # a warning only: nothing is shifted or clipped


def test_missing_path(tmp_path) -> None:
    with pytest.raises(InvalidInput, match="no file or folder"):
        read_scalar_volume(tmp_path / "gone.nii.gz")


def test_input_without_permission(tmp_path, monkeypatch) -> None:
    path = save(ct_like(), tmp_path / "ct.nrrd")

    def refuse(*args: object, **kwargs: object) -> None:
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), str(path))

    monkeypatch.setattr(Path, "open", refuse)
    with pytest.raises(InvalidInput, match=r"cannot be read \(Permission denied\)") as error:
        read_scalar_volume(path)
    assert path.name not in str(error.value)


def test_unknown_kind(tmp_path) -> None:
    path = tmp_path / "ct.png"
    path.write_bytes(b"\x89PNG\r\n")
    with pytest.raises(InvalidInput, match="unknown kind"):
        read_scalar_volume(path)


@pytest.mark.parametrize("content", [b"", b"hello", b"hello\n" * 1000, bytes(1000)])
@pytest.mark.parametrize("suffix", SUFFIXES)
def test_content_that_is_no_image(tmp_path, suffix, content) -> None:
    path = tmp_path / f"ct{suffix}"
    path.write_bytes(content)
    with pytest.raises(InvalidInput, match="its content is none"):
        read_scalar_volume(path)


@pytest.mark.parametrize("suffix", [".nii", ".nii.gz", ".nrrd", ".mha"])
@pytest.mark.parametrize("kept", [0.3, 0.9, 0.999])
def test_truncated_file(tmp_path, capfd, suffix, kept) -> None:
    noise = np.random.default_rng(0).integers(-1000, 1000, (8, 32, 32)).astype(np.int16)
    path = save(noise, tmp_path / f"DOE_JANE{suffix}")
    content = path.read_bytes()
    path.write_bytes(content[: int(len(content) * kept)])

    with pytest.raises(InvalidInput, match="truncated") as error:
        read_scalar_volume(path)

    assert "DOE" not in str(error.value)
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize("suffix", [".nii.gz", ".nrrd", ".mha"])
def test_damaged_voxel_data(tmp_path, capfd, suffix) -> None:
    noise = np.random.default_rng(0).integers(-1000, 1000, (8, 32, 32)).astype(np.int16)
    path = save(noise, tmp_path / f"ct{suffix}")
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 0xFF
    path.write_bytes(content)
    with pytest.raises(InvalidInput, match="truncated or damaged"):
        read_scalar_volume(path)
    assert capfd.readouterr() == ("", "")


def test_shared_itk_switch_is_put_back(tmp_path) -> None:
    sitk.ProcessObject.SetGlobalWarningDisplay(True)
    read_scalar_volume(save(ct_like(), tmp_path / "ct.nrrd"))
    assert sitk.ProcessObject.GetGlobalWarningDisplay()


@pytest.mark.parametrize(
    ("stored", "expected"),
    [
        (np.array([0, 1, 7], np.float64), np.uint8),
        (np.array([0, 255, 3], np.int32), np.uint8),
        (np.array([0, 256, 3], np.int64), np.uint16),
        (np.array([0, 0, 0], np.uint8), np.uint8),  # nothing to see is a valid reference
    ],
)
def test_labels(tmp_path, stored, expected) -> None:
    array = np.resize(stored, SIZE_KJI)
    volume = read_label_volume(save(array, tmp_path / "labels.nrrd"))
    assert volume.array.dtype == expected
    np.testing.assert_array_equal(volume.array, array)


@pytest.mark.parametrize("bad", [0.5, -1.0, 65536.0, 1e300])
def test_labels_must_be_whole_and_in_range(tmp_path, bad) -> None:
    array = np.zeros(SIZE_KJI)
    array[1, 1, 1] = bad
    with pytest.raises(InvalidInput, match="not whole numbers from 0"):
        read_label_volume(save(array, tmp_path / "labels.nrrd"))


def test_hash_knows_type_shape_and_voxels_only() -> None:
    geometry = VolumeGeometry(SIZE_KJI, np.eye(4))
    array = ct_like()
    hashes = {
        voxel_sha256(ScalarVolume(array, geometry)),
        voxel_sha256(ScalarVolume(np.asfortranarray(array), geometry)),
        voxel_sha256(ScalarVolume(array.astype(">i2"), geometry)),
    }
    assert len(hashes) == 1
    changed = array.copy()
    changed[3, 4, 5] += 1
    assert voxel_sha256(ScalarVolume(changed, geometry)) not in hashes
    assert voxel_sha256(ScalarVolume(array.astype(np.int32), geometry)) not in hashes


def test_hash_is_stable_across_versions() -> None:
    array = np.arange(24, dtype=np.int16).reshape(2, 3, 4)
    volume = ScalarVolume(array, VolumeGeometry((2, 3, 4), np.eye(4)))
    expected = hashlib.sha256(b"<i2(2, 3, 4)" + array.tobytes()).hexdigest()
    assert voxel_sha256(volume) == expected
