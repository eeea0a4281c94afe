"""Moments of windows that are known at once, as if a network gave them slab by slab."""

from __future__ import annotations

from torch import Tensor

from mobseg.slabs import Slabwise, slabs_between


def computed(*outputs: Tensor, thickness: int | None = None) -> Slabwise[tuple[Tensor, ...]]:
    """Whole outputs (B, F, Z, Y, X), in one slab or in slabs of so many planes."""
    depth = outputs[0].shape[2]
    slabs = slabs_between(0, depth, thickness or depth)
    return Slabwise(slabs, lambda planes: tuple(output[:, :, planes] for output in outputs))
