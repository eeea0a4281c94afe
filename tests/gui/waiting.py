"""Lets the event loop of the host run until something has happened."""

from __future__ import annotations

import time
from collections.abc import Callable

import slicer


def wait_until(condition: Callable[[], bool], what: str, seconds: float = 120.0) -> None:
    """Process events until the condition holds.

    Raises:
        AssertionError: it does not within the time.
    """
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, f"waited too long for {what}"
        slicer.app.processEvents()
        time.sleep(0.01)
