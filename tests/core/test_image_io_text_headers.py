"""NRRD and MetaImage, from headers written by hand."""

from __future__ import annotations

import gzip
import zlib
from pathlib import Path

import numpy as np
import pytest

from mobseg.errors import InvalidInput
from mobseg.image_io import read_scalar_volume

ARRAY = np.linspace(-1000, 1500, 4 * 5 * 6).reshape(4, 5, 6).astype("<i2")


def nrrd(path: Path, data: bytes = ARRAY.tobytes(), **changes: str | None) -> Path:
    """A correct NRRD file with fields changed, or left out where ``None``."""
    fields: dict[str, str | None] = {
        "type": "short",
        "dimension": "3",
        "space": "left-posterior-superior",
        "sizes": "6 5 4",
        "space directions": "(2,0,0) (0,3,0) (0,0,4)",
        "space origin": "(1,2,3)",
        "kinds": "domain domain domain",
        "endian": "little",
        "encoding": "raw",
    }
    fields |= {name.replace("_", " "): value for name, value in changes.items()}
    header = "".join(f"{name}: {value}\n" for name, value in fields.items() if value is not None)
    path.write_bytes(f"NRRD0004\n# a comment: here\n{header}key:=value\n\n".encode() + data)
    return path


def metaimage(path: Path, data: bytes = ARRAY.tobytes(), **changes: str | None) -> Path:
    """A correct MetaImage file with fields changed, or left out where ``None``."""
    fields: dict[str, str | None] = {
        "ObjectType": "Image",
        "NDims": "3",
        "BinaryData": "True",
        "CompressedData": "False",
        "Offset": "1 2 3",
        "ElementSpacing": "2 3 4",
        "DimSize": "6 5 4",
        "ElementType": "MET_SHORT",
        "ElementDataFile": "LOCAL",
    }
    fields |= changes
    fields["ElementDataFile"] = fields.pop("ElementDataFile")  # must come last
    header = "".join(f"{name} = {value}\n" for name, value in fields.items() if value is not None)
    path.write_bytes(header.encode() + data)
    return path


@pytest.mark.parametrize(
    ("space", "ras_origin", "ras_diagonal"),
    [
        ("left-posterior-superior", (-1, -2, 3), (-2, -3, 4)),
        ("right-anterior-superior", (1, 2, 3), (2, 3, 4)),
        ("LAS", (-1, 2, 3), (-2, 3, 4)),
    ],
)
def test_nrrd_spaces(tmp_path, space, ras_origin, ras_diagonal) -> None:
    result = read_scalar_volume(nrrd(tmp_path / "ct.nrrd", space=space))
    assert result.warnings == ()
    matrix = result.volume.geometry.ijk_to_ras_mm
    np.testing.assert_allclose(matrix[:3, 3], ras_origin)
    np.testing.assert_allclose(matrix[:3, :3], np.diag(ras_diagonal))
    np.testing.assert_array_equal(result.volume.array, ARRAY)


@pytest.mark.parametrize("encoding", ["raw", "gzip", "gz"])
def test_detached_nrrd_with_big_endian_data(tmp_path, encoding) -> None:
    data = ARRAY.astype(">i2").tobytes()
    (tmp_path / "ct.raw").write_bytes(data if encoding == "raw" else gzip.compress(data))
    path = nrrd(tmp_path / "ct.nhdr", b"", endian="big", encoding=encoding, data_file="ct.raw")
    np.testing.assert_array_equal(read_scalar_volume(path).volume.array, ARRAY)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"space_directions": "(2,0,0) (1,3,0) (0,0,4)"}, "not perpendicular"),
        ({"space_directions": "(0,0,0) (0,3,0) (0,0,4)"}, "do not span a volume"),
        ({"space_directions": "(2,0,0) (2,0,0) (0,0,4)"}, "do not span a volume"),
        ({"sizes": "6 5 8"}, "damaged or of a kind"),
        ({"type": "block"}, "damaged or of a kind"),
        ({"encoding": "gzip"}, "do not unpack"),
    ],
)
def test_bad_nrrd(tmp_path, changes, message) -> None:
    with pytest.raises(InvalidInput, match=message):
        read_scalar_volume(nrrd(tmp_path / "ct.nrrd", **changes))


