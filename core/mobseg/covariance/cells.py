"""Partition of a volume into P x P x P cells of about equal size (section 3 of the paper)."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor


def cell_index(size: int, cells: int, device: torch.device) -> Tensor:
    """For each of ``size`` positions along one axis, the cell that it belongs to.

    Nearest-neighbour assignment, so the size need not be a multiple of the number of cells.

    Returns:
        (size,) int64 in 0..cells-1, non-decreasing.
    """
    return torch.arange(size, device=device) * cells // size


def spread_cells(values: Tensor, shape: Sequence[int]) -> Tensor:
    """Give every voxel the value of its cell.

    Args:
        values: (..., P_z, P_y, P_x).
        shape: (Z, Y, X).

    Returns:
        (..., Z, Y, X).
    """
    for axis, size in zip(range(-len(shape), 0), shape, strict=True):
        values = values.index_select(axis, cell_index(size, values.shape[axis], values.device))
    return values
