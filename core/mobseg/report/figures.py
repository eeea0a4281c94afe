"""The pictures of a report that show cuts, as PNG files."""

from __future__ import annotations

import numpy as np
from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable
from matplotlib.colorbar import Colorbar
from matplotlib.figure import Figure

from mobseg.geometry import Points
from mobseg.regions import FlaggedRegion
from mobseg.report.drawing import (
    add_panel,
    color_scale,
    draw_cut,
    draw_ruler,
    new_figure,
    png,
    write_corner,
    write_edges,
    write_title,
)
from mobseg.report.planes import AXIAL, PLANES, Cut, Plane
from mobseg.report.scene import Scene
from mobseg.report.style import HEAT, PANEL_MUTED, PANEL_TEXT

#: Field of view of the pictures of a region.
REGION_WIDTH_MM = 120.0

_GAP, _TITLE, _SIDE, _SCALE_WIDTH = 12, 34, 460, 130
_CROSS_MM = (8.0, 18.0)
_LARGEST_SHIFT_MM = 30.0

_MOSAIC_SIDE, _MOSAIC_COLUMNS, _MOSAIC_ROWS = 372, 4, 2
_MOSAIC_MARGIN_MM = 20.0


def region_figure(scene: Scene, region: FlaggedRegion, score_label: str) -> bytes:
    """Axial, coronal and sagittal cut through the peak of a region, with the colour scale."""
    figure = new_figure(3 * _SIDE + 4 * _GAP + _SCALE_WIDTH, _TITLE + _SIDE + _GAP)
    for n, plane in enumerate(PLANES):
        axes = add_panel(figure, _GAP + n * (_SIDE + _GAP), _TITLE, _SIDE)
        cut = Cut(plane, _frame(scene, region, plane), REGION_WIDTH_MM, _SIDE)
        draw_cut(axes, scene, cut, structure=region.label_value)
        _draw_cross(axes, *plane.project(region.peak_ras_mm))
        draw_ruler(axes, 20)
        write_edges(axes, plane.edges)
        write_title(axes, _title(cut))
    _add_scale(figure, scene, score_label)
    return png(figure)


def _frame(scene: Scene, region: FlaggedRegion, plane: Plane) -> Points:
    """Middle of a cut through the peak, moved within the plane towards the middle of the scan.

    Near the skin, half of the picture would be air otherwise.
    """
    peak = np.array(region.peak_ras_mm)
    k, j, i = scene.maps.geometry.shape_kji
    middle = scene.maps.geometry.ijk_to_ras(((i - 1) / 2, (j - 1) / 2, (k - 1) / 2))
    shift = np.clip(middle - peak, -_LARGEST_SHIFT_MM, _LARGEST_SHIFT_MM)
    middle_of_cut: Points = peak + shift * np.abs(plane.right)
    return middle_of_cut


def _draw_cross(axes: Axes, x: float, y: float) -> None:
    """Point at a position from four sides without covering it."""
    near, far = _CROSS_MM
    for dx, dy in ((1, 0), (-1, 0), (0, 1), (0, -1)):
        axes.plot(
            [x + near * dx, x + far * dx],
            [y + near * dy, y + far * dy],
            color=PANEL_TEXT,
            linewidth=1.0,
            alpha=0.8,
        )


def _title(cut: Cut) -> str:
    """The plane and the coordinate that is the same everywhere on it."""
    normal = np.flatnonzero(np.cross(cut.plane.right, cut.plane.down))[0]
    return f"{cut.plane.name}  ·  {_position('RAS'[normal], cut.center_ras_mm[normal])}"


def _position(axis: str, coordinate_mm: float) -> str:
    return f"{axis} {coordinate_mm:+.0f} mm".replace("-", "\N{MINUS SIGN}")


def _add_scale(figure: Figure, scene: Scene, label: str) -> None:
    left = 3 * (_SIDE + _GAP) + 2 * _GAP
    width, height = figure.get_size_inches() * figure.dpi
    axes = figure.add_axes((left / width, (_GAP + 20) / height, 18 / width, (_SIDE - 40) / height))
    scale = Colorbar(axes, ScalarMappable(color_scale(scene), HEAT))
    scale.set_label(label, color=PANEL_TEXT, fontsize=9)
    scale.outline.set_edgecolor(PANEL_MUTED)
    axes.tick_params(colors=PANEL_TEXT, labelsize=8.5)


def mosaic_figure(scene: Scene) -> bytes:
    """Axial cuts at even distances through all structures and all flagged voxels."""
    gap = _GAP // 2
    figure = new_figure(
        _MOSAIC_COLUMNS * (_MOSAIC_SIDE + gap) + gap,
        _MOSAIC_ROWS * (_MOSAIC_SIDE + gap) + gap,
    )
    low, high = scene.box_ras_mm
    count = _MOSAIC_COLUMNS * _MOSAIC_ROWS
    width_mm = max(float((high - low)[:2].max()) + 2 * _MOSAIC_MARGIN_MM, REGION_WIDTH_MM)
    levels = high[2] - (np.arange(count) + 0.5) / count * (high[2] - low[2])
    for n, level in enumerate(levels):
        row, column = divmod(n, _MOSAIC_COLUMNS)
        axes = add_panel(
            figure,
            gap + column * (_MOSAIC_SIDE + gap),
            gap + row * (_MOSAIC_SIDE + gap),
            _MOSAIC_SIDE,
        )
        center = np.array((*((low + high) / 2)[:2], level))
        draw_cut(axes, scene, Cut(AXIAL, center, width_mm, _MOSAIC_SIDE))
        write_corner(axes, _position("S", level))
    return png(figure)
