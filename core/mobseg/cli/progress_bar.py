"""Progress for people at a terminal, or reading a log."""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable
from types import TracebackType
from typing import TextIO

from mobseg.errors import Cancelled
from mobseg.time_left import TimeLeft

#: Shorter runs end before anybody could read the progress.
_SILENT_SECONDS = 0.5
_REDRAW_SECONDS = 0.1
_LINE_SECONDS = 10.0
_BAR_WIDTH = 24


class TerminalProgress:
    """A :class:`mobseg.progress.Progress` that draws a bar on a terminal and writes few lines elsewhere.

    Use it in a ``with`` statement, which removes the bar at the end.
    """

    def __init__(
        self,
        stream: TextIO,
        *,
        is_cancelled: Callable[[], bool] = lambda: False,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._stream = stream
        self._is_cancelled = is_cancelled
        self._clock = clock
        self._time_left = TimeLeft(clock)
        self._is_terminal = stream.isatty()
        self._stage = ""
        self._drawn_at: float | None = None
        self._drawn_width = 0

    def __enter__(self) -> TerminalProgress:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._drawn_width:
            self._draw("")
            self._stream.write("\r")
            self._stream.flush()

    def report(self, stage: str, fraction: float) -> None:
        """Show the stage and ``fraction`` (0 to 1) of the whole run, unless just done."""
        fraction = min(max(fraction, 0.0), 1.0)
        self._time_left.update(stage, fraction)
        is_new_stage, self._stage = stage != self._stage, stage
        pause = _REDRAW_SECONDS if self._is_terminal else _LINE_SECONDS
        now = self._clock()
        if not is_new_stage and self._drawn_at is not None and now - self._drawn_at < pause:
            return
        if self._is_terminal:
            self._draw(self._bar(fraction))
        elif self._time_left.seconds_elapsed >= _SILENT_SECONDS:
            self._stream.write(f"{fraction:4.0%} {stage}{self._suffix()}\n")
        else:
            return
        self._stream.flush()
        self._drawn_at = now

    def raise_if_cancelled(self) -> None:
        """Raise :class:`mobseg.errors.Cancelled` when the user asked to stop."""
        if self._is_cancelled():
            raise Cancelled("Cancelled; nothing was written.")

    def _bar(self, fraction: float) -> str:
        filled = round(fraction * _BAR_WIDTH)
        bar = "#" * filled + "." * (_BAR_WIDTH - filled)
        return f"[{bar}] {fraction:4.0%} {self._stage}{self._suffix()}"

    def _suffix(self) -> str:
        seconds = self._time_left.seconds
        return f", {format_seconds(seconds)} left" if seconds else ""

    def _draw(self, text: str) -> None:
        # Blanks rather than escape codes erase the old text, because not every terminal knows those.
        columns = shutil.get_terminal_size().columns - 1
        text = text[:columns]
        self._stream.write("\r" + text.ljust(min(self._drawn_width, columns)))
        self._drawn_width = len(text)


def format_seconds(seconds: float) -> str:
    """A duration for people, such as ``8 s``, ``2 min 05 s`` or ``1 h 20 min``."""
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60:02d} s"
    return f"{whole // 3600} h {whole % 3600 // 60:02d} min"
