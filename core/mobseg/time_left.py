"""Estimates the time that a run still needs from its progress."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable

#: The speed is measured over the last part of the stage: this share of it, but at least some seconds.
_RECENT_SHARE = 0.3
_RECENT_SECONDS = 3.0

#: A speed measured over less time would only be noise.
_SHORTEST_SECONDS = 1.0


class TimeLeft:
    """Extrapolates the recent speed of the stage under way to the end of the run.

    Not the average speed of the run: what a fraction costs differs between stages, and a fallback from
    the GPU to the CPU must show soon.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._start = clock()
        self._stage: str | None = None
        self._stage_start = self._start
        self._recent: deque[tuple[float, float]] = deque()

    @property
    def seconds_elapsed(self) -> float:
        """Time since the start of the run."""
        return self._clock() - self._start

    def update(self, stage: str, fraction: float) -> None:
        """Note that ``stage`` is under way and ``fraction`` (0 to 1) of the whole run is done."""
        now = self._clock()
        if stage != self._stage:
            self._stage, self._stage_start = stage, now
            self._recent.clear()
        self._recent.append((now, fraction))
        begin = now - max(_RECENT_SECONDS, _RECENT_SHARE * (now - self._stage_start))
        while len(self._recent) > 1 and self._recent[1][0] <= begin:
            self._recent.popleft()

    @property
    def seconds(self) -> float | None:
        """Seconds left, or ``None`` while the speed is unknown."""
        if not self._recent:
            return None
        then, fraction_then = self._recent[0]
        now, fraction = self._recent[-1]
        if now - then < _SHORTEST_SECONDS or fraction <= fraction_then:
            return None
        speed = (fraction - fraction_then) / (now - then)
        return max(0.0, (1 - fraction) / speed - (self._clock() - now))
