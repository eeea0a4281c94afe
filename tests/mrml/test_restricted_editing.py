"""Strokes of the Segment Editor's own logic, limited to flagged voxels."""

from __future__ import annotations

import numpy as np
import pytest

from mobseg.errors import InvalidInput
from tests.mrml.cases import GRIDS, SHAPE, prediction
from tests.mrml.conftest import REASON
from tests.mrml.test_review_session import mask
from tests.support.predictions import LEFT, RIGHT

slicer = pytest.importorskip("slicer", reason=REASON, exc_type=ImportError)
vtk = pytest.importorskip("vtk", reason=REASON, exc_type=ImportError)
numpy_support = pytest.importorskip("vtk.util.numpy_support", reason=REASON, exc_type=ImportError)
restricted = pytest.importorskip(
    "MoBSegmentationLib.restricted_editing", reason=REASON, exc_type=ImportError
)
review = pytest.importorskip(
    "MoBSegmentationLib.review_session", reason=REASON, exc_type=ImportError
)
pytestmark = pytest.mark.slicer

ADD, REMOVE, REMOVE_ALL, SET = "Add", "Remove", "RemoveAll", "Set"


class Editor:
    """Strokes as the effects of the Segment Editor make them."""

    def __init__(self, scene, result):
        self.result = result
        self.node = scene.AddNewNodeByClass("vtkMRMLSegmentEditorNode")
        self.logic = slicer.vtkSlicerSegmentEditorLogic()
        self.logic.SetMRMLScene(scene)
        self.logic.SetSegmentEditorNode(self.node)
        self.logic.SetSegmentationNode(result.segmentation)
        self.logic.SetSourceVolumeNode(result.source)
        self.logic.UpdateReferenceGeometryImage()
        self.node.SetMaskMode(slicer.vtkMRMLSegmentationNode.EditAllowedEverywhere)

    def stroke(self, brush, label, mode=ADD):
        segment_id = f"Segment_{label.value}"
        self.node.SetSelectedSegmentID(segment_id)
        self.logic.ResetModifierLabelmapToDefault()
        modifier = self.logic.GetModifierLabelmap()
        scalars = numpy_support.vtk_to_numpy(modifier.GetPointData().GetScalars())
        scalars.reshape(SHAPE)[brush] = 1
        modifier.Modified()
        self.logic.SaveStateForUndo()
        self.logic.ModifySegmentByLabelmap(
            self.result.segmentation,
            segment_id,
            modifier,
            getattr(self.logic, f"ModificationMode{mode}"),
            _extent(brush),
            False,
            False,
        )


def _extent(brush):
    bounds = [(axis.min(), axis.max()) for axis in reversed(np.nonzero(brush))]
    return [int(n) for pair in bounds for n in pair]


def random_brush(rng):
    brush = np.zeros(SHAPE, bool)
    low = [rng.integers(0, size - 6) for size in SHAPE]
    brush[tuple(slice(n, n + rng.integers(5, 12)) for n in low)] = True
    return brush


def masks(result):
    return {label.value: mask(result, label) for label in (LEFT, RIGHT)}


def same(one, other):
    return all(np.array_equal(one[value], other[value]) for value in one)


@pytest.fixture
def setup(scene, add_result):
    """A session at a threshold that flags a part, its editor and the voxels that may be edited."""

    def make(geometry=GRIDS["as a scanner writes"]):
        result = add_result(prediction(geometry))
        session = review.ReviewSession(scene, result)
        session.set_threshold(0.25)
        allowed = np.zeros(SHAPE, bool)
        allowed[tuple(session.flagged_voxels)] = True
        assert 0.02 < allowed.mean() < 0.5
        editing = restricted.RestrictedEditing(result.segmentation, session)
        return session, Editor(scene, result), editing, allowed

    return make


