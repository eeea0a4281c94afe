"""Keeps freed memory within the process while a volume is computed.

The C library gives large blocks back to the system as soon as they are free, and the system fills each
new one with zeros, page by page, when it is first touched. A network on the CPU frees and takes hundreds
of such blocks per window: a fifth of its time, and more than half of the time of everything around it.

Parameters: https://man7.org/linux/man-pages/man3/mallopt.3.html. Elsewhere than on Linux with glibc
nothing is changed.
"""

from __future__ import annotations

import ctypes
import platform
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

_TRIM_THRESHOLD, _MMAP_MAX = -1, -4
_DEFAULTS = ((_TRIM_THRESHOLD, 128 * 1024), (_MMAP_MAX, 65536))
_NEVER_GIVEN_BACK = ((_TRIM_THRESHOLD, 2**31 - 1), (_MMAP_MAX, 0))

#: Whether :func:`reused_memory` is in force.
_IS_REUSED: ContextVar[bool] = ContextVar("is_reused", default=False)


@contextmanager
def reused_memory() -> Iterator[None]:
    """Within, freed memory is used again; afterwards it is given back to the system."""
    libc = _glibc()
    if libc is None:
        yield
        return
    _set(libc, _NEVER_GIVEN_BACK)
    token = _IS_REUSED.set(True)
    try:
        yield
    finally:
        _IS_REUSED.reset(token)
        _set(libc, _DEFAULTS)
        return_free_memory()


@contextmanager
def returned_memory() -> Iterator[None]:
    """Within, large new blocks are taken apart from others, and given back as soon as they are free.

    For few and very large blocks inside :func:`reused_memory`: smaller ones would settle where they were, and
    the next would have to be taken from the system all the same.
    """
    libc = _glibc() if _IS_REUSED.get() else None
    if libc is None:
        yield
        return
    _set(libc, _DEFAULTS[1:])
    try:
        yield
    finally:
        _set(libc, _NEVER_GIVEN_BACK[1:])


def return_free_memory() -> None:
    """Give back what is free inside :func:`reused_memory`; the next blocks cost their pages again."""
    libc = _glibc()
    if libc is not None:
        libc.malloc_trim(0)


def _glibc() -> ctypes.CDLL | None:
    if platform.system() != "Linux" or platform.libc_ver()[0] != "glibc":
        return None
    return ctypes.CDLL(None)


def _set(libc: ctypes.CDLL, parameters: tuple[tuple[int, int], ...]) -> None:
    for parameter, value in parameters:
        libc.mallopt(parameter, value)
