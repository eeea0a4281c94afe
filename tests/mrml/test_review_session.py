"""A review from its first region to a saved scene."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from mobseg.errors import InvalidInput
from mobseg.regions import flag_regions, region_map
from tests.mrml.cases import GRIDS, THRESHOLD, prediction
from tests.mrml.conftest import REASON
from tests.mrml.test_threshold_words import CURVE
from tests.support.predictions import LEFT, RIGHT

slicer = pytest.importorskip("slicer", reason=REASON, exc_type=ImportError)
vtk = pytest.importorskip("vtk", reason=REASON, exc_type=ImportError)
bridge = pytest.importorskip("MoBSegmentationLib.mrml_bridge", reason=REASON, exc_type=ImportError)
review = pytest.importorskip(
    "MoBSegmentationLib.review_session", reason=REASON, exc_type=ImportError
)
nodes = pytest.importorskip("MoBSegmentationLib.result_nodes", reason=REASON, exc_type=ImportError)
pytestmark = pytest.mark.slicer

SCORES = ("error_probability", "variance", "entropy")


def mask(result, label) -> np.ndarray:
    """The voxels of a segment on the grid of the result."""
    segment_id = f"Segment_{label.value}"
    array = slicer.util.arrayFromSegmentBinaryLabelmap(
        result.segmentation, segment_id, result.score
    )
    return array > 0


@pytest.fixture
def session(scene, add_result):
    return review.ReviewSession(scene, add_result(), review_curve=CURVE.to_dict())


@pytest.mark.parametrize("score", SCORES)
@pytest.mark.parametrize("geometry", GRIDS.values(), ids=GRIDS)
def test_regions_are_those_of_the_command_line_at_every_threshold(
    scene, add_result, geometry, score
) -> None:
    maps = prediction(geometry)
    result = add_result(maps, score=score)
    session = review.ReviewSession(scene, result)
    # A volume node keeps spacing and directions apart, which costs the last digit of the matrix.
    maps = dataclasses.replace(maps, geometry=bridge.volume_geometry(result.score))
    for threshold in (THRESHOLD, 0.12, 0.3, THRESHOLD):
        session.set_threshold(threshold)
        expected = flag_regions(maps, score, session.threshold)
        assert session.regions == expected
        ids = np.zeros(session.shape_kji, int)
        for region in session.regions:
            ids[tuple(session.voxels(region.id))] = region.id
        np.testing.assert_array_equal(ids, region_map(maps, score, session.threshold))
        np.testing.assert_array_equal(
            ids > 0, np.isin(np.arange(ids.size), _flat(session)).reshape(ids.shape)
        )


def _flat(session):
    return np.ravel_multi_index(tuple(session.flagged_voxels), session.shape_kji)


def test_rows_tell_what_the_regions_are(session) -> None:
    rows = session.rows()
    assert len(rows) > 5
    assert [row.rank for row in rows] == list(range(1, len(rows) + 1))
    for row, region in zip(rows, session.regions, strict=True):
        assert row.region_id == region.id
        assert row.segment == region.label_name
        assert row.peak_ras_mm == pytest.approx(region.peak_ras_mm)
        assert (row.volume_mm3, row.expected_error_mm3) == (
            region.volume_mm3,
            region.expected_error_mm3,
        )
        assert (row.status, row.comment) == ("open", "")


def test_places_are_where_the_parent_transform_puts_them(scene, add_ct, add_result) -> None:
    transform = scene.AddNewNodeByClass("vtkMRMLLinearTransformNode")
    turned = vtk.vtkMatrix4x4()
    turned.DeepCopy([0, -1, 0, 10, 1, 0, 0, 20, 0, 0, 1, 30, 0, 0, 0, 1])
    transform.SetMatrixTransformToParent(turned)
    ct = add_ct()
    ct.SetAndObserveTransformNodeID(transform.GetID())
    session = review.ReviewSession(scene, add_result(ct=ct))
    for row, region in zip(session.rows(), session.regions, strict=True):
        r, a, s = region.peak_ras_mm
        assert row.peak_ras_mm == pytest.approx((10 - a, 20 + r, s + 30))


def test_the_threshold_stays_in_its_range(session) -> None:
    low, high = session.threshold_range
    assert low == pytest.approx(THRESHOLD / 10)
    session.set_threshold(1e-9)
    assert session.threshold == low
    session.set_threshold(9.0)
    assert session.threshold == high == slicer.util.arrayFromVolume(session.result.score).max()


def test_words_count_the_regions_of_any_threshold(session) -> None:
    session.set_threshold(0.1)
    words = session.threshold_in_words(0.1)
    assert words.startswith(f"{len(session.rows())} regions")
    assert words.endswith("82 % of the error volume.")
    assert session.threshold_in_words(0.2) != words
    assert session.threshold == 0.1


def test_progress_and_next_region(session) -> None:
    total = len(session.rows())
    assert session.progress() == (0, total)
    assert session.next_open() == 1
    session.set_status(1, "accepted")
    session.set_status(3, "rejected")
    assert session.progress() == (2, total)
    assert session.next_open() == 2
    assert session.next_open(after=2) == 4
    assert session.next_open(after=total) == 2
    for row in session.rows():
        session.set_status(row.region_id, "accepted")
    assert session.next_open(after=2) is None
    session.set_status(5, "open")
    assert session.next_open(after=5) == 5


def test_an_unknown_status_is_refused(session) -> None:
    with pytest.raises(InvalidInput, match="status"):
        session.set_status(1, "perhaps")


def test_decisions_stay_when_the_threshold_moves_and_come_back(session) -> None:
    session.set_threshold(0.1)
    session.set_status(1, "accepted")
    peak = session.regions[0].peak_kji
    session.set_threshold(0.3)  # regions shrink
    assert _status_at(session, peak) == "accepted"
    session.set_threshold(0.01)  # and grow beyond what was looked at
    assert _status_at(session, peak) in ("open", None)
    session.set_threshold(0.1)
    assert _status_at(session, peak) == "accepted"


def _status_at(session, peak_kji):
    rows = zip(session.regions, session.rows(), strict=True)
    return next((row.status for region, row in rows if region.peak_kji == peak_kji), None)


@pytest.mark.parametrize("geometry", GRIDS.values(), ids=GRIDS)
def test_include_and_exclude_change_exactly_the_region(scene, add_result, geometry) -> None:
    result = add_result(prediction(geometry))
    states = []
    session = review.ReviewSession(scene, result, save_state=lambda: states.append(None))
    for region in (session.regions[0], session.regions[3]):
        own, other = (LEFT, RIGHT) if region.label_value == LEFT.value else (RIGHT, LEFT)
        voxels = np.zeros(session.shape_kji, bool)
        voxels[tuple(session.voxels(region.id))] = True
        before_own, before_other = mask(result, own), mask(result, other)
        session.include(region.id)
        np.testing.assert_array_equal(mask(result, own), before_own | voxels)
        np.testing.assert_array_equal(mask(result, other), before_other & ~voxels)
        session.exclude(region.id)
        np.testing.assert_array_equal(mask(result, own), before_own & ~voxels)
        np.testing.assert_array_equal(mask(result, other), before_other & ~voxels)
        assert _status_at(session, region.peak_kji) == "edited"
    assert len(states) == 4  # saved for undo before each change
    assert result.segmentation.GetSegmentation().GetNumberOfLayers() == 1


def test_include_into_an_empty_segment(scene, add_result) -> None:
    maps = prediction()
    maps.labels[...] = 0
    result = add_result(maps)
    session = review.ReviewSession(scene, result)
    session.include(1)
    label = LEFT if session.regions[0].label_value == LEFT.value else RIGHT
    assert np.count_nonzero(mask(result, label)) == session.regions[0].voxel_count


def test_a_deleted_segment_is_named_as_the_cause(session) -> None:
    segmentation = session.result.segmentation.GetSegmentation()
    segmentation.RemoveSegment(f"Segment_{session.regions[0].label_value}")
    with pytest.raises(InvalidInput, match="deleted"):
        session.include(1)
    assert session.rows()[0].status == "open"


def test_a_renamed_segment_is_still_the_one(session) -> None:
    value = session.regions[0].label_value
    session.result.segmentation.GetSegmentation().GetSegment(f"Segment_{value}").SetName("mine")
    session.include(1)
    assert session.rows()[0].status == "edited"


def test_listeners_hear_every_change_until_they_leave(session) -> None:
    heard = []
    leave = session.subscribe(lambda: heard.append(session.threshold))
    session.set_threshold(0.2)
    session.set_status(1, "accepted")
    session.set_comment(1, "seen")
    session.reviewer_initials = "JD"
    assert heard == [0.2] * 4
    leave()
    session.set_threshold(0.1)
    assert len(heard) == 4


def test_a_half_done_review_goes_on_after_saving_and_loading(scene, session, tmp_path) -> None:
    session.set_threshold(0.1)
    session.include(1)
    session.set_status(2, "rejected")
    session.set_comment(3, 'Größe "?" <&> \n 100 %')
    session.reviewer_initials = "JD"
    rows, words = session.rows(), session.threshold_in_words(session.threshold)
    masks = [mask(session.result, label) for label in (LEFT, RIGHT)]
    path = tmp_path / "reviewed ä.mrb"
    assert slicer.util.saveScene(str(path))
    scene.Clear(False)
    slicer.util.loadScene(str(path))

    (found,) = nodes.find_results(scene)
    again = review.ReviewSession.restore(scene, found)
    assert again.threshold == session.threshold
    assert again.progress() == (2, len(rows))
    assert again.reviewer_initials == "JD"
    assert again.threshold_in_words(again.threshold) == words
    for row, old in zip(again.rows(), rows, strict=True):
        assert row.peak_ras_mm == pytest.approx(old.peak_ras_mm, abs=1e-6)
        assert (row.status, row.comment, row.segment) == (old.status, old.comment, old.segment)
        assert row.expected_error_mm3 == pytest.approx(old.expected_error_mm3)
    for label, old in zip((LEFT, RIGHT), masks, strict=True):
        np.testing.assert_array_equal(mask(found, label), old)
    again.set_status(4, "accepted")
    assert again.progress()[0] == 3


def test_names_of_any_language_survive_saving(scene, add_result, tmp_path) -> None:
    maps = prediction()
    labels = [
        dataclasses.replace(label, name=name)
        for label, name in zip(
            maps.label_table, ("Ohrspeicheldrüse <li>", "耳下腺 & 100 %"), strict=True
        )
    ]
    table = dataclasses.replace(maps.label_table, labels=tuple(labels))
    session = review.ReviewSession(scene, add_result(dataclasses.replace(maps, label_table=table)))
    names = {row.segment for row in session.rows()}
    assert slicer.util.saveScene(str(tmp_path / "a.mrb"))
    scene.Clear(False)
    slicer.util.loadScene(str(tmp_path / "a.mrb"))
    (found,) = nodes.find_results(scene)
    assert found.run.label_table == table
    again = review.ReviewSession.restore(scene, found)
    assert {row.segment for row in again.rows()} == names == {label.name for label in labels}


@pytest.mark.parametrize("kept", ["", "{}", "{", '{"threshold": "x"}'])
def test_a_damaged_state_begins_anew(scene, session, kept) -> None:
    session.set_status(1, "accepted")
    session.result.result.SetParameter("review", kept)
    again = review.ReviewSession.restore(scene, session.result)
    assert again.threshold == THRESHOLD
    assert again.progress()[0] == 0


def test_a_result_without_doubt(scene, add_result) -> None:
    maps = prediction()
    maps.probability_mean[...] = 0
    maps.labels[...] = 0
    session = review.ReviewSession(scene, add_result(maps))
    assert session.rows() == ()
    assert session.progress() == (0, 0)
    assert session.next_open() is None
    assert session.threshold_in_words(THRESHOLD).startswith("0 regions, 0.0 mL")


def test_half_of_the_regions_are_gone_at_a_higher_threshold(session) -> None:
    for row in session.rows():
        session.set_status(row.region_id, "accepted" if row.rank % 2 else "rejected")
    total = len(session.rows())
    session.set_threshold(0.4)
    assert 0 < len(session.rows()) < total
    done, remaining = session.progress()
    assert done <= remaining == len(session.rows())
    session.set_threshold(THRESHOLD)
    assert session.progress() == (total, total)


def test_a_review_outlives_nodes_that_are_deleted_meanwhile(scene, session) -> None:
    count = len(session.rows())
    for node in (session.result.source, session.result.entropy, session.result.segmentation):
        scene.RemoveNode(node)
    session.set_threshold(0.1)
    session.set_threshold(THRESHOLD)
    session.set_status(1, "accepted")
    assert len(session.rows()) == count
    with pytest.raises(InvalidInput, match="deleted"):
        session.include(2)


def test_a_review_outlives_its_scene(scene, session) -> None:
    scene.Clear(False)
    session.set_threshold(0.1)
    session.set_status(1, "accepted")
    with pytest.raises(InvalidInput, match="deleted"):
        session.exclude(1)
