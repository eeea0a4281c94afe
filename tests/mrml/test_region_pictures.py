"""Pictures in the report: orientation, proportions and outlines."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from mobseg.orientation import reorient
from mobseg.volume import ScalarVolume
from tests.mrml.cases import GRIDS, PLAIN, ct_array, prediction
from tests.mrml.conftest import REASON

slicer = pytest.importorskip("slicer", reason=REASON, exc_type=ImportError)
pictures = pytest.importorskip("MoBSegmentationLib.pictures", reason=REASON, exc_type=ImportError)
region_pictures = pytest.importorskip(
    "MoBSegmentationLib.region_pictures", reason=REASON, exc_type=ImportError
)
reviewed_result = pytest.importorskip(
    "MoBSegmentationLib.reviewed_result", reason=REASON, exc_type=ImportError
)
review = pytest.importorskip(
    "MoBSegmentationLib.review_session", reason=REASON, exc_type=ImportError
)
pytestmark = pytest.mark.slicer

BEFORE, AFTER = (255, 176, 0), (86, 200, 255)


def test_grey_values_span_the_window() -> None:
    picture = pictures.gray(np.array([[-1000.0, -160.0, 40.0, 240.0, 3000.0]]))
    assert picture[0, :, 0].tolist() == [0, 0, 128, 255, 255]
    assert (picture == picture[..., :1]).all()


def test_pixels_come_out_in_true_proportion() -> None:
    picture = pictures.enlarged(np.arange(12).reshape(3, 4), (2.0, 1.0))  # 6 x 4 mm
    assert picture.shape == (320, 213)
    assert picture[0, 0] == 0
    assert picture[-1, -1] == 11
    assert (np.diff(picture[:, 0]) >= 0).all()


def test_an_outline_is_the_edge_of_the_mask_within_the_picture() -> None:
    picture = np.zeros((5, 6, 3), np.uint8)
    mask = np.zeros((5, 6), bool)
    mask[1:4, 0:4] = True
    pictures.draw_outline(picture, mask, (9, 8, 7))
    drawn = picture.any(axis=2)
    inside = np.zeros_like(drawn)
    inside[2, 0:3] = True  # the mask goes on beyond the left edge
    np.testing.assert_array_equal(drawn, mask & ~inside)


def test_a_picture_is_a_png_of_the_same_pixels(tmp_path) -> None:
    vtk = pytest.importorskip("vtk", reason=REASON, exc_type=ImportError)
    support = pytest.importorskip("vtk.util.numpy_support", reason=REASON, exc_type=ImportError)
    picture = np.random.default_rng(0).integers(0, 255, (7, 5, 3)).astype(np.uint8)
    (tmp_path / "a.png").write_bytes(pictures.png_bytes(picture))
    reader = vtk.vtkPNGReader()
    reader.SetFileName(str(tmp_path / "a.png"))
    reader.Update()
    pixels = support.vtk_to_numpy(reader.GetOutput().GetPointData().GetScalars())
    np.testing.assert_array_equal(pixels.reshape(7, 5, 3)[::-1], picture)


@pytest.mark.parametrize("grid", ["as a scanner writes", "left-handed", "permuted"])
def test_the_slice_is_shown_as_a_radiologist_expects(scene, add_ct, add_result, grid) -> None:
    """The same patient on any grid: anterior on top, the patient's right on the left."""
    geometry = GRIDS[grid]
    session = review.ReviewSession(scene, add_result(prediction(geometry), ct=add_ct(geometry)))
    reviewed = reviewed_result.take_reviewed(session)
    blank = dataclasses.replace(
        reviewed,
        predicted=np.zeros_like(reviewed.predicted),
        reviewed=np.zeros_like(reviewed.reviewed),
    )
    region = reviewed.regions[0]
    picture = region_pictures.RegionPictures(blank).draw(region)
    turned, _ = reorient(ScalarVolume(ct_array(), geometry), "LPS")
    _, j, i = turned.array.shape
    k = int(np.rint(turned.geometry.ras_to_ijk(region.peak_ras_mm)[2]))
    _, spacing_j, spacing_i = turned.geometry.spacing_kji_mm
    assert max(j * spacing_j, i * spacing_i) < 70  # so the whole slice is shown
    expected = pictures.enlarged(pictures.gray(turned.array[k]), (spacing_j, spacing_i))
    np.testing.assert_array_equal(picture, expected)


def test_both_outlines_are_drawn(scene, add_ct, add_result) -> None:
    session = review.ReviewSession(scene, add_result(prediction(PLAIN), ct=add_ct(PLAIN)))
    region = session.regions[0]

    def colours():
        reviewed = reviewed_result.take_reviewed(session)
        picture = region_pictures.RegionPictures(reviewed).draw(region)
        return {tuple(pixel) for pixel in picture.reshape(-1, 3).tolist()}

    assert AFTER in colours()
    assert BEFORE not in colours()  # the same line, and the one after the review is above
    session.exclude(1)
    assert {BEFORE, AFTER} <= colours()