@pytest.mark.parametrize("overwrite", ["OverwriteAllSegments", "OverwriteNone"])
@pytest.mark.parametrize("mode", [ADD, REMOVE, REMOVE_ALL, SET])
@pytest.mark.parametrize("grid", ["as a scanner writes", "oblique, left-handed"])
def test_strokes_touch_nothing_outside_and_all_inside(setup, grid, mode, overwrite) -> None:
    session, editor, editing, allowed = setup(GRIDS[grid])
    editor.node.SetOverwriteMode(getattr(editor.node, overwrite))
    editing.enable()
    rng = np.random.default_rng(0)
    changed = 0
    for n in range(10):
        brush, label = random_brush(rng), (LEFT, RIGHT)[n % 2]
        before = masks(session.result)
        editor.stroke(brush, label, mode)
        after = masks(session.result)
        for value, voxels in after.items():
            np.testing.assert_array_equal(voxels[~allowed], before[value][~allowed])
        np.testing.assert_array_equal(
            after[label.value][allowed], _expected(before[label.value], brush, mode)[allowed]
        )
        changed += not same(before, after)
    assert changed >= 2


def _expected(before, brush, mode):
    return {ADD: before | brush, SET: brush}.get(mode, before & ~brush)


@pytest.mark.parametrize("overwrite", ["OverwriteAllSegments", "OverwriteNone"])
def test_undo_and_redo_are_exact(setup, overwrite) -> None:
    session, editor, editing, _ = setup()
    editor.node.SetOverwriteMode(getattr(editor.node, overwrite))
    rng = np.random.default_rng(1)
    editor.stroke(random_brush(rng), LEFT)  # free, before the restriction
    editing.enable()
    states = [masks(session.result)]
    while len(states) < 5:
        editor.stroke(random_brush(rng), (LEFT, RIGHT)[len(states) % 2], ADD)
        if not same(states[-1], masks(session.result)):
            states.append(masks(session.result))
    for expected in reversed(states[:-1]):
        editor.logic.Undo()
        assert same(masks(session.result), expected)
    for expected in states[1:]:
        editor.logic.Redo()
        assert same(masks(session.result), expected)


def test_what_was_drawn_freely_can_be_undone_while_restricted(setup) -> None:
    session, editor, editing, allowed = setup()
    before = masks(session.result)
    brush = np.zeros(SHAPE, bool)
    brush[0:3, 0:5, 0:5] = True
    assert not (brush & allowed).all()
    editor.stroke(brush, LEFT)
    drawn = masks(session.result)
    editing.enable()
    editor.logic.Undo()
    assert same(masks(session.result), before)
    editor.logic.Redo()
    assert same(masks(session.result), drawn)
    for label in (LEFT, RIGHT):  # and from then on it is restricted again
        editor.stroke(np.ones(SHAPE, bool), label, REMOVE)
        np.testing.assert_array_equal(
            masks(session.result)[label.value], drawn[label.value] & ~allowed
        )


def test_only_the_chosen_regions(setup) -> None:
    session, editor, editing, _ = setup()
    editing.enable([2])
    everywhere = np.ones(SHAPE, bool)
    before = mask(session.result, LEFT)
    editor.stroke(everywhere, LEFT)
    region = np.zeros(SHAPE, bool)
    region[tuple(session.voxels(2))] = True
    np.testing.assert_array_equal(mask(session.result, LEFT), before | region)


def test_all_flagged_follows_the_threshold(setup) -> None:
    session, editor, editing, _ = setup()
    editing.enable()
    session.set_threshold(0.4)
    before = mask(session.result, LEFT)
    editor.stroke(np.ones(SHAPE, bool), LEFT)
    allowed = np.zeros(SHAPE, bool)
    allowed[tuple(session.flagged_voxels)] = True
    np.testing.assert_array_equal(mask(session.result, LEFT), before | allowed)


