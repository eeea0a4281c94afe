"""Calls a function later, on the viewer's own thread."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol


class Scheduler(Protocol):
    """A clock that can ring."""

    def call_later(self, seconds: float, function: Callable[[], None]) -> Callable[[], None]:
        """Call ``function`` once after ``seconds``; the function returned takes that back."""


class QtScheduler:
    """Timers of Qt's event loop."""

    def __init__(self) -> None:
        # A timer without a reference is deleted before it rings.
        self._timers: set[Any] = set()

    def call_later(self, seconds: float, function: Callable[[], None]) -> Callable[[], None]:
        """Call ``function`` once after ``seconds``; the function returned takes that back."""
        import qt  # noqa: PLC0415  only there in the viewer

        timer = qt.QTimer()
        timer.setSingleShot(True)

        def forget() -> None:
            timer.stop()
            self._timers.discard(timer)

        def ring() -> None:
            forget()
            function()

        timer.connect("timeout()", ring)
        self._timers.add(timer)
        timer.start(round(1000 * seconds))
        return forget
