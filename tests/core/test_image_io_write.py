"""Writing: exact, compressed, and complete or not at all."""

from __future__ import annotations

import errno
import os
from pathlib import Path

import numpy as np
import pytest
import SimpleITK as sitk

from mobseg.errors import OutputError
from mobseg.geometry import VolumeGeometry
from mobseg.image_io import (
    read_label_volume,
    read_scalar_volume,
    write_label_volume,
    write_scalar_volume,
)
from mobseg.volume import LabelVolume, ScalarVolume

SUFFIXES = (".nii", ".nii.gz", ".nrrd")


def geometry(shape_kji, *, left_handed: bool = False) -> VolumeGeometry:
    """Oblique, anisotropic."""
    directions = np.array([[0.8, 0.0, 0.6], [0.36, 0.8, -0.48], [-0.48, 0.6, 0.64]])
    if left_handed:
        directions[:, 0] *= -1
    matrix = np.eye(4)
    matrix[:3, :3] = directions * [0.7, 1.1, 3.0]
    matrix[:3, 3] = [-123.4, 56.7, 890.1]
    return VolumeGeometry(shape_kji, matrix)


def ct(shape_kji=(4, 5, 6), dtype=np.int16, **kwargs) -> ScalarVolume:
    values = np.linspace(-1000, 1500, np.prod(shape_kji)).reshape(shape_kji).astype(dtype)
    return ScalarVolume(values, geometry(shape_kji, **kwargs))


def noise() -> ScalarVolume:
    """Two megabytes that do not compress."""
    array = np.random.default_rng(0).normal(size=(32, 128, 128)).astype(np.float32)
    return ScalarVolume(array, geometry(array.shape))


@pytest.mark.parametrize("left_handed", [False, True])
@pytest.mark.parametrize("dtype", [np.int16, np.int32, np.float32, np.float64])
@pytest.mark.parametrize("suffix", SUFFIXES)
def test_round_trip(tmp_path, suffix, dtype, left_handed) -> None:
    volume = ct(dtype=dtype, left_handed=left_handed)
    path = tmp_path / f"ct{suffix}"

    write_scalar_volume(volume, path)

    result = read_scalar_volume(path)
    assert result.warnings == ()
    assert result.volume.array.dtype == dtype
    np.testing.assert_array_equal(result.volume.array, volume.array)
    assert result.volume.geometry.is_close(volume.geometry)
    assert [item.name for item in tmp_path.iterdir()] == [path.name]


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
@pytest.mark.parametrize("suffix", SUFFIXES)
def test_round_trip_of_labels(tmp_path, suffix, dtype) -> None:
    array = np.zeros((4, 5, 6), dtype)
    array[1, 2, 3] = np.iinfo(dtype).max
    write_label_volume(LabelVolume(array, geometry(array.shape)), tmp_path / f"labels{suffix}")
    volume = read_label_volume(tmp_path / f"labels{suffix}")
    assert volume.array.dtype == dtype
    np.testing.assert_array_equal(volume.array, array)


def test_itk_sees_the_same_place_in_lps(tmp_path) -> None:
    volume = ct()
    write_scalar_volume(volume, tmp_path / "ct.nrrd")
    image = sitk.ReadImage(str(tmp_path / "ct.nrrd"))
    lps = np.array(image.TransformIndexToPhysicalPoint((5, 4, 3)))
    np.testing.assert_allclose(lps * [-1, -1, 1], volume.geometry.ijk_to_ras([5, 4, 3]), atol=1e-9)


def test_views_and_foreign_byte_order(tmp_path) -> None:
    stored = ct((4, 5, 6)).array.astype(">i2")[::-1].transpose(2, 1, 0)
    volume = ScalarVolume(stored, geometry(stored.shape))
    write_scalar_volume(volume, tmp_path / "ct.nrrd")
    result = read_scalar_volume(tmp_path / "ct.nrrd").volume
    np.testing.assert_array_equal(result.array, stored)


