"""Voxels of many small calls handed on in few large ones, as every call has a cost."""

from __future__ import annotations

from typing import Protocol

import torch
from torch import Tensor

from mobseg.inference.windows import Window


class VoxelConsumer(Protocol):
    """Takes the native voxels, each plane of a tile from one thread, but several planes at the same time.

    Axes are in the order of the network's, and positions count in the native box.
    """

    def add_classes(self, box: Window, classes: Tensor) -> None:
        """Take certain classes (y, x) for all planes of a box."""

    def add_moments(self, index: Tensor, mean: Tensor, model: Tensor, disagreement: Tensor) -> None:
        """Take (n,) flat indices into the whole native grid with the moments (Q or V, n)."""


class GatheredVoxels:
    """Hands classes on at once, and moments as soon as there are enough.

    Args:
        consumer: takes them.
        least: numbers that are enough.
    """

    def __init__(self, consumer: VoxelConsumer, least: int) -> None:
        self._consumer = consumer
        self._least = least
        self._waiting: list[tuple[Tensor, ...]] = []
        self._count = 0

    def add_classes(self, box: Window, classes: Tensor) -> None:
        """Take certain classes (y, x) for all planes of a box."""
        self._consumer.add_classes(box, classes)

    def add_moments(self, index: Tensor, mean: Tensor, model: Tensor, disagreement: Tensor) -> None:
        """Take (n,) flat indices into the whole native grid with the moments (Q or V, n)."""
        parts = (index, mean, model, disagreement)
        self._waiting.append(parts)
        self._count += sum(part.numel() for part in parts)
        if self._count >= self._least:
            self.finish()

    def finish(self) -> None:
        """Hand on what is left."""
        if self._waiting:
            joined = (torch.cat(same, dim=-1) for same in zip(*self._waiting, strict=True))
            self._consumer.add_moments(*joined)
        self._waiting.clear()
        self._count = 0
