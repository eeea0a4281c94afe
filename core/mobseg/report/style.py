"""Colours of the report and its pictures."""

from __future__ import annotations

import matplotlib
from matplotlib.colors import LinearSegmentedColormap, to_hex

PANEL = "#0b0e13"
PANEL_TEXT = "#e8edf2"
PANEL_MUTED = "#8d99a6"

#: Outline of the structure in question: a hue that neither CT nor heat map has.
OUTLINE = "#45d3e6"
OTHER_OUTLINE = "#aab6c2"

#: Regions in the overview.
MARKER = "#ffb04d"

#: The upper part of "inferno": perceptually uniform, and its darkest colour still shows on a CT.
HEAT = LinearSegmentedColormap.from_list(
    "heat", [matplotlib.colormaps["inferno"](0.35 + 0.65 * n / 255) for n in range(256)]
)


def heat_gradient_css() -> str:
    """The colour map as a CSS gradient, low values on the left."""
    stops = ", ".join(to_hex(HEAT(n / 8)) for n in range(9))
    return f"linear-gradient(90deg, {stops})"
