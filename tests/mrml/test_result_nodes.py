"""Results are found again, and removed without a trace."""

from __future__ import annotations

import pytest

from tests.mrml.conftest import REASON
from tests.mrml.test_result_loader import node_ids

slicer = pytest.importorskip("slicer", reason=REASON, exc_type=ImportError)
nodes = pytest.importorskip("MoBSegmentationLib.result_nodes", reason=REASON, exc_type=ImportError)
pytestmark = pytest.mark.slicer


def test_results_are_found_with_all_their_nodes(scene, add_result) -> None:
    assert nodes.find_results(scene) == ()
    made = (add_result(), add_result(score="entropy"))
    assert nodes.find_results(scene) == made


def test_two_images_with_one_name_keep_their_own_results(scene, add_ct, add_result) -> None:
    first, second = add_ct(name="CT"), add_ct(name="CT")
    add_result(ct=second)
    add_result(ct=first)
    assert [result.source for result in nodes.find_results(scene)] == [second, first]


@pytest.mark.parametrize("role", ["segmentation", "prediction", "score", "entropy"])
def test_a_result_without_a_needed_node_is_left_out(scene, add_result, role) -> None:
    result = add_result()
    assert result.is_in_scene()
    scene.RemoveNode(getattr(result, role))
    assert not result.is_in_scene()
    assert nodes.find_results(scene) == ()


def test_the_image_is_not_needed(scene, add_result) -> None:
    result = add_result()
    scene.RemoveNode(result.source)
    (found,) = nodes.find_results(scene)
    assert found.source is None
    assert found.segmentation is result.segmentation


def test_a_damaged_record_is_no_result(scene, add_result) -> None:
    add_result().result.SetParameter("run", "{}")
    assert nodes.find_results(scene) == ()


def test_other_script_nodes_are_no_results(scene) -> None:
    scene.AddNewNodeByClass("vtkMRMLScriptedModuleNode")
    assert nodes.find_results(scene) == ()


def test_removing_leaves_the_scene_as_it_was(scene, add_ct, add_result) -> None:
    ct = add_ct()
    kept = add_result(ct=ct)
    before = node_ids(scene)
    nodes.remove_result(add_result(ct=ct), scene)
    assert node_ids(scene) == before
    assert nodes.find_results(scene) == (kept,)


def test_what_was_saved_and_deleted_meanwhile_does_not_hinder_removing(
    scene, add_ct, add_result, tmp_path
) -> None:
    ct = add_ct()
    before = node_ids(scene)
    result = add_result(ct=ct)
    slicer.util.saveNode(result.segmentation, str(tmp_path / "a.seg.nrrd"))
    scene.RemoveNode(result.entropy)
    scene.RemoveNode(result.variances[0].GetDisplayNode())
    nodes.remove_result(result, scene)
    left = node_ids(scene) - before
    # The display node of a node that the user deleted is the user's.
    assert all("DisplayNode" in node_id for node_id in left), left
    assert len(left) <= 1
