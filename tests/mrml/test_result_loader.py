"""A prediction folder in the scene."""

from __future__ import annotations

import shutil

import numpy as np
import pytest

from mobseg.errors import GeometryMismatch, InvalidInput
from mobseg.uncertainty import error_probability, foreground_variance
from tests.mrml.cases import GRIDS, PLAIN, prediction, write_result
from tests.mrml.conftest import REASON
from tests.support.predictions import LEFT, RIGHT

slicer = pytest.importorskip("slicer", reason=REASON, exc_type=ImportError)
vtk = pytest.importorskip("vtk", reason=REASON, exc_type=ImportError)
loader = pytest.importorskip(
    "MoBSegmentationLib.result_loader", reason=REASON, exc_type=ImportError
)
pytestmark = pytest.mark.slicer


def node_ids(scene) -> set[str]:
    return {scene.GetNthNode(n).GetID() for n in range(scene.GetNumberOfNodes())}


def matrix_of(node) -> np.ndarray:
    matrix = vtk.vtkMatrix4x4()
    node.GetIJKToRASMatrix(matrix)
    return slicer.util.arrayFromVTKMatrix(matrix)


@pytest.mark.parametrize("geometry", GRIDS.values(), ids=GRIDS)
def test_every_map_lies_voxel_on_voxel_on_the_image(add_result, geometry) -> None:
    maps = prediction(geometry)
    result = add_result(maps)
    expected = [
        (result.prediction, maps.labels),
        (result.entropy, maps.predictive_entropy_nats),
        (result.score, error_probability(maps)),
        *zip(result.variances, maps.probability_variance, strict=True),
        *zip(result.probabilities, maps.probability_mean, strict=True),
    ]
    assert {id(node) for node, _ in expected} == {id(node) for node in result.volumes}
    for node, values in expected:
        np.testing.assert_array_equal(slicer.util.arrayFromVolume(node), values)
        np.testing.assert_allclose(matrix_of(node), geometry.ijk_to_ras_mm, rtol=0, atol=1e-9)


@pytest.mark.parametrize("geometry", GRIDS.values(), ids=GRIDS)
def test_segments_are_the_labels_in_place(add_result, geometry) -> None:
    maps = prediction(geometry)
    result = add_result(maps)
    for label in (LEFT, RIGHT):
        mask = slicer.util.arrayFromSegmentBinaryLabelmap(
            result.segmentation, f"Segment_{label.value}", result.source
        )
        np.testing.assert_array_equal(mask > 0, maps.labels == label.value)


def test_segments_have_names_colours_and_terminology(add_result) -> None:
    segmentation = add_result().segmentation.GetSegmentation()
    first, second = (segmentation.GetNthSegment(n) for n in range(2))
    assert (first.GetName(), second.GetName()) == (LEFT.name, RIGHT.name)
    np.testing.assert_allclose(first.GetColor(), np.array(LEFT.color_rgb) / 255, atol=1e-3)
    assert "SCT^45289007^Parotid gland" in _terminology(first)


def _terminology(segment) -> str:
    tag = vtk.reference("")
    segment.GetTag("TerminologyEntry", tag)
    return str(tag)


def test_what_the_export_as_dicom_needs_is_there(scene, add_ct, add_result) -> None:
    """Reference geometry and volume, a coded segment, and the place in the patient's study."""
    hierarchy = slicer.vtkMRMLSubjectHierarchyNode.GetSubjectHierarchyNode(scene)
    patient = hierarchy.CreateSubjectItem(hierarchy.GetSceneItemID(), "patient")
    study = hierarchy.CreateStudyItem(patient, "study")
    ct = add_ct()
    hierarchy.CreateItem(study, ct)
    segmentation = add_result(ct=ct).segmentation
    role = slicer.vtkMRMLSegmentationNode.GetReferenceImageGeometryReferenceRole()
    assert segmentation.GetNodeReference(role) is ct
    geometry = slicer.vtkOrientedImageData()
    parameter = segmentation.GetSegmentation().GetConversionParameter("Reference image geometry")
    assert slicer.vtkSegmentationConverter.DeserializeImageGeometry(parameter, geometry, False)
    assert geometry.GetDimensions() == ct.GetImageData().GetDimensions()
    assert hierarchy.GetItemParent(hierarchy.GetItemByDataNode(segmentation)) == study


@pytest.mark.parametrize(
    ("score", "expected"),
    [
        ("variance", foreground_variance),
        ("entropy", lambda maps: maps.predictive_entropy_nats),
        ("mutual_information", lambda maps: maps.mutual_information_nats),
        ("error_probability", error_probability),
    ],
)
def test_the_score_is_the_map_that_flagged_the_regions(add_result, score, expected) -> None:
    maps = prediction()
    result = add_result(maps, score=score)
    np.testing.assert_array_equal(slicer.util.arrayFromVolume(result.score), expected(maps))
    assert result.run.threshold.score == score


def test_a_deterministic_model_has_no_variance_map(add_result) -> None:
    result = add_result(prediction(is_stochastic=False), score="entropy")
    names = [volume.GetName() for volume in result.volumes]
    assert sum("Disagreement" in name for name in names) == 2
    assert not [name for name in names if name.startswith("CT: Variance")]


def test_everything_is_under_the_transform_of_the_image(scene, add_ct, add_result) -> None:
    transform = scene.AddNewNodeByClass("vtkMRMLLinearTransformNode")
    ct = add_ct()
    ct.SetAndObserveTransformNodeID(transform.GetID())
    result = add_result(ct=ct)
    for node in (result.segmentation, *result.volumes):
        assert node.GetParentTransformNode() is transform


@pytest.mark.parametrize(
    "name",
    ["run.json", "segmentation.seg.nrrd", "entropy.nii.gz", "probability_mean_Right_gland.nii.gz"],
)
@pytest.mark.parametrize("damage", ["missing", "damaged"])
def test_an_incomplete_result_leaves_the_scene_as_it_was(
    scene, add_ct, tmp_path, name, damage
) -> None:
    folder = write_result(tmp_path / "result", prediction())
    (folder / name).unlink() if damage == "missing" else (folder / name).write_bytes(b"junk")
    ct = add_ct()
    before = node_ids(scene)
    with pytest.raises(InvalidInput, match=r"prediction folder"):
        loader.load_result(folder, ct, scene)
    assert node_ids(scene) == before


def test_the_result_of_another_image_is_refused(scene, add_ct, tmp_path) -> None:
    folder = write_result(tmp_path / "result", prediction(PLAIN))
    ct = add_ct(GRIDS["left-handed"])
    before = node_ids(scene)
    with pytest.raises(GeometryMismatch, match="choose the volume"):
        loader.load_result(folder, ct, scene)
    assert node_ids(scene) == before


def test_the_folder_is_not_needed_any_more(add_result, tmp_path) -> None:
    maps = prediction()
    result = add_result(maps)
    for folder in tmp_path.iterdir():
        shutil.rmtree(folder)
    assert result.segmentation.GetStorageNode() is None
    np.testing.assert_array_equal(
        slicer.util.arrayFromVolume(result.entropy), maps.predictive_entropy_nats
    )
