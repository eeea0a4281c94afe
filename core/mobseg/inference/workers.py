"""Independent pieces of work on several processors."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

import torch

_T = TypeVar("_T")


def run_in_threads(function: Callable[[_T], None], pieces: Sequence[_T]) -> None:
    """Call ``function`` for every piece, in any order, on as many threads as PyTorch may use.

    PyTorch's own threads wait for each other after every single operation, which for many small ones costs
    more than it gains, and several times as much on a machine that is busy. Threads that each have
    pieces of their own wait once, at the end. Meanwhile PyTorch uses one thread in each.

    Args:
        function: safe to be called from several threads at once.
        pieces: what it is called with.

    Raises:
        Exception: the first that ``function`` raised; pieces that had not begun are left out.
    """
    threads = torch.get_num_threads()
    if threads == 1 or len(pieces) < 2:
        for piece in pieces:
            function(piece)
        return
    try:
        with ThreadPoolExecutor(threads, initializer=torch.set_num_threads, initargs=(1,)) as pool:
            for _ in pool.map(function, pieces):
                pass
    finally:
        # The number belongs to each thread, except for MKL, where it is one for all.
        torch.set_num_threads(threads)
