"""How long runs took on this machine, to say how long the next will take."""

from __future__ import annotations

from MoBSegmentationLib.model_list import Settings


class RunTimes:
    """Remembers seconds and sizes of runs, no names.

    Args:
        settings: where they are kept between sessions.
    """

    def __init__(self, settings: Settings) -> None:
        raise NotImplementedError

    def note(self, model: str, device: str, megavoxels: float, seconds: float) -> None:
        """Remember a run that succeeded: model key, device, voxels of the image or its box, wall time."""
        raise NotImplementedError

    def estimate(self, model: str, device: str, megavoxels: float) -> str:
        """How long a run will take, in words; says so where it is not known."""
        raise NotImplementedError
