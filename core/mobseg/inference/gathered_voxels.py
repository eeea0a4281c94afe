"""Voxels of many small calls handed on in few large ones, as every call has a cost."""

from __future__ import annotations

from threading import Lock

import torch
from torch import Tensor

from mobseg.inference.native_sweep import VoxelConsumer
from mobseg.inference.windows import Window

#: Numbers that are handed on at a time: 16 MB.
_VALUES = 4_000_000


class GatheredVoxels:
    """Hands classes on at once, and moments as soon as there are enough; threads may call it.

    Args:
        consumer: takes them.
    """

    def __init__(self, consumer: VoxelConsumer) -> None:
        self._consumer = consumer
        self._lock = Lock()
        self._waiting: list[tuple[Tensor, ...]] = []

    def add_classes(self, box: Window, classes: Tensor) -> None:
        """Take certain classes (y, x) for all planes of a box."""
        self._consumer.add_classes(box, classes)

    def add_moments(self, index: Tensor, mean: Tensor, model: Tensor, disagreement: Tensor) -> None:
        """Take (n,) flat indices into the whole native grid with the moments (Q or V, n)."""
        with self._lock:
            self._waiting.append((index, mean, model, disagreement))
            values = sum(part.numel() for parts in self._waiting for part in parts)
            ready = self._take() if values >= _VALUES else []
        self._hand_on(ready)

    def finish(self) -> None:
        """Hand on the rest."""
        self._hand_on(self._take())

    def _take(self) -> list[tuple[Tensor, ...]]:
        taken, self._waiting = self._waiting, []
        return taken

    def _hand_on(self, parts: list[tuple[Tensor, ...]]) -> None:
        if parts:
            index, *moments = (torch.cat(same, dim=-1) for same in zip(*parts, strict=True))
            self._consumer.add_moments(index, *moments)
