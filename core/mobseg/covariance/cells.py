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


def contract_cells(per_cell: Tensor, values: Tensor) -> Tensor:
    """Sum over r of K_pr v_nr, where voxel n lies in cell p.

    Layer by layer of cells: a layer's coefficients are spread over y and x only, which needs a tenth of the
    memory traffic of spreading them over the whole volume.

    Args:
        per_cell: (B, ..., R, P_z, P_y, P_x), K.
        values: (B, R, Z, Y, X), v.

    Returns:
        (B, ..., Z, Y, X).
    """
    leading = per_cell.shape[1:-4]
    coefficients = per_cell.flatten(1, -5)
    layers = cell_index(values.shape[2], per_cell.shape[-3], values.device)
    thickness = torch.bincount(layers, minlength=per_cell.shape[-3]).tolist()
    parts = []
    slabs = torch.split(values, thickness, dim=2)
    for layer, slab in zip(torch.unbind(coefficients, dim=-3), slabs, strict=True):
        spread = spread_cells(layer, slab.shape[-2:])[..., None, :, :]
        parts.append((spread * slab[:, None]).sum(dim=2))
    return torch.cat(parts, dim=2).reshape(len(values), *leading, *values.shape[2:])