@pytest.mark.parametrize("value", ["-3", "0"])
def test_nrrd_spacing_that_is_not_positive(tmp_path, value) -> None:
    no_space = dict.fromkeys(("space", "space directions", "space origin", "kinds"))
    path = nrrd(tmp_path / "ct.nrrd", spacings=f"2 {value} 4", **no_space)
    with pytest.raises(InvalidInput, match=f"spacing in the header is 2 x {value} x 4 mm"):
        read_scalar_volume(path)


def test_nrrd_without_a_position(tmp_path) -> None:
    no_space = dict.fromkeys(("space", "space directions", "space origin", "kinds"))
    result = read_scalar_volume(nrrd(tmp_path / "ct.nrrd", spacings="2 3 4", **no_space))
    assert len(result.warnings) == 1
    assert "check left and right" in result.warnings[0]


def test_nrrd_with_a_spacing_of_an_axis_that_has_none(tmp_path) -> None:
    path = nrrd(
        tmp_path / "ct.nrrd",
        dimension="4",
        sizes="1 6 5 4",
        kinds="list domain domain domain",
        spacings="NaN NaN NaN NaN",
        space_directions="none (2,0,0) (0,3,0) (0,0,4)",
    )
    np.testing.assert_array_equal(read_scalar_volume(path).volume.array, ARRAY)


def test_nrrd_with_a_list_of_two_frames(tmp_path) -> None:
    path = nrrd(
        tmp_path / "ct.nrrd",
        dimension="4",
        sizes="2 6 5 2",
        kinds="list domain domain domain",
        space_directions="none (2,0,0) (0,3,0) (0,0,4)",
    )
    with pytest.raises(InvalidInput, match="2 values per voxel"):
        read_scalar_volume(path)


@pytest.mark.parametrize("compressed", [False, True])
def test_detached_metaimage(tmp_path, compressed) -> None:
    data = zlib.compress(ARRAY.tobytes()) if compressed else ARRAY.tobytes()
    (tmp_path / "ct.raw").write_bytes(data)
    path = metaimage(
        tmp_path / "ct.mhd",
        b"",
        ElementDataFile="ct.raw",
        CompressedData=str(compressed),
    )
    result = read_scalar_volume(path)
    assert result.warnings == ()
    np.testing.assert_array_equal(result.volume.array, ARRAY)
    np.testing.assert_allclose(result.volume.geometry.ijk_to_ras([0, 0, 0]), (-1, -2, 3))


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"TransformMatrix": "1 0 0 0.5 1 0 0 0 1"}, "not perpendicular"),
        ({"TransformMatrix": "1 0 0 1 0 0 0 0 1"}, "do not span a volume"),
        ({"ElementSpacing": "2 0 4"}, "spacing in the header is 2 x 0 x 4 mm"),
        ({"ElementSpacing": "2 -3 4"}, "spacing in the header is 2 x -3 x 4 mm"),
        ({"ElementSpacing": "2 x 4"}, "not a number"),
        ({"DimSize": "6 inf 4"}, "not a number"),
        ({"DimSize": "6 5 8"}, "truncated: it holds 240 of 480 bytes"),
        ({"CompressedData": "True"}, "do not unpack"),
    ],
)
def test_bad_metaimage(tmp_path, capfd, changes, message) -> None:
    with pytest.raises(InvalidInput, match=message):
        read_scalar_volume(metaimage(tmp_path / "ct.mha", **changes))
    assert capfd.readouterr() == ("", "")


def test_metaimage_without_spacing(tmp_path) -> None:
    result = read_scalar_volume(metaimage(tmp_path / "ct.mha", ElementSpacing=None))
    assert len(result.warnings) == 1
    assert "check left and right" in result.warnings[0]


@pytest.mark.parametrize("kind", ["raw nrrd", "gzip nrrd", "metaimage"])
def test_missing_data_file(tmp_path, capfd, kind) -> None:
    if kind == "metaimage":
        path = metaimage(tmp_path / "ct.mhd", b"", ElementDataFile="gone.raw")
    else:
        path = nrrd(tmp_path / "ct.nhdr", b"", encoding=kind.split()[0], data_file="gone.raw")
    with pytest.raises(InvalidInput, match="data file that is missing"):
        read_scalar_volume(path)
    assert capfd.readouterr() == ("", "")
