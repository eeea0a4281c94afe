"""Controls that say why they cannot be used."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any


class Availability:
    """Some controls that are enabled and disabled together.

    Args:
        widgets: the controls, with the tooltips they have while enabled.
    """

    def __init__(self, widgets: Sequence[Any]) -> None:
        self._tips = [(widget, widget.toolTip) for widget in widgets]

    def set(self, obstacle: str | None) -> None:
        """Enable the controls, or disable them with this sentence as their tooltip."""
        for widget, tip in self._tips:
            widget.setEnabled(obstacle is None)
            widget.setToolTip(obstacle or tip)
