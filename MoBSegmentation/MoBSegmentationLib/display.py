"""How a result is shown: heat map over the image, legend, outlines, painted surface."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from MoBSegmentationLib.heat_map import largest_value, set_transparent_below, show_as_heat_map
from MoBSegmentationLib.painted_surface import paint_surfaces, remove_surfaces
from MoBSegmentationLib.result_nodes import ResultNodes

# Share of a map's largest value below which it is transparent, where no threshold belongs to it.
_LOWEST_SHOWN = 0.02
_SCORE = "score"
_DEFAULT_OPACITY = 0.5
# A thinner line is lost on the heat map.
_OUTLINE_PIXELS = 2
_TITLE_SIZE = 10
_LABEL_SIZE = 10


@dataclass(frozen=True)
class ShownMap:
    """A map that can be laid over the image.

    Attributes:
        key: for :meth:`ResultDisplay.show_map`: ``"score"``, ``"entropy"``, ``"variance_1"``,
            ``"probability_1"`` with the label's value.
        quantity: what is mapped; a deterministic model's variance is called disagreement.
        unit: such as ``"nats"``; empty for pure numbers.
        volume: ``vtkMRMLScalarVolumeNode``.
        label: name of the label that the map is about; empty if it is about all of them.
    """

    key: str
    quantity: str
    unit: str
    volume: Any
    label: str = ""

    @property
    def title(self) -> str:
        """For people, with the label's name."""
        return f"{self.quantity}, {self.label}" if self.label else self.quantity

    @property
    def legend_title(self) -> str:
        """Title and unit."""
        return _with_unit(self.title, self.unit)


