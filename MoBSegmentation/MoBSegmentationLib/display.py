"""How a result is shown: heat map over the image, legend, outlines, painted surface."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from MoBSegmentationLib.result_nodes import ResultNodes


@dataclass(frozen=True)
class ShownMap:
    """A map that can be laid over the image.

    Attributes:
        key: for :meth:`ResultDisplay.show_map`: ``"score"``, ``"entropy"``, ``"variance_1"``,
            ``"probability_1"`` with the label's value.
        title: for people, with the label's name; a deterministic model's variance is called disagreement.
        unit: such as ``"nats"``; empty for pure numbers.
        volume: ``vtkMRMLScalarVolumeNode``.
    """

    key: str
    title: str
    unit: str
    volume: Any


class ResultDisplay:
    """Shows one result in all slice views and 3D views of a scene.

    Args:
        result: the result.
        scene: its ``vtkMRMLScene``; all its slice views follow.
        color_logic: ``vtkSlicerColorLogic`` of the application, for the legend.
    """

    def __init__(self, result: ResultNodes, scene: Any, color_logic: Any) -> None:
        raise NotImplementedError

    @property
    def maps(self) -> tuple[ShownMap, ...]:
        """The maps to choose from, the score first; no volume is listed twice."""
        raise NotImplementedError

    @property
    def shown_map(self) -> ShownMap:
        """The chosen map."""
        raise NotImplementedError

    @property
    def overlay_visible(self) -> bool:
        """Whether the map lies over the image."""
        raise NotImplementedError

    def show(self) -> None:
        """Image as background, chosen map as heat map over it, segmentation as outlines, legend."""
        raise NotImplementedError

    def hide(self) -> None:
        """Take the map and the legend away; the segmentation stays."""
        raise NotImplementedError

    def show_map(self, key: str) -> None:
        """Choose the map by its key."""
        raise NotImplementedError

    def set_overlay_visible(self, visible: bool) -> None:
        """Show or hide the map and the legend."""
        raise NotImplementedError

    def toggle_overlay(self) -> None:
        """The other of visible and hidden."""
        raise NotImplementedError

    def set_overlay_opacity(self, opacity: float) -> None:
        """Opacity of the heat map, 0 to 1."""
        raise NotImplementedError

    def set_threshold(self, threshold: float) -> None:
        """Make the score map transparent below the threshold; other maps are not concerned."""
        raise NotImplementedError

    def set_legend_visible(self, visible: bool) -> None:
        """Show or hide the colour legend."""
        raise NotImplementedError

    def set_outline_visible(self, visible: bool) -> None:
        """Show or hide the outlines of the segments in the slice views."""
        raise NotImplementedError

    def show_surface_with_variance(self, visible: bool) -> None:
        """Replace the segments in 3D by surfaces that the chosen map is painted on, or take these away."""
        raise NotImplementedError
