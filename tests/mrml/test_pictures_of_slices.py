"""What a reader sees: slice views drawn by Slicer's own code, compared with pictures that were looked at.

``MOBSEG_NEW_PICTURES=1`` writes the pictures anew; look at them before they are committed. Where a picture
differs, the one that was drawn is written to the test's folder.
"""

from __future__ import annotations

import functools
import os
from pathlib import Path

import numpy as np
import pytest

from tests.mrml.cases import PLAIN, SHAPE, prediction
from tests.mrml.conftest import REASON

slicer = pytest.importorskip("slicer", reason=REASON, exc_type=ImportError)
vtk = pytest.importorskip("vtk", reason=REASON, exc_type=ImportError)
numpy_support = pytest.importorskip("vtk.util.numpy_support", reason=REASON, exc_type=ImportError)
headless = pytest.importorskip("tests.headless_slicer", reason=REASON, exc_type=ImportError)
display = pytest.importorskip("MoBSegmentationLib.display", reason=REASON, exc_type=ImportError)
navigation = pytest.importorskip(
    "MoBSegmentationLib.navigation", reason=REASON, exc_type=ImportError
)
pytestmark = pytest.mark.slicer

PICTURES = Path(__file__).with_name("pictures")
SIZE = (300, 240)
ORIENTATIONS = {"Red": "Axial", "Yellow": "Sagittal", "Green": "Coronal"}


@pytest.fixture
def views(scene, add_ct, add_result):
    """Three slice views through one place of a result, and its display."""
    made = _make_views()
    for view in made.values():
        view.set_up()
    if not made["Red"].window.SupportsOpenGL():
        pytest.skip("nothing can be drawn here; install libegl1 and libgl1-mesa-dri")
    result = add_result(prediction(), ct=add_ct(seed=1))
    result.source.GetDisplayNode().SetWindowLevel(400, 40)
    shown = display.ResultDisplay(result, scene, slicer.modules.colors.logic())
    shown.show()
    for view in made.values():
        view.fit()
    navigation.jump_to(tuple(PLAIN.ijk_to_ras((10, 9, 6))), scene)
    return made, shown


@functools.cache
def _make_views():
    headless.application()
    return {name: headless.SliceView(name, plane, SIZE) for name, plane in ORIENTATIONS.items()}


def read_png(path: Path) -> np.ndarray:
    reader = vtk.vtkPNGReader()
    reader.SetFileName(str(path))
    reader.Update()
    width, height, _ = reader.GetOutput().GetDimensions()
    pixels = numpy_support.vtk_to_numpy(reader.GetOutput().GetPointData().GetScalars())
    return pixels.reshape(height, width, -1)[::-1]


def is_colourful(picture: np.ndarray) -> np.ndarray:
    return np.ptp(picture.astype(int), axis=2) > 25


@pytest.mark.parametrize("name", ORIENTATIONS)
def test_overlay_outline_and_legend_look_as_they_should(views, tmp_path, name) -> None:
    picture = views[0][name].image()
    path = PICTURES / f"{ORIENTATIONS[name].lower()}.png"
    if os.environ.get("MOBSEG_NEW_PICTURES"):
        headless.write_png(picture, path)
    headless.write_png(picture, tmp_path / path.name)
    difference = np.abs(read_png(path).astype(int) - picture)
    # Fonts and rasterisers differ a little between machines.
    assert difference.mean() < 3.0
    assert (difference.max(axis=2) > 60).mean() < 0.03


def test_a_higher_threshold_shows_less(views) -> None:
    made, shown = views
    shown.set_outline_visible(False)
    shown.set_legend_visible(False)
    areas = []
    for threshold in (0.02, 0.1, 0.3, 0.9):
        shown.set_threshold(threshold)
        areas.append(int(is_colourful(made["Red"].image()).sum()))
    assert areas[0] > areas[1] > areas[2] > areas[3] == 0


def test_the_drawn_edge_is_that_of_the_flagged_voxels(views) -> None:
    made, shown = views
    shown.set_outline_visible(False)
    shown.set_legend_visible(False)
    shown.set_threshold(0.1)
    view = made["Red"]
    drawn = is_colourful(view.image())
    score = slicer.util.arrayFromVolume(shown.shown_map.volume)
    xy_to_ras = slicer.util.arrayFromVTKMatrix(view.node.GetXYToRAS())
    checked = 0
    for row in range(5, SIZE[1], 7):
        for column in range(5, SIZE[0], 7):
            ras = xy_to_ras @ (column, SIZE[1] - 1 - row, 0, 1)
            ijk = PLAIN.ras_to_ijk(ras[:3])
            near_an_edge = np.abs(ijk[:2] % 1 - 0.5).min() < 0.15
            i, j, k = np.rint(ijk).astype(int)
            if near_an_edge or not (0 <= i < SHAPE[2] and 0 <= j < SHAPE[1]):
                continue
            assert drawn[row, column] == (score[k, j, i] >= np.float32(0.1))
            checked += 1
    assert checked > 100


def test_without_overlay_outline_and_legend_only_the_image_is_left(views) -> None:
    made, shown = views
    assert is_colourful(made["Green"].image()).any()
    shown.set_overlay_visible(False)
    shown.set_outline_visible(False)
    assert not is_colourful(made["Green"].image()).any()
