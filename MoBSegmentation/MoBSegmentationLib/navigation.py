"""Moves the views to a place in the patient."""

from __future__ import annotations

from typing import Any


def jump_to(ras_mm: tuple[float, float, float], scene: Any) -> None:
    """Centre all slice views and the 3D cameras of a scene on a point of the world, RAS in mm."""
    raise NotImplementedError