def test_disabling_frees_everything_and_leaves_nothing_behind(setup) -> None:
    session, editor, editing, _ = setup()
    assert not editing.enabled
    editing.enable()
    editing.enable()
    assert editing.enabled
    editing.disable()
    editing.disable()
    assert not editing.enabled
    editor.stroke(np.ones(SHAPE, bool), LEFT)
    assert mask(session.result, LEFT).all()
    assert editor.node.GetMaskMode() == slicer.vtkMRMLSegmentationNode.EditAllowedEverywhere
    assert session.result.segmentation.GetSegmentation().GetNumberOfSegments() == 2


def test_a_segment_that_is_added_meanwhile_is_restricted_too(setup) -> None:
    session, editor, editing, allowed = setup()
    editing.enable()
    segmentation = session.result.segmentation.GetSegmentation()
    segmentation.AddEmptySegment("Segment_9", "Lesion")
    lesion = type(LEFT)(9, "Lesion", (1, 2, 3))
    editor.stroke(np.ones(SHAPE, bool), lesion)
    np.testing.assert_array_equal(mask(session.result, lesion), allowed)
    segmentation.RemoveSegment("Segment_9")
    before = mask(session.result, RIGHT)
    editor.stroke(np.ones(SHAPE, bool), RIGHT)
    np.testing.assert_array_equal(mask(session.result, RIGHT), before | allowed)


def test_include_and_exclude_work_while_restricted(setup) -> None:
    session, _, editing, _ = setup()
    editing.enable()
    region = session.regions[0]
    label = LEFT if region.label_value == LEFT.value else RIGHT
    session.exclude(1)
    at = tuple(session.voxels(1))
    assert not mask(session.result, label)[at].any()
    session.include(1)
    assert mask(session.result, label)[at].all()


def test_the_surface_follows_what_was_put_back(setup) -> None:
    session, editor, editing, _ = setup()
    node = session.result.segmentation
    node.CreateClosedSurfaceRepresentation()
    editing.enable()
    editor.stroke(np.ones(SHAPE, bool), LEFT)
    surface, again = vtk.vtkPolyData(), vtk.vtkPolyData()
    node.GetClosedSurfaceRepresentation(f"Segment_{LEFT.value}", surface)
    node.RemoveClosedSurfaceRepresentation()
    node.CreateClosedSurfaceRepresentation()
    node.GetClosedSurfaceRepresentation(f"Segment_{LEFT.value}", again)
    assert surface.GetNumberOfPoints() == again.GetNumberOfPoints() > 100


def test_another_geometry_is_refused(setup) -> None:
    session, _, editing, _ = setup()
    image = slicer.vtkOrientedImageData()
    image.SetExtent(0, 4, 0, 4, 0, 4)
    image.AllocateScalars(vtk.VTK_UNSIGNED_CHAR, 1)
    image.GetPointData().GetScalars().Fill(1)
    segment = slicer.vtkSegment()
    segment.AddRepresentation("Binary labelmap", image)
    session.result.segmentation.GetSegmentation().AddSegment(segment, "elsewhere")
    with pytest.raises(InvalidInput, match="geometry"):
        editing.enable()
    assert not editing.enabled


def test_a_change_of_the_geometry_ends_the_restriction(setup) -> None:
    session, _, editing, _ = setup()
    editing.enable()
    segmentation = session.result.segmentation.GetSegmentation()
    fine = slicer.vtkOrientedImageData()
    fine.SetExtent(0, 9, 0, 9, 0, 9)
    fine.AllocateScalars(vtk.VTK_UNSIGNED_CHAR, 1)
    fine.GetPointData().GetScalars().Fill(1)
    for segment_id in segmentation.GetSegmentIDs():
        segmentation.GetSegment(segment_id).AddRepresentation("Binary labelmap", fine)
    assert not editing.enabled


def test_a_deleted_segmentation_is_refused(scene, setup) -> None:
    session, _, editing, _ = setup()
    editing.enable()
    scene.RemoveNode(session.result.segmentation)
    with pytest.raises(InvalidInput, match="deleted"):
        editing.enable()
    editing.disable()
    assert not editing.enabled
