"""Volume nodes as input of the worker."""

from __future__ import annotations

import numpy as np
import pytest

from mobseg.errors import InvalidInput, OutputError
from mobseg.image_io import read_scalar_volume
from mobseg.region_of_interest import voxel_box
from tests.mrml.cases import GRIDS, PLAIN, SHAPE, ct_array
from tests.mrml.conftest import REASON

slicer = pytest.importorskip("slicer", reason=REASON, exc_type=ImportError)
vtk = pytest.importorskip("vtk", reason=REASON, exc_type=ImportError)
bridge = pytest.importorskip("MoBSegmentationLib.mrml_bridge", reason=REASON, exc_type=ImportError)
pytestmark = pytest.mark.slicer


@pytest.mark.parametrize("geometry", GRIDS.values(), ids=GRIDS)
def test_a_volume_reaches_the_worker_as_it_is(add_ct, tmp_path, geometry) -> None:
    path = tmp_path / "größe 1" / "ct.nrrd"
    path.parent.mkdir()
    bridge.export_volume(add_ct(geometry), path)
    read = read_scalar_volume(path)
    np.testing.assert_array_equal(read.volume.array, ct_array())
    np.testing.assert_allclose(
        read.volume.geometry.ijk_to_ras_mm, geometry.ijk_to_ras_mm, rtol=0, atol=1e-9
    )
    assert [file.name for file in path.parent.iterdir()] == ["ct.nrrd"]


@pytest.mark.parametrize("dtype", [np.uint8, np.int32, np.float32, np.float64])
def test_voxel_types_are_kept(scene, tmp_path, dtype) -> None:
    array = np.random.default_rng(0).uniform(0, 200, SHAPE).astype(dtype)
    bridge.export_volume(slicer.util.addVolumeFromArray(array), tmp_path / "ct.nrrd")
    read = read_scalar_volume(tmp_path / "ct.nrrd").volume.array
    assert read.dtype == dtype
    np.testing.assert_array_equal(read, array)


def test_nothing_of_the_patient_is_written_beside_the_voxels(add_ct, tmp_path) -> None:
    ct = add_ct(name="Doe^Jane")
    ct.SetDescription("Doe^Jane 1970")
    ct.SetAttribute("DICOM.instanceUIDs", "1.2.840.77")
    bridge.export_volume(ct, tmp_path / "ct.nrrd")
    header = (tmp_path / "ct.nrrd").read_bytes().partition(b"\n\n")[0]
    assert b"Doe" not in header
    assert b"77" not in header


def test_a_transform_is_not_applied(scene, add_ct, tmp_path) -> None:
    ct = add_ct()
    ct.SetAndObserveTransformNodeID(_shift(scene).GetID())
    bridge.export_volume(ct, tmp_path / "ct.nrrd")
    read = read_scalar_volume(tmp_path / "ct.nrrd").volume
    np.testing.assert_allclose(read.geometry.ijk_to_ras_mm, PLAIN.ijk_to_ras_mm, atol=1e-9)


def test_a_folder_that_is_not_there_is_named_as_the_cause(add_ct, tmp_path) -> None:
    with pytest.raises(OutputError, match="disk"):
        bridge.export_volume(add_ct(), tmp_path / "none" / "ct.nrrd")


def test_a_usable_volume_is_accepted(add_ct) -> None:
    assert bridge.check_input(add_ct()) is None
    without_display = add_ct()
    without_display.RemoveAllDisplayNodeIDs()
    assert bridge.check_input(without_display) is None


def _no_voxels(scene):
    return scene.AddNewNodeByClass("vtkMRMLScalarVolumeNode")


def _single_slice(scene):
    return slicer.util.addVolumeFromArray(np.zeros((1, 8, 8), np.int16))


def _colours(scene):
    return slicer.util.addVolumeFromArray(
        np.zeros((*SHAPE, 3), np.uint8), nodeClassName="vtkMRMLVectorVolumeNode"
    )


