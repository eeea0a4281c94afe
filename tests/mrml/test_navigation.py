"""The views go to a place in the patient."""

from __future__ import annotations

import numpy as np
import pytest

from tests.mrml.conftest import REASON

slicer = pytest.importorskip("slicer", reason=REASON, exc_type=ImportError)
navigation = pytest.importorskip(
    "MoBSegmentationLib.navigation", reason=REASON, exc_type=ImportError
)
pytestmark = pytest.mark.slicer

PLACE = (12.0, -34.0, 56.0)


def test_slices_pass_through_the_place_and_centre_it(scene) -> None:
    views = []
    for orientation in ("Axial", "Sagittal", "Coronal"):
        node = scene.AddNewNodeByClass("vtkMRMLSliceNode")
        node.SetLayoutName(orientation)
        node.SetOrientation(orientation)
        views.append(node)
    navigation.jump_to(PLACE, scene)
    for node in views:
        center = [node.GetSliceToRAS().GetElement(row, 3) for row in range(3)]
        np.testing.assert_allclose(center, PLACE, atol=1e-9)


def test_cameras_turn_about_the_place_from_where_they_look(scene) -> None:
    camera = scene.AddNewNodeByClass("vtkMRMLCameraNode")
    camera.SetPosition(0, 500, 0)
    camera.SetFocalPoint(10, 0, 0)
    navigation.jump_to(PLACE, scene)
    np.testing.assert_allclose(camera.GetFocalPoint(), PLACE)
    np.testing.assert_allclose(camera.GetPosition(), np.add(PLACE, (-10, 500, 0)))
