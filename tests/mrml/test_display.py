"""What the views show of a result."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import ndimage

from tests.mrml.cases import PLAIN, THRESHOLD, prediction
from tests.mrml.conftest import REASON
from tests.mrml.test_result_loader import node_ids

slicer = pytest.importorskip("slicer", reason=REASON, exc_type=ImportError)
display = pytest.importorskip("MoBSegmentationLib.display", reason=REASON, exc_type=ImportError)
nodes = pytest.importorskip("MoBSegmentationLib.result_nodes", reason=REASON, exc_type=ImportError)
pytestmark = pytest.mark.slicer


@pytest.fixture
def layers(scene):
    """The layers of two slice views."""
    made = [scene.AddNewNodeByClass("vtkMRMLSliceCompositeNode") for _ in range(2)]
    for number, node in enumerate(made):
        node.SetLayoutName(f"view {number}")
    return made


@pytest.fixture
def show(scene):
    def make(result):
        return display.ResultDisplay(result, scene, slicer.modules.colors.logic())

    return make


def legend_of(volume):
    return slicer.modules.colors.logic().GetColorLegendDisplayNode(volume)


def test_the_score_lies_over_the_image(add_result, layers, show) -> None:
    result = add_result()
    show(result).show()
    for node in layers:
        assert node.GetBackgroundVolumeID() == result.source.GetID()
        assert node.GetForegroundVolumeID() == result.score.GetID()
        assert node.GetForegroundOpacity() == 0.5


def test_the_heat_map_starts_at_the_threshold(add_result, layers, show) -> None:
    result = add_result()
    shown = show(result)
    shown.show()
    values = result.score.GetDisplayNode()
    largest = slicer.util.arrayFromVolume(result.score).max()
    assert values.GetApplyThreshold()
    assert not values.GetInterpolate()
    assert values.GetLowerThreshold() == pytest.approx(THRESHOLD)
    assert (values.GetWindowLevelMin(), values.GetWindowLevelMax()) == pytest.approx((0, largest))
    shown.set_threshold(0.2)
    assert values.GetLowerThreshold() == pytest.approx(0.2)
    assert values.GetUpperThreshold() >= largest


def test_colours_are_those_of_inferno(add_result, layers, show) -> None:
    result = add_result()
    show(result).show()
    table = result.score.GetDisplayNode().GetColorNode()
    matplotlib = pytest.importorskip("matplotlib", reason="only compared with")
    rgba = [0.0] * 4
    expected = matplotlib.colormaps["inferno"]
    largest_difference = 0.0
    for n in range(256):
        table.GetColor(n, rgba)
        largest_difference = max(largest_difference, *np.abs(np.subtract(rgba, expected(n))))
    assert largest_difference < 0.03


def test_maps_are_offered_by_label_and_named(add_result, show) -> None:
    titles = {shown.key: shown.title for shown in show(add_result()).maps}
    assert titles == {
        "score": "Probability of error",
        "variance_3": "Variance of the probability, Left gland",
        "probability_3": "Probability, Left gland",
        "variance_7": "Variance of the probability, Right gland",
        "probability_7": "Probability, Right gland",
        "entropy": "Entropy",
    }


def test_a_map_that_is_the_score_is_offered_once(add_result, show) -> None:
    maps = show(add_result(score="entropy")).maps
    assert len({shown.volume.GetID() for shown in maps}) == len(maps)
    assert maps[0].legend_title == "Entropy [nats]"


def test_a_deterministic_model_shows_no_variance(add_result, layers, show) -> None:
    result = add_result(prediction(is_stochastic=False), score="entropy")
    shown = show(result)
    shown.show()
    for choice in shown.maps:
        shown.show_map(choice.key)
        assert "Variance" not in choice.title
        assert "Variance" not in legend_of(choice.volume).GetTitleText()
    assert [choice.title for choice in shown.maps if choice.key.startswith("variance")] == [
        "Disagreement (variance between passes), Left gland",
        "Disagreement (variance between passes), Right gland",
    ]


def test_another_map_takes_the_place_of_the_score(add_result, layers, show) -> None:
    result = add_result()
    shown = show(result)
    shown.show()
    shown.show_map("variance_3")
    assert shown.shown_map.volume is result.variances[0]
    assert layers[0].GetForegroundVolumeID() == result.variances[0].GetID()
    assert not legend_of(result.score).GetVisibility()
    assert legend_of(result.variances[0]).GetVisibility()
    shown.set_threshold(0.3)  # belongs to the score alone
    assert result.variances[0].GetDisplayNode().GetLowerThreshold() < 0.01
    shown.show_map("score")
    assert result.score.GetDisplayNode().GetLowerThreshold() == pytest.approx(0.3)


def test_the_overlay_is_toggled_with_its_legend(add_result, layers, show) -> None:
    result = add_result()
    shown = show(result)
    shown.show()
    shown.set_overlay_opacity(0.7)
    shown.toggle_overlay()
    assert not shown.overlay_visible
    assert layers[0].GetForegroundOpacity() == 0
    assert not legend_of(result.score).GetVisibility()
    shown.toggle_overlay()
    assert layers[1].GetForegroundOpacity() == 0.7
    assert legend_of(result.score).GetVisibility()
    shown.set_legend_visible(False)
    assert not legend_of(result.score).GetVisibility()


def test_hiding_leaves_other_layers_alone(add_ct, add_result, layers, show) -> None:
    shown = show(add_result())
    shown.show()
    other = add_ct(name="other")
    layers[1].SetForegroundVolumeID(other.GetID())
    shown.hide()
    assert layers[0].GetForegroundVolumeID() is None
    assert layers[1].GetForegroundVolumeID() == other.GetID()


def test_segments_are_outlines(add_result, show) -> None:
    result = add_result()
    shown = show(result)
    shown.show()
    segments = result.segmentation.GetDisplayNode()
    assert not segments.GetVisibility2DFill()
    assert segments.GetVisibility2DOutline()
    shown.set_outline_visible(False)
    assert not segments.GetVisibility2DOutline()


def test_nodes_without_display_nodes_are_shown(scene, add_result, layers, show) -> None:
    result = add_result()
    for node in (result.source, result.score, result.segmentation):
        scene.RemoveNode(node.GetDisplayNode())
    show(result).show()
    assert result.score.GetDisplayNode().GetApplyThreshold()


def test_a_result_without_its_image_is_shown(scene, add_result, layers, show) -> None:
    result = add_result()
    shown = show(result)
    scene.RemoveNode(result.source)
    shown.show()
    assert layers[0].GetForegroundVolumeID() == result.score.GetID()


@pytest.mark.parametrize("is_scene_closed", [False, True])
def test_a_result_that_is_deleted_meanwhile_is_no_fault(
    scene, add_result, layers, show, is_scene_closed
) -> None:
    result = add_result()
    shown = show(result)
    shown.show()
    shown.show_surface_with_variance(True)
    if is_scene_closed:
        scene.Clear(False)
    else:
        nodes.remove_result(result, scene)
    before = node_ids(scene)
    shown.set_threshold(0.2)
    shown.toggle_overlay()
    shown.toggle_overlay()
    shown.set_overlay_opacity(0.3)
    shown.show_map("entropy")
    shown.show_surface_with_variance(True)
    shown.show_surface_with_variance(False)
    shown.hide()
    assert node_ids(scene) == before


@pytest.mark.parametrize("key", ["score", "variance_7", "probability_3"])
def test_the_map_is_painted_on_the_surfaces(scene, add_result, layers, show, key) -> None:
    result = add_result()
    shown = show(result)
    shown.show()
    shown.show_map(key)
    before = node_ids(scene)
    shown.show_surface_with_variance(True)
    models = [scene.GetFirstNodeByName(name) for name in _names_of_models(shown)]
    maps = {"score": [result.score] * 2, "variance_7": result.variances}
    largest = max(
        slicer.util.arrayFromVolume(node).max() for node in maps.get(key, result.probabilities)
    )
    for model, node in zip(models, maps.get(key, result.probabilities), strict=True):
        array = slicer.util.arrayFromVolume(node)
        points = slicer.util.arrayFromModelPoints(model)
        values = slicer.util.arrayFromModelPointData(model, "values")
        assert len(points) > 100
        at = PLAIN.ras_to_ijk(points)[:, ::-1].T
        expected = ndimage.map_coordinates(array, at, order=1, mode="nearest")
        np.testing.assert_allclose(values, expected, atol=1e-4)
        assert model.GetDisplayNode().GetScalarRange() == pytest.approx((0, largest))
    legend = legend_of(models[0])
    assert legend.GetTitleText() == shown.shown_map.quantity
    segments = result.segmentation.GetDisplayNode()
    assert not segments.GetSegmentVisibility3D("Segment_3")
    shown.show_surface_with_variance(False)
    assert node_ids(scene) == before
    assert segments.GetSegmentVisibility3D("Segment_3")


def _names_of_models(shown):
    return [f"{label} gland: {shown.shown_map.quantity}" for label in ("Left", "Right")]


def test_a_segment_without_a_map_stays_as_it_is(add_result, layers, show) -> None:
    result = add_result()
    result.segmentation.GetSegmentation().AddEmptySegment("mine", "mine")
    result.segmentation.GetSegmentation().RemoveSegment("Segment_7")
    show(result).show_surface_with_variance(True)
    assert result.segmentation.GetDisplayNode().GetSegmentVisibility3D("mine")
    assert len(nodes.surfaces_of(result.result)) == 1


def test_removing_a_result_removes_its_surfaces_and_legends(
    scene, add_ct, add_result, layers, show
) -> None:
    ct = add_ct()
    show(add_result(ct=ct)).show()  # makes the colours
    before = node_ids(scene)
    result = add_result(ct=ct)
    shown = show(result)
    shown.show()
    shown.show_surface_with_variance(True)
    nodes.remove_result(result, scene)
    assert node_ids(scene) == before
