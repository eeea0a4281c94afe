"""How long runs took on this machine, to say how long the next will take."""

from __future__ import annotations

import hashlib
import json
from typing import Any

from MoBSegmentationLib.model_list import Settings

_KEY = "MoBSegmentation/RunTimes"
_RUNS_KEPT = 8

#: Size in millions of voxels, and seconds.
_Run = tuple[float, float]


class RunTimes:
    """Remembers seconds and sizes of runs, no names.

    Args:
        settings: where they are kept between sessions.
    """

    def __init__(self, settings: Settings) -> None:
        self._settings = settings

    def note(self, model: str, device: str, megavoxels: float, seconds: float) -> None:
        """Remember a run that succeeded: model key, device, voxels of the image or its box, wall time."""
        times = self._read()
        key = _key(model, device)
        times[key] = [*_runs(times.get(key)), (megavoxels, seconds)][-_RUNS_KEPT:]
        self._settings.setValue(_KEY, json.dumps(times))

    def estimate(self, model: str, device: str, megavoxels: float) -> str:
        """How long a run will take, in words; says so where it is not known."""
        runs = _runs(self._read().get(_key(model, device)))
        if not runs:
            return "How long this takes here is not known before the first run."
        times = "1 earlier run" if len(runs) == 1 else f"{len(runs)} earlier runs"
        return f"Takes about {in_words(predicted_seconds(runs, megavoxels))}, after {times} here."

    def _read(self) -> dict[str, Any]:
        try:
            times = json.loads(str(self._settings.value(_KEY) or "{}"))
        except ValueError:
            return {}
        return times if isinstance(times, dict) else {}


def predicted_seconds(runs: list[_Run], megavoxels: float) -> float:
    """Seconds of a run of this size.

    A constant and a share for each voxel, by least squares and neither negative. From runs of one size the
    share is not known; then a larger image takes proportionally longer, and a smaller one as long.
    """
    n = len(runs)
    mean_size = sum(size for size, _ in runs) / n
    mean_seconds = sum(seconds for _, seconds in runs) / n
    spread = sum((size - mean_size) ** 2 for size, _ in runs)
    if spread < 1e-6 * mean_size**2 or mean_size == 0:
        return mean_seconds * max(1.0, megavoxels / mean_size if mean_size else 1.0)
    together = sum((size - mean_size) * (seconds - mean_seconds) for size, seconds in runs)
    slope = max(0.0, together / spread)
    constant = mean_seconds - slope * mean_size
    if constant < 0:
        constant = 0.0
        slope = sum(size * s for size, s in runs) / sum(size**2 for size, _ in runs)
    return constant + slope * megavoxels


def in_words(seconds: float) -> str:
    """Such as ``40 s`` or ``3 min``, no more exact than an estimate is."""
    if seconds < 10:
        return f"{max(1, round(seconds))} s"
    if seconds < 90:
        return f"{10 * round(seconds / 10)} s"
    return f"{round(seconds / 60)} min"


def _runs(stored: Any) -> list[_Run]:
    """The runs that were stored, without what is not a pair of numbers."""
    pairs = [pair for pair in stored or [] if isinstance(pair, list) and len(pair) == 2]
    return [(float(a), float(b)) for a, b in pairs if _is_number(a) and _is_number(b)]


def _is_number(value: Any) -> bool:
    return type(value) in (int, float)


def _key(model: str, device: str) -> str:
    """A hash, because the path of a model folder is nobody's business."""
    return hashlib.sha256(f"{model}\n{device}".encode()).hexdigest()[:16]
