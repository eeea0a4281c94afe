"""Every piece is done once, each with one thread of PyTorch's, and the setting comes back."""

from __future__ import annotations

import threading
from collections.abc import Iterator

import pytest
import torch

from mobseg.inference.workers import run_in_threads


@pytest.fixture(autouse=True)
def _threads() -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(3)
    yield
    torch.set_num_threads(before)


def test_pieces_run_at_the_same_time_with_one_thread_each() -> None:
    together = threading.Barrier(3, timeout=20)
    seen: list[tuple[int, int]] = []

    def work(piece: int) -> None:
        together.wait()
        seen.append((piece, torch.get_num_threads()))

    run_in_threads(work, range(6))
    assert sorted(seen) == [(piece, 1) for piece in range(6)]
    assert torch.get_num_threads() == 3


@pytest.mark.parametrize(("threads", "pieces"), [(1, 4), (3, 1)])
def test_nothing_to_share_stays_in_this_thread(threads: int, pieces: int) -> None:
    torch.set_num_threads(threads)
    seen: list[tuple[int, int]] = []
    run_in_threads(lambda piece: seen.append((piece, threading.get_ident())), range(pieces))
    assert seen == [(piece, threading.get_ident()) for piece in range(pieces)]


def test_an_error_is_raised_and_the_setting_comes_back() -> None:
    def fail(piece: int) -> None:
        if piece == 2:
            raise ValueError("piece 2")

    with pytest.raises(ValueError, match="piece 2"):
        run_in_threads(fail, range(6))
    assert torch.get_num_threads() == 3