def _labels(scene):
    return slicer.util.addVolumeFromArray(
        np.zeros(SHAPE, np.uint8), nodeClassName="vtkMRMLLabelMapVolumeNode"
    )


def _sheared(scene):
    matrix = np.eye(4)
    matrix[1, 2] = 0.3
    return slicer.util.addVolumeFromArray(np.zeros(SHAPE, np.int16), ijkToRAS=matrix)


def _model(scene):
    return scene.AddNewNodeByClass("vtkMRMLModelNode")


@pytest.mark.parametrize(
    ("make", "reason"),
    [
        (lambda scene: None, "Choose"),
        (_no_voxels, "no voxels"),
        (_single_slice, "single slice"),
        (_colours, "3 values per voxel"),
        (_labels, "no image"),
        (_sheared, "perpendicular"),
        (_model, "no image"),
    ],
)
def test_what_cannot_be_segmented_is_refused_with_the_reason(scene, tmp_path, make, reason) -> None:
    node = make(scene)
    assert reason in bridge.check_input(node)
    with pytest.raises(InvalidInput, match=reason):
        bridge.export_volume(node, tmp_path / "ct.nrrd")


def _roi(scene, center, size):
    roi = scene.AddNewNodeByClass("vtkMRMLMarkupsROINode")
    roi.SetCenterWorld(*center)
    roi.SetSize(*size)
    return roi


def _shift(scene, matrix=None):
    transform = scene.AddNewNodeByClass("vtkMRMLLinearTransformNode")
    values = vtk.vtkMatrix4x4()
    if matrix is None:
        for row, mm in enumerate((100.0, -50.0, 7.0)):
            values.SetElement(row, 3, mm)
    else:
        values.DeepCopy(np.asarray(matrix, float).ravel().tolist())
    transform.SetMatrixTransformToParent(values)
    return transform


def test_the_box_of_a_region_of_interest(scene, add_ct) -> None:
    box = bridge.roi_box_ras_mm(_roi(scene, (0, -45, 50), (10, 20, 6)), add_ct())
    assert box == pytest.approx((-5, 5, -55, -35, 47, 53))


def test_the_box_is_in_the_own_space_of_the_volume(scene, add_ct) -> None:
    ct = add_ct()
    ct.SetAndObserveTransformNodeID(_shift(scene).GetID())
    box = bridge.roi_box_ras_mm(_roi(scene, (100, -95, 57), (10, 20, 6)), ct)
    assert box == pytest.approx((-5, 5, -55, -35, 47, 53))


def test_a_turned_region_of_interest_is_enclosed(scene, add_ct) -> None:
    roi = _roi(scene, (0, 0, 0), (10, 20, 6))
    turned = np.eye(4)
    turned[:3, :3] = [[0, -1, 0], [1, 0, 0], [0, 0, 1]]
    turned[:3, 3] = (0, -45, 50)
    roi.SetAndObserveTransformNodeID(_shift(scene, turned).GetID())
    box = bridge.roi_box_ras_mm(roi, add_ct())
    assert box == pytest.approx((-10, 10, -50, -40, 47, 53))


def test_the_box_holds_the_voxels_of_the_region(scene, add_ct) -> None:
    geometry = GRIDS["oblique, anisotropic"]
    center = geometry.ijk_to_ras((12, 10, 6))
    box = bridge.roi_box_ras_mm(_roi(scene, center, (4, 4, 4)), add_ct(geometry))
    window = voxel_box(box, geometry)
    assert all(axis.start <= n < axis.stop for axis, n in zip(window, (6, 10, 12), strict=True))


@pytest.mark.parametrize(
    ("center", "size", "reason"),
    [((0, 0, 0), (0, 5, 5), "empty"), ((900, 0, 0), (5, 5, 5), "outside")],
)
def test_a_useless_region_of_interest_is_refused(scene, add_ct, center, size, reason) -> None:
    with pytest.raises(InvalidInput, match=reason):
        bridge.roi_box_ras_mm(_roi(scene, center, size), add_ct())
