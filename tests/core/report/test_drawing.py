from __future__ import annotations

import numpy as np
import pytest
from matplotlib.colors import to_rgb

from mobseg.labels import LabelTable
from mobseg.regions import flag_regions
from mobseg.report.drawing import WINDOW_HU, add_panel, draw_cut, new_figure
from mobseg.report.overview import _spread
from mobseg.report.planes import AXIAL, Cut
from mobseg.report.scene import make_scene
from mobseg.report.style import HEAT, OTHER_OUTLINE, OUTLINE
from mobseg.volume import ScalarVolume
from tests.support.predictions import LEFT, RIGHT, make_maps

SHAPE = (3, 40, 40)
CENTER = np.array((19.5, 19.5, 1.0))


def scene_of(variance, labels=None, hounsfield=None, threshold=0.05):
    variance = np.stack((variance, np.zeros(SHAPE)))
    maps = make_maps(variance=variance, labels=labels, table=LabelTable((LEFT, RIGHT)))
    hounsfield = np.zeros(SHAPE) if hounsfield is None else hounsfield
    regions = flag_regions(maps, "variance", threshold, min_volume_mm3=0)
    return make_scene(ScalarVolume(hounsfield, maps.geometry), maps, regions, "variance", threshold)


def draw(scene, **options):
    """RGB in 0..1 of a panel with one pixel per voxel, as (A to P, R to L)."""
    figure = new_figure(40, 40)
    axes = add_panel(figure, 0, 0, 40)
    draw_cut(axes, scene, Cut(AXIAL, CENTER, 40.0, 40), **options)
    image = axes.images[0].get_array()
    return np.asarray(image), axes


def test_the_soft_tissue_window():
    hounsfield = np.zeros(SHAPE)
    hounsfield[:, 10] = WINDOW_HU[0] - 500
    hounsfield[:, 20] = WINDOW_HU[1] + 500
    hounsfield[:, 30] = sum(WINDOW_HU) / 2
    image, _ = draw(scene_of(np.zeros(SHAPE), hounsfield=hounsfield))
    for j, grey in ((10, 0.0), (20, 1.0), (30, 0.5)):
        np.testing.assert_allclose(image[39 - j], grey, atol=1e-6)


def test_heat_covers_what_reaches_the_threshold_and_nothing_else():
    variance = np.zeros(SHAPE)
    variance[:, 10, 5] = 0.0499
    variance[:, 20, 8] = 0.05
    variance[:, 30, 12] = 0.20
    image, _ = draw(scene_of(variance))
    is_grey = np.ptp(image, axis=-1) < 1e-6
    assert {(39 - row, 39 - column) for row, column in np.argwhere(~is_grey)} == {
        (20, 8),
        (30, 12),
    }
    grey = -WINDOW_HU[0] / np.ptp(WINDOW_HU)
    for (j, i), position in (((20, 8), 0.0), ((30, 12), 1.0)):
        expected = 0.78 * np.array(HEAT(position)[:3]) + 0.22 * grey
        np.testing.assert_allclose(image[39 - j, 39 - i], expected, atol=1e-3)


def test_outlines_tell_the_structure_in_question_from_others():
    labels = np.zeros(SHAPE, dtype=np.uint8)
    labels[:, 5:15, 5:15] = LEFT.value
    labels[:, 25:35, 25:35] = RIGHT.value
    scene = scene_of(np.zeros(SHAPE), labels=labels)

    def colors(**options):
        _, axes = draw(scene, **options)
        return [tuple(contour.get_edgecolor()[0][:3]) for contour in axes.collections]

    assert colors(structure=RIGHT.value) == [to_rgb(OTHER_OUTLINE), to_rgb(OUTLINE)]
    assert colors() == [to_rgb(OUTLINE)] * 2


def test_an_outline_runs_half_way_between_voxels():
    labels = np.zeros(SHAPE, dtype=np.uint8)
    labels[:, 10:20, 8:30] = LEFT.value
    _, axes = draw(scene_of(np.zeros(SHAPE), labels=labels))
    points = axes.collections[0].get_paths()[0].vertices
    low, high = points.min(axis=0), points.max(axis=0)
    # along the picture's axes: minus R and minus A
    assert low == pytest.approx((-29.5, -19.5), abs=0.6)
    assert high == pytest.approx((-7.5, -9.5), abs=0.6)


def test_what_the_slices_run_through():
    variance = np.zeros(SHAPE)
    labels = np.zeros(SHAPE, dtype=np.uint8)
    empty = scene_of(variance, labels=labels)
    np.testing.assert_array_equal(empty.box_ras_mm, [(0, 0, 0), (39, 39, 2)])
    labels[1, 5:15, 6:16] = LEFT.value
    variance[2, 20, 30] = 0.1
    np.testing.assert_array_equal(
        scene_of(variance, labels=labels).box_ras_mm, [(6, 5, 1), (30, 20, 2)]
    )


def test_numbers_keep_their_distance_and_their_place():
    np.testing.assert_array_equal(_spread(np.array([0.0, 10.0]), 3.0), [0.0, 10.0])
    np.testing.assert_allclose(_spread(np.array([5.0, 5.0, 5.0]), 2.0), [3.0, 5.0, 7.0])
    assert _spread(np.zeros(0), 2.0).size == 0
