"""Where in the body the regions lie: the whole scan seen through from three sides."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
from matplotlib.axes import Axes

from mobseg.geometry import Points
from mobseg.regions import FlaggedRegion
from mobseg.report.drawing import add_panel, new_figure, png, write_edges, write_title
from mobseg.report.planes import PLANES, Image, Plane, resample
from mobseg.report.scene import Scene, box_ras_mm
from mobseg.report.style import MARKER, OUTLINE, PANEL

_SIDE, _GAP, _TITLE = 480, 12, 34
_STEPS = 160

# Axes (RAS) of the block that is sampled: the mean along each of them gives the picture of one plane.
_BLOCK_AXES = np.array(((0, 0, -1), (0, -1, 0), (-1, 0, 0)), dtype=np.float64)

_LOWEST_HU, _HIGHEST_HU = -1000.0, 1500.0


def overview_figure(
    scene: Scene, marked: Sequence[FlaggedRegion], others: Sequence[FlaggedRegion]
) -> bytes:
    """Draw the scan, the silhouettes of the structures and the peaks of the regions.

    Args:
        scene: the data.
        marked: regions that are shown by number.
        others: regions that are shown as dots.
    """
    geometry = scene.maps.geometry
    low, high = box_ras_mm(geometry, [(0, n) for n in geometry.shape_kji])
    center, width_mm = (low + high) / 2, float((high - low).max())
    steps = width_mm / _STEPS * _BLOCK_AXES
    first = center - (_STEPS - 1) / 2 * steps.sum(axis=0)
    shape = (_STEPS, _STEPS, _STEPS)
    hounsfield = resample(scene.volume.array, geometry, first, steps, shape, outside=_LOWEST_HU)
    density = np.clip(hounsfield, _LOWEST_HU, _HIGHEST_HU) - _LOWEST_HU
    foreground = (scene.maps.labels > 0).astype(np.uint8)
    is_structure = resample(foreground, geometry, first, steps, shape, outside=0.0) >= 0.5

    figure = new_figure(3 * _SIDE + 4 * _GAP, _TITLE + _SIDE + _GAP)
    for axis, plane in enumerate(PLANES):
        axes = add_panel(figure, _GAP + axis * (_SIDE + _GAP), _TITLE, _SIDE)
        _set_frame(axes, plane.project(center), width_mm)
        # The root lifts soft tissue, which bone outweighs in a projection.
        _draw_projection(axes, np.sqrt(density.mean(axis)), np.any(is_structure, axis))
        _draw_dots(axes, plane, others)
        _draw_numbers(axes, plane, marked)
        write_edges(axes, plane.edges)
        write_title(axes, f"{plane.name} view through the scan")
    return png(figure)


def _set_frame(axes: Axes, center: Points, width_mm: float) -> None:
    x, y = center
    axes.set_xlim(x - width_mm / 2, x + width_mm / 2)
    axes.set_ylim(y + width_mm / 2, y - width_mm / 2)
    axes.set_axis_off()


def _draw_projection(axes: Axes, density: Image, silhouette: npt.NDArray[np.bool_]) -> None:
    (left, right), (bottom, top) = axes.get_xlim(), axes.get_ylim()
    axes.imshow(density, cmap="gray", extent=(left, right, bottom, top), interpolation="bilinear")
    if silhouette.any():
        x, y = np.linspace(left, right, _STEPS), np.linspace(top, bottom, _STEPS)
        axes.contourf(x, y, silhouette, levels=[0.5, 1.5], colors=OUTLINE, alpha=0.35)
        axes.contour(x, y, silhouette, levels=[0.5], colors=OUTLINE, linewidths=1.0)


def _draw_dots(axes: Axes, plane: Plane, regions: Sequence[FlaggedRegion]) -> None:
    if regions:
        x, y = plane.project([region.peak_ras_mm for region in regions]).T
        axes.plot(x, y, ".", markersize=4, color=MARKER)


def _draw_numbers(axes: Axes, plane: Plane, regions: Sequence[FlaggedRegion]) -> None:
    """Mark peaks, with their numbers in a column on either side and a line to each."""
    left, right = axes.get_xlim()
    middle, width = (left + right) / 2, right - left
    peaks = {region.id: plane.project(region.peak_ras_mm) for region in regions}
    ordered = sorted(peaks, key=lambda number: float(peaks[number][1]))
    on_left = [number for number in ordered if peaks[number][0] < middle]
    on_right = [number for number in ordered if peaks[number][0] >= middle]
    for numbers, x in ((on_left, left + 0.09 * width), (on_right, right - 0.09 * width)):
        heights = _spread(np.array([peaks[number][1] for number in numbers]), 0.065 * width)
        for number, y in zip(numbers, heights, strict=True):
            _draw_number(axes, str(number), peaks[number], (x, float(y)))


def _draw_number(axes: Axes, text: str, peak: Points, place: tuple[float, float]) -> None:
    x, y = place
    axes.plot([peak[0], x], [peak[1], y], color=MARKER, linewidth=0.8)
    axes.plot(*peak, marker="o", markersize=4, color=MARKER, markeredgecolor=PANEL)
    axes.text(
        x,
        y,
        text,
        ha="center",
        va="center",
        fontsize=9,
        fontweight="bold",
        color=PANEL,
        bbox={"boxstyle": "circle,pad=0.25", "facecolor": MARKER, "edgecolor": "none"},
    )


def _spread(wanted: Points, gap: float) -> Points:
    """Positions close to the sorted ``wanted`` ones, at least ``gap`` apart."""
    if not wanted.size:
        return wanted
    steps = gap * np.arange(wanted.size)
    placed = np.maximum.accumulate(wanted - steps) + steps
    spread: Points = placed - (placed - wanted).mean()
    return spread
