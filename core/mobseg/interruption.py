"""Lets Ctrl-C and a termination request end a run in order, so that it can clean up."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType

_SIGNALS = (signal.SIGINT, signal.SIGTERM)


@contextmanager
def orderly_interruption() -> Iterator[Callable[[], bool]]:
    """Within the ``with`` block, the first SIGINT or SIGTERM raises :class:`KeyboardInterrupt`.

    Later ones do not, so that they cannot break the cleaning up. Only the main thread may use it.

    Yields:
        A function that says whether there was one: the exception is lost when it falls into a callback
        of a library that ignores exceptions.
    """
    interrupted = False
    owner = os.getpid()

    def handle(number: int, frame: FrameType | None) -> None:  # noqa: ARG001
        nonlocal interrupted
        if os.getpid() != owner:
            # A forked worker inherits this handler; raising inside its pool could block the pool's locks.
            os._exit(128 + number)
        if not interrupted:
            interrupted = True
            raise KeyboardInterrupt

    previous = [signal.signal(number, handle) for number in _SIGNALS]
    try:
        yield lambda: interrupted
    finally:
        for number, handler in zip(_SIGNALS, previous, strict=True):
            signal.signal(number, handler)
