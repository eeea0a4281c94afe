"""Colours of the heat maps."""

from __future__ import annotations

from typing import Any

#: Inferno, perceptually uniform and safe for colour-blind readers, as 3D Slicer names it.
_INFERNO = "vtkMRMLColorTableNodeFileInferno.txt"

# Where the application brings no Inferno: red, green and blue at equal steps of the same table.
# S. van der Walt, N. Smith: mpl colormaps (CC0), https://bids.github.io/colormap
_FALLBACK_TAG = "MoBSegmentationInferno"
_FALLBACK_RGB = (
    (0, 0, 4),
    (11, 7, 36),
    (33, 12, 74),
    (61, 9, 101),
    (87, 16, 110),
    (113, 25, 110),
    (138, 34, 106),
    (163, 44, 97),
    (188, 55, 84),
    (210, 70, 68),
    (228, 90, 49),
    (241, 115, 29),
    (249, 142, 9),
    (252, 172, 17),
    (249, 203, 53),
    (242, 234, 105),
    (252, 255, 164),
)
_N_COLORS = 256


def give_display_node(volume: Any, scene: Any) -> None:
    """Give a map a display node, unless it has one.

    The default one looks for a grey window in the histogram of the whole volume, which takes a second on a
    large one.
    """
    if volume.GetDisplayNode() is None:
        display = scene.AddNewNodeByClass("vtkMRMLScalarVolumeDisplayNode")
        display.SetDefaultColorMap()
        display.AutoWindowLevelOff()
        display.SetWindowLevelMinMax(0.0, largest_value(volume) or 1.0)
        volume.SetAndObserveDisplayNodeID(display.GetID())


def show_as_heat_map(volume: Any, transparent_below: float, scene: Any) -> None:
    """Colours from zero to the largest value, transparent below a value.

    Voxels are drawn as they are, so that the drawn edge is that of the voxels at or above the value.
    """
    give_display_node(volume, scene)
    display = volume.GetDisplayNode()
    largest = largest_value(volume)
    display.SetAndObserveColorNodeID(heat_map_color_id(scene))
    display.AutoWindowLevelOff()
    display.SetWindowLevelMinMax(0.0, largest or 1.0)
    display.InterpolateOff()
    set_transparent_below(volume, transparent_below)


def set_transparent_below(volume: Any, value: float) -> None:
    """Show only the voxels at or above a value."""
    display = volume.GetDisplayNode()
    display.AutoThresholdOff()
    display.SetThreshold(value, max(value, largest_value(volume)))
    display.ApplyThresholdOn()


def largest_value(volume: Any) -> float:
    """The largest voxel."""
    return float(volume.GetImageData().GetScalarRange()[1])


def heat_map_color_id(scene: Any) -> str:
    """Id of the colour table, which is made where the application does not bring it."""
    if scene.GetNodeByID(_INFERNO) is not None:
        return _INFERNO
    node = scene.GetSingletonNode(_FALLBACK_TAG, "vtkMRMLColorTableNode")
    if node is None:
        node = scene.CreateNodeByClass("vtkMRMLColorTableNode")
        node.SetSingletonTag(_FALLBACK_TAG)
        node.SetName("Inferno")
        node.SetSaveWithScene(False)
        node.SetTypeToUser()
        _fill(node)
        node = scene.AddNode(node)
    return str(node.GetID())


def _fill(table: Any) -> None:
    """The rows of the table, between the steps by linear interpolation."""
    table.SetNumberOfColors(_N_COLORS)
    steps = len(_FALLBACK_RGB) - 1
    for n in range(_N_COLORS):
        step, rest = divmod(n * steps, _N_COLORS - 1)
        low, high = _FALLBACK_RGB[step], _FALLBACK_RGB[min(step + 1, steps)]
        share = rest / (_N_COLORS - 1)
        color = [(a + share * (b - a)) / 255 for a, b in zip(low, high, strict=True)]
        table.SetColor(n, *color, 1.0)