class ResultDisplay:
    """Shows one result in all slice views and 3D views of a scene.

    Args:
        result: the result.
        scene: its ``vtkMRMLScene``; all its slice views follow.
        color_logic: ``vtkSlicerColorLogic`` of the application, for the legend.
    """

    def __init__(self, result: ResultNodes, scene: Any, color_logic: Any) -> None:
        self._result = result
        self._scene = scene
        self._color_logic = color_logic
        self._maps = tuple(_maps_of(result))
        self._shown = self._maps[0]
        self._threshold = result.run.threshold.value
        self._opacity = _DEFAULT_OPACITY
        self._visible = True
        self._legend_visible = True
        self._surface_visible = False

    @property
    def maps(self) -> tuple[ShownMap, ...]:
        """The maps to choose from, the score first; no volume is listed twice."""
        return self._maps

    @property
    def shown_map(self) -> ShownMap:
        """The chosen map."""
        return self._shown

    @property
    def overlay_visible(self) -> bool:
        """Whether the map lies over the image."""
        return self._visible

    def show(self) -> None:
        """Image as background, chosen map as heat map over it, segmentation as outlines, legend."""
        self.set_outline_visible(True)
        source = self._result.source
        for layers in self._slice_layers():
            if source is not None and source.GetScene() is self._scene:
                layers.SetBackgroundVolumeID(source.GetID())
        self._show_overlay()

    def hide(self) -> None:
        """Take the map and the legend away; the segmentation stays."""
        own = {shown.volume.GetID() for shown in self._maps}
        for layers in self._slice_layers():
            if layers.GetForegroundVolumeID() in own:
                layers.SetForegroundVolumeID(None)
        self._show_legends(None)

    def show_map(self, key: str) -> None:
        """Choose the map by its key."""
        self._shown = next(shown for shown in self._maps if shown.key == key)
        self._show_overlay()
        if self._surface_visible:
            self.show_surface_with_variance(True)

    def set_overlay_visible(self, visible: bool) -> None:
        """Show or hide the map and the legend."""
        self._visible = visible
        self._show_overlay()

    def toggle_overlay(self) -> None:
        """The other of visible and hidden."""
        self.set_overlay_visible(not self._visible)

    def set_overlay_opacity(self, opacity: float) -> None:
        """Opacity of the heat map, 0 to 1."""
        self._opacity = opacity
        self._set_layers()

    def set_threshold(self, threshold: float) -> None:
        """Make the score map transparent below the threshold; other maps are not concerned."""
        self._threshold = threshold
        if self._shown.key == _SCORE and self._shown.volume.GetDisplayNode() is not None:
            set_transparent_below(self._shown.volume, threshold)

    def set_legend_visible(self, visible: bool) -> None:
        """Show or hide the colour legend."""
        self._legend_visible = visible
        self._show_legends(self._shown if visible and self._visible else None)

    def set_outline_visible(self, visible: bool) -> None:
        """Show or hide the outlines of the segments in the slice views."""
        segmentation = self._result.segmentation
        if segmentation.GetDisplayNode() is None:
            segmentation.CreateDefaultDisplayNodes()
        display = segmentation.GetDisplayNode()
        display.SetVisibility2DFill(False)
        display.SetVisibility2DOutline(visible)
        display.SetSliceIntersectionThickness(_OUTLINE_PIXELS)

    def show_surface_with_variance(self, visible: bool) -> None:
        """Paint the chosen map on the surfaces of the segments in 3D, or show the segments as they were.

        If the map is about one label, every structure is painted with the map about itself. The surfaces are
        those of the moment; call again after an edit.
        """
        self._surface_visible = visible
        remove_surfaces(self._result, self._scene)
        if not (visible and self._result.is_in_scene()):
            return
        shown = self._shown
        models = paint_surfaces(self._result, self._maps_of_segments(), shown.quantity, self._scene)
        if models:
            self._add_legend(models[0], _with_unit(shown.quantity, shown.unit))

    def _maps_of_segments(self) -> dict[str, Any]:
        """The volume to paint on each segment of the prediction."""
        by_key = {shown.key: shown.volume for shown in self._maps}
        kind = self._shown.key.rpartition("_")[0] if self._shown.label else ""
        return {
            f"Segment_{label.value}": by_key.get(f"{kind}_{label.value}", self._shown.volume)
            for label in self._result.run.label_table
        }

    def _slice_layers(self) -> Iterator[Any]:
        for n in range(self._scene.GetNumberOfNodesByClass("vtkMRMLSliceCompositeNode")):
            yield self._scene.GetNthNodeByClass(n, "vtkMRMLSliceCompositeNode")

    def _show_overlay(self) -> None:
        volume = self._shown.volume
        if volume.GetScene() is not self._scene:  # deleted meanwhile
            return
        is_score = self._shown.key == _SCORE
        lowest = self._threshold if is_score else _LOWEST_SHOWN * largest_value(volume)
        show_as_heat_map(volume, lowest, self._scene)
        self._set_layers()
        self._show_legends(self._shown if self._legend_visible and self._visible else None)

    def _set_layers(self) -> None:
        for layers in self._slice_layers():
            layers.SetForegroundVolumeID(self._shown.volume.GetID())
            layers.SetForegroundOpacity(self._opacity if self._visible else 0.0)

    def _show_legends(self, chosen: ShownMap | None) -> None:
        """The legend of the chosen map, and of no other map of the result."""
        for shown in self._maps:
            legend = self._color_logic.GetColorLegendDisplayNode(shown.volume)
            if legend is not None:
                legend.SetVisibility(False)
        if chosen is None:
            return
        self._add_legend(chosen.volume, chosen.legend_title)

    def _add_legend(self, node: Any, title: str) -> None:
        legend = self._color_logic.AddDefaultColorLegendDisplayNode(node)
        legend.SetTitleText(title)
        legend.SetLabelFormat("%.2g")
        _make_small(legend)
        legend.SetVisibility(True)
        # The legends' manager does not notice that the layers changed.
        legend.Modified()


def _with_unit(title: str, unit: str) -> str:
    return f"{title} [{unit}]" if unit else title


def _make_small(legend: Any) -> None:
    """Leave most of a slice view to the image."""
    legend.SetSize(0.1, 0.3)
    legend.SetPosition(0.97, 0.02)
    legend.GetTitleTextProperty().SetFontSize(_TITLE_SIZE)
    legend.GetLabelTextProperty().SetFontSize(_LABEL_SIZE)


def _maps_of(result: ResultNodes) -> Iterator[ShownMap]:
    """All maps of a result, every volume once."""
    from mobseg.uncertainty import display_name, unit  # noqa: PLC0415

    stochastic = result.run.is_stochastic
    score = result.run.threshold.score
    yield ShownMap(_SCORE, display_name(score, stochastic), unit(score), result.score)
    candidates = []
    for label, variance, probability in zip(
        result.run.label_table, result.variances, result.probabilities, strict=True
    ):
        value, name = label.value, label.name
        quantity = display_name("variance", stochastic)
        candidates.append(ShownMap(f"variance_{value}", quantity, unit("variance"), variance, name))
        candidates.append(ShownMap(f"probability_{value}", "Probability", "", probability, name))
    quantity = display_name("entropy", stochastic)
    candidates.append(ShownMap("entropy", quantity, unit("entropy"), result.entropy))
    yield from (shown for shown in candidates if shown.volume is not result.score)
