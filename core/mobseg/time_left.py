"""Estimates the time that a run still needs from its progress."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable

#: The speed is measured over the last part of the run: this share of it, but at least some seconds.
_RECENT_SHARE = 0.3
_RECENT_SECONDS = 3.0

#: Nothing is estimated before this much time and progress, which would only be noise.
_FIRST_SECONDS = 1.0
_FIRST_FRACTION = 0.02


class TimeLeft:
    """Extrapolates the recent speed of a run.

    The recent speed, not the average over the run, because loading a model costs seconds without much
    progress, and because a fallback from the GPU to the CPU must show.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._start = clock()
        self._history: deque[tuple[float, float]] = deque([(self._start, 0.0)])

    @property
    def seconds_elapsed(self) -> float:
        """Time since the start."""
        return self._clock() - self._start

    def update(self, fraction: float) -> None:
        """Note that ``fraction`` (0 to 1) of the run is done."""
        now = self._clock()
        self._history.append((now, fraction))
        begin = now - max(_RECENT_SECONDS, _RECENT_SHARE * (now - self._start))
        while len(self._history) > 2 and self._history[1][0] <= begin:
            self._history.popleft()

    @property
    def seconds(self) -> float | None:
        """Seconds left, or ``None`` while too little is known."""
        then, fraction_then = self._history[0]
        now, fraction = self._history[-1]
        if now - self._start < _FIRST_SECONDS or fraction < _FIRST_FRACTION:
            return None
        speed = (fraction - fraction_then) / (now - then)
        if speed <= 0:
            return None
        return max(0.0, (1 - fraction) / speed - (self._clock() - now))
