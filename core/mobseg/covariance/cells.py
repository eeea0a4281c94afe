"""Partition of a volume into P x P x P cells of about equal size (section 3 of the paper)."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from mobseg.inference.workers import run_in_threads

#: Planes that a thread takes at a time.
_PLANES = 8


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
    """Sum over r of K_pr v_nr, where voxel n lies in cell p: a product of matrices in each cell.

    Args:
        per_cell: (B, ..., R, P_z, P_y, P_x), K.
        values: (B, R, Z, Y, X), v.

    Returns:
        (B, ..., Z, Y, X).
    """
    leading = per_cell.shape[1:-4]
    total = _contract(per_cell.flatten(1, -5), values, dim=2)
    return total.reshape(len(values), *leading, *values.shape[2:])


def contract_squares(per_cell: Tensor, values: Tensor) -> Tensor:
    """Sum over r of K_pr v_nr^2 for one row K, on the CPU and without gradients.

    A single row makes no product of matrices; plane by plane, on all threads, the squares never leave the
    processor's cache.

    Args:
        per_cell: (B, R, P_z, P_y, P_x), K.
        values: (B, R, Z, Y, X), v.

    Returns:
        (B, Z, Y, X).
    """
    batch, _, z, *size = values.shape
    layer = cell_index(z, per_cell.shape[2], values.device).tolist()
    result = values.new_empty(batch, z, *size)

    def contract(first: int) -> None:
        for number in range(first, min(first + _PLANES, batch * z)):
            b, plane = divmod(number, z)
            if number == first or layer[plane] != layer[plane - 1]:
                of_layer = per_cell[b, :, layer[plane], None]
                coefficients = spread_cells(of_layer, (1, *size))[:, 0]
            weighted = values[b, :, plane].square().mul_(coefficients)
            torch.sum(weighted, 0, out=result[b, plane])

    run_in_threads(contract, range(0, batch * z, _PLANES))
    return result


def _contract(coefficients: Tensor, values: Tensor, dim: int) -> Tensor:
    """(B, Q, R, *cells), (B, R, *S) -> (B, Q, *S): divides along ``dim`` and the dimensions after it."""
    if dim == values.ndim:
        return torch.einsum("bqr,brzyx->bqzyx", coefficients, values)
    layers = coefficients.unbind(3)
    index = cell_index(values.shape[dim], len(layers), values.device)
    thickness = torch.bincount(index, minlength=len(layers)).tolist()
    parts = torch.split(values, thickness, dim=dim)
    return torch.cat(
        [_contract(*layer, dim=dim + 1) for layer in zip(layers, parts, strict=True)], dim=dim
    )
