"""Drawing one cut of a scene, and the marks that every picture has."""

from __future__ import annotations

from io import BytesIO

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import Normalize
from matplotlib.figure import Figure
from matplotlib.patheffects import withStroke

from mobseg.report.planes import Cut, Image
from mobseg.report.scene import Scene
from mobseg.report.style import HEAT, OTHER_OUTLINE, OUTLINE, PANEL, PANEL_TEXT

#: Soft-tissue window: level 40 HU, width 400 HU.
WINDOW_HU = (-160.0, 240.0)

_DPI = 120
_AIR_HU = -1024.0
_HEAT_OPACITY = 0.78
_SHADOW = [withStroke(linewidth=2.5, foreground="black", alpha=0.7)]


def new_figure(width_px: int, height_px: int) -> Figure:
    """An empty dark figure."""
    return Figure(figsize=(width_px / _DPI, height_px / _DPI), dpi=_DPI, facecolor=PANEL)


def add_panel(figure: Figure, left_px: float, top_px: float, side_px: float) -> Axes:
    """Add square axes, placed from the upper left corner."""
    width, height = figure.get_size_inches() * _DPI
    return figure.add_axes(
        (left_px / width, 1 - (top_px + side_px) / height, side_px / width, side_px / height)
    )


def png(figure: Figure) -> bytes:
    """The figure as a PNG file."""
    buffer = BytesIO()
    figure.savefig(buffer, format="png", facecolor=PANEL, metadata={"Software": None})
    return buffer.getvalue()


def color_scale(scene: Scene) -> Normalize:
    """From scores to positions on the colour map; the threshold is at its lower end."""
    return Normalize(scene.threshold, scene.highest_score)


def draw_cut(axes: Axes, scene: Scene, cut: Cut, *, structure: int | None = None) -> None:
    """Draw CT, heat map and outlines.

    Args:
        axes: where to draw; its coordinates become mm along the plane.
        scene: the data.
        cut: the piece of a plane.
        structure: value of the label in question, which stands out from the others; ``None`` for all.
    """
    axes.imshow(_colored(scene, cut), extent=cut.extent_mm, interpolation="antialiased")
    left, right, bottom, top = cut.extent_mm
    x, y = (np.linspace(a, b, cut.pixels) for a, b in ((left, right), (top, bottom)))
    for label in scene.maps.label_table:
        mask = cut.sample(scene.maps.labels, scene.maps.geometry, value=label.value)
        if not mask.min() < 0.5 < mask.max():
            continue
        stands_out = structure in (None, label.value)
        axes.contour(
            x,
            y,
            mask,
            levels=[0.5],
            colors=OUTLINE if stands_out else OTHER_OUTLINE,
            linewidths=1.6 if stands_out else 0.9,
        )
    axes.set_xlim(left, right)
    axes.set_ylim(bottom, top)
    axes.set_axis_off()


def _colored(scene: Scene, cut: Cut) -> Image:
    """(pixels, pixels, 3) CT in grey, under the heat map where the score reaches the threshold."""
    geometry = scene.maps.geometry
    hounsfield = cut.sample(scene.volume.array, geometry, outside=_AIR_HU)
    grey = np.clip(Normalize(*WINDOW_HU)(hounsfield), 0, 1)[..., None]
    score = cut.sample(scene.score, geometry)
    heat = np.asarray(HEAT(color_scale(scene)(score)))[..., :3]
    opacity = _HEAT_OPACITY * (score >= scene.threshold)[..., None]
    blended: Image = (grey * (1 - opacity) + heat * opacity).astype(np.float32)
    return blended


def write_edges(axes: Axes, edges: str) -> None:
    """Write the patient's sides at the left, right, top and bottom edge."""
    places = (
        (0.02, 0.5, "left", "center"),
        (0.98, 0.5, "right", "center"),
        (0.5, 0.98, "center", "top"),
        (0.5, 0.02, "center", "bottom"),
    )
    for letter, place in zip(edges, places, strict=True):
        _write(axes, letter, *place)


def write_title(axes: Axes, title: str) -> None:
    """Write a title above a panel."""
    axes.set_title(title, color=PANEL_TEXT, fontsize=10, loc="left", pad=5)


def write_corner(axes: Axes, text: str) -> None:
    """Write a short text in the upper left corner."""
    _write(axes, text, 0.03, 0.97, "left", "top")


def draw_ruler(axes: Axes, length_mm: float) -> None:
    """Draw a ruler in the lower left corner."""
    width = abs(np.diff(axes.get_xlim())[0])
    axes.plot(
        [0.04, 0.04 + length_mm / width],
        [0.04, 0.04],
        transform=axes.transAxes,
        color=PANEL_TEXT,
        linewidth=2,
        path_effects=_SHADOW,
    )
    _write(axes, f"{length_mm:g} mm", 0.04, 0.055, "left", "bottom")


def _write(axes: Axes, text: str, x: float, y: float, horizontal: str, vertical: str) -> None:
    axes.text(
        x,
        y,
        text,
        transform=axes.transAxes,
        ha=horizontal,
        va=vertical,
        color=PANEL_TEXT,
        fontsize=8.5,
        path_effects=_SHADOW,
    )
