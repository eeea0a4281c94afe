"""Lets Ctrl-C and a termination request end a run in order, so that it can clean up."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType

_SIGNALS = (signal.SIGINT, signal.SIGTERM)

#: Whether the handler of :func:`orderly_interruption` is in place.
_is_handling = False


@contextmanager
def orderly_interruption() -> Iterator[Callable[[], bool]]:
    """Within the ``with`` block, the first SIGINT or SIGTERM raises :class:`KeyboardInterrupt`.

    Later ones do not, so that they cannot break the cleaning up. Only the main thread may use it.
    Processes that are forked within the block end at once, as without it.

    Yields:
        A function that says whether there was one: the exception is lost when it falls into a callback
        of a library that ignores exceptions.
    """
    global _is_handling  # noqa: PLW0603  the hooks on fork, which cannot be removed, must know
    interrupted = False

    def handle(number: int, frame: FrameType | None) -> None:  # noqa: ARG001
        nonlocal interrupted
        if not interrupted:
            interrupted = True
            raise KeyboardInterrupt

    previous = [signal.signal(number, handle) for number in _SIGNALS]
    was_handling, _is_handling = _is_handling, True
    try:
        yield lambda: interrupted
    finally:
        _is_handling = was_handling
        for number, handler in zip(_SIGNALS, previous, strict=True):
            signal.signal(number, handler)


# A pool of workers, such as nnU-Net's, may terminate a worker in the moment after its fork. Python drops a
# signal that its own handler caught then, and the pool waits for that worker forever. So signals are held
# back over a fork, and meet the default action in the child.
def _before_fork() -> None:
    if _is_handling:
        signal.pthread_sigmask(signal.SIG_BLOCK, _SIGNALS)


def _after_fork_in_parent() -> None:
    if _is_handling:
        signal.pthread_sigmask(signal.SIG_UNBLOCK, _SIGNALS)


def _after_fork_in_child() -> None:
    if _is_handling:
        for number in _SIGNALS:
            signal.signal(number, signal.SIG_DFL)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, _SIGNALS)


if hasattr(os, "register_at_fork"):
    os.register_at_fork(
        before=_before_fork,
        after_in_parent=_after_fork_in_parent,
        after_in_child=_after_fork_in_child,
    )
