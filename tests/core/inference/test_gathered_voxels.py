"""Voxels that were gathered are those that were given."""

from __future__ import annotations

import torch
from torch import Tensor

from mobseg.inference.gathered_voxels import GatheredVoxels
from mobseg.inference.windows import Window


class Received:
    """Keeps what it is given."""

    def __init__(self) -> None:
        self.calls: list[tuple[Tensor, ...]] = []
        self.boxes: list[Window] = []

    def add_classes(self, box: Window, _classes: Tensor) -> None:
        self.boxes.append(box)

    def add_moments(self, *parts: Tensor) -> None:
        self.calls.append(parts)


def voxels(first: int, count: int = 5) -> tuple[Tensor, ...]:
    index = torch.arange(first, first + count)
    return index, index.expand(2, -1) * 1.0, index.expand(0, -1) * 1.0, index.expand(2, -1) * 0.5


def test_small_calls_become_large_ones() -> None:
    # Five numbers a voxel, so 25 a call.
    received = Received()
    gathered = GatheredVoxels(received, least=50)
    for first in range(0, 25, 5):
        gathered.add_moments(*voxels(first))
    assert [len(call[0]) for call in received.calls] == [10, 10]
    gathered.finish()
    gathered.finish()
    assert [len(call[0]) for call in received.calls] == [10, 10, 5]
    joined = [torch.cat(same, dim=-1) for same in zip(*received.calls, strict=True)]
    for found, expected in zip(joined, voxels(0, 25), strict=True):
        assert torch.equal(found, expected)


def test_with_nothing_to_wait_for_every_call_is_handed_on() -> None:
    received = Received()
    gathered = GatheredVoxels(received, least=0)
    gathered.add_moments(*voxels(0))
    gathered.add_moments(*voxels(5))
    assert [call[0].tolist() for call in received.calls] == [[0, 1, 2, 3, 4], [5, 6, 7, 8, 9]]


def test_classes_are_not_held_back() -> None:
    received = Received()
    box = (slice(0, 1), slice(0, 2), slice(0, 3))
    GatheredVoxels(received, least=50).add_classes(box, torch.zeros(2, 3))
    assert received.boxes == [box]