@pytest.mark.parametrize("suffix", [".nii.gz", ".nrrd"])
def test_compression(tmp_path, suffix) -> None:
    array = np.zeros((16, 64, 64), np.float32)
    path = tmp_path / f"map{suffix}"
    write_scalar_volume(ScalarVolume(array, geometry(array.shape)), path)
    assert path.stat().st_size < array.nbytes / 50


def test_an_existing_file_is_replaced(tmp_path) -> None:
    path = tmp_path / "ct.nrrd"
    write_scalar_volume(ct(), path)
    write_scalar_volume(ct((2, 3, 4)), path)
    assert read_scalar_volume(path).volume.array.shape == (2, 3, 4)


def test_other_suffix(tmp_path) -> None:
    with pytest.raises(OutputError, match="choose such a file name"):
        write_scalar_volume(ct(), tmp_path / "ct.png")


def test_missing_folder(tmp_path) -> None:
    with pytest.raises(OutputError, match="No such file or directory"):
        write_scalar_volume(ct(), tmp_path / "gone" / "ct.nrrd")
    assert not (tmp_path / "gone").exists()


def test_folder_that_is_a_file(tmp_path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(OutputError, match="Not a directory"):
        write_scalar_volume(ct(), tmp_path / "file" / "ct.nrrd")


def test_name_that_is_a_folder(tmp_path) -> None:
    (tmp_path / "ct.nrrd").mkdir()
    with pytest.raises(OutputError, match="Is a directory"):
        write_scalar_volume(ct(), tmp_path / "ct.nrrd")
    assert [item.name for item in tmp_path.iterdir()] == ["ct.nrrd"]


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_what_cannot_be_segmented_can_still_be_written(tmp_path, suffix) -> None:
    array = np.full((1, 5, 6), np.nan, np.float32)
    path = tmp_path / f"map{suffix}"
    write_scalar_volume(ScalarVolume(array, geometry(array.shape)), path)
    assert sitk.ReadImage(str(path)).GetSize() == (6, 5, 1)


@pytest.mark.skipif(os.name == "nt" or os.geteuid() == 0, reason="permissions do not bind here")
def test_folder_without_permission(tmp_path) -> None:
    tmp_path.chmod(0o500)
    try:
        with pytest.raises(OutputError, match="Permission denied"):
            write_scalar_volume(ct(), tmp_path / "ct.nrrd")
    finally:
        tmp_path.chmod(0o700)


@pytest.fixture
def small_disk():
    """No file may grow beyond 100 kB, so that writing really fails in the middle."""
    resource = pytest.importorskip("resource")
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, limits[1]))
    yield
    resource.setrlimit(resource.RLIMIT_FSIZE, limits)


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_full_disk(tmp_path, small_disk, suffix) -> None:
    with pytest.raises(OutputError, match="cannot be written"):
        write_scalar_volume(noise(), tmp_path / f"map{suffix}")
    assert list(tmp_path.iterdir()) == []


def test_full_disk_leaves_the_older_file(tmp_path, small_disk) -> None:
    path = tmp_path / "map.nii.gz"
    write_scalar_volume(ct(), path)
    before = path.read_bytes()
    with pytest.raises(OutputError):
        write_scalar_volume(noise(), path)
    assert path.read_bytes() == before
    assert list(tmp_path.iterdir()) == [path]


def test_the_cause_is_named_where_the_system_gives_one(tmp_path, monkeypatch) -> None:
    def refuse(self: Path, target: Path) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(Path, "replace", refuse)
    with pytest.raises(OutputError, match="No space left on device"):
        write_scalar_volume(ct(), tmp_path / "ct.nrrd")
    assert list(tmp_path.iterdir()) == []


def test_interruption_leaves_nothing(tmp_path, monkeypatch) -> None:
    def interrupt(*args: object, **kwargs: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(sitk, "WriteImage", interrupt)
    with pytest.raises(KeyboardInterrupt):
        write_scalar_volume(ct(), tmp_path / "ct.nrrd")
    assert list(tmp_path.iterdir()) == []
