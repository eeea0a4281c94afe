"""Our NIfTI headers against those of ITK."""

from __future__ import annotations

import gzip

import numpy as np
import pytest
import SimpleITK as sitk
from scipy.spatial.transform import Rotation

from mobseg.errors import OutputError
from mobseg.geometry import VolumeGeometry
from mobseg.image_io import write_scalar_volume
from mobseg.image_io._itk import to_image
from mobseg.volume import ScalarVolume

SHAPE = (3, 4, 5)
#: Offset and length of the fields that say what the voxels are and where they lie.
FIELDS = {
    "dim": (40, 16),
    "datatype and bitpix": (70, 4),
    "vox_offset": (108, 4),
    "units": (123, 1),
    "form codes": (252, 4),
    "magic": (344, 4),
}


def geometry(angles, flipped):
    matrix = np.eye(4)
    matrix[:3, :3] = Rotation.from_euler("xyz", angles, degrees=True).as_matrix() * (0.7, 1.1, 3)
    matrix[:3, flipped] *= -1
    matrix[:3, 3] = (-123.4, 56.7, 890.1)
    return VolumeGeometry(SHAPE, matrix)


def both_files(volume, folder):
    """The bytes that we and that ITK write."""
    write_scalar_volume(volume, folder / "ours.nii")
    sitk.WriteImage(to_image(volume.array, volume.geometry), str(folder / "itk.nii"))
    return (folder / "ours.nii").read_bytes(), (folder / "itk.nii").read_bytes()


@pytest.mark.parametrize("flipped", [[], [0], [0, 1], [0, 1, 2]])
@pytest.mark.parametrize("angles", [(0, 0, 0), (20, -35, 50), (180, 0, 0), (0, 0, 90)])
def test_the_position_is_the_one_of_itk(tmp_path, angles, flipped):
    volume = ScalarVolume(np.zeros(SHAPE, np.float32), geometry(angles, flipped))
    ours, reference = both_files(volume, tmp_path)
    for header in (ours, reference):
        assert np.frombuffer(header[252:256], "<i2").tolist() == [1, 1]
    for offset, count in ((76, 4), (256, 6), (280, 12)):  # pixdim, qform, sform
        found, expected = (
            np.frombuffer(header, "<f4", count, offset) for header in (ours, reference)
        )
        if offset == 256 and np.sign(found[:3] @ expected[:3]) < 0:
            found = found * (-1, -1, -1, 1, 1, 1)  # half a turn either way
        np.testing.assert_allclose(found, expected, atol=2e-5)


@pytest.mark.parametrize("dtype", ["u1", "i1", "<i2", ">i2", "u2", "i4", "u4", "f4", ">f8"])
def test_the_rest_is_the_one_of_itk(tmp_path, dtype):
    array = np.arange(60, dtype=dtype).reshape(SHAPE)
    native = array.astype(array.dtype.newbyteorder("="))
    ours, reference = both_files(ScalarVolume(native, geometry((0, 0, 0), [])), tmp_path)
    for name, (offset, length) in FIELDS.items():
        assert ours[offset : offset + length] == reference[offset : offset + length], name
    assert ours[352:] == reference[352:]
    assert len(ours) == 352 + native.nbytes
    write_scalar_volume(ScalarVolume(array, geometry((0, 0, 0), [])), tmp_path / "foreign.nii")
    assert (tmp_path / "foreign.nii").read_bytes() == ours


def test_equal_volumes_give_equal_files(tmp_path):
    volume = ScalarVolume(np.ones(SHAPE, np.float32), geometry((1, 2, 3), []))
    for name in ("one.nii.gz", "two.nii.gz"):
        write_scalar_volume(volume, tmp_path / name)
    packed = (tmp_path / "one.nii.gz").read_bytes()
    assert packed == (tmp_path / "two.nii.gz").read_bytes()
    write_scalar_volume(volume, tmp_path / "plain.nii")
    assert gzip.decompress(packed) == (tmp_path / "plain.nii").read_bytes()


def test_a_type_that_nifti_has_not(tmp_path):
    volume = ScalarVolume(np.zeros(SHAPE, np.float16), geometry((0, 0, 0), []))
    with pytest.raises(OutputError, match="float16"):
        write_scalar_volume(volume, tmp_path / "map.nii.gz")
    assert not list(tmp_path.iterdir())
