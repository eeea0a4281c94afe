"""Samples of small per-voxel Gaussians through an unrolled Cholesky factorisation.

Batched LAPACK calls on hundreds of thousands of 2 x 2 matrices are slow, and drawing noise in C instead
of R dimensions gives the same law with R / C times fewer random numbers.
"""

from __future__ import annotations

import torch
from torch import Tensor


def cholesky_rows(covariance: Tensor) -> list[list[Tensor]]:
    r"""Lower Cholesky factor L of each matrix, row by row.

    :math:`L_{jj} = \sqrt{\Sigma_{jj} - \sum_{k<j} L_{jk}^2}`,
    :math:`L_{ij} = (\Sigma_{ij} - \sum_{k<j} L_{ik} L_{jk}) / L_{jj}`.

    Args:
        covariance: (B, C, C, *S), positive definite over dimensions 1 and 2.

    Returns:
        ``rows[i][j]`` of shape (B, *S) for j <= i.
    """
    rows: list[list[Tensor]] = []
    for i in range(covariance.shape[1]):
        row: list[Tensor] = []
        for j in range(i):
            rest = covariance[:, i, j]
            for k in range(j):
                rest = rest - row[k] * rows[j][k]
            row.append(rest / rows[j][j])
        pivot = covariance[:, i, i]
        for entry in row:
            pivot = pivot - entry.square()
        row.append(pivot.sqrt())
        rows.append(row)
    return rows


def correlate(covariance: Tensor, noise: Tensor) -> Tensor:
    """L z for each voxel, so that standard normal noise gets the given covariance.

    Args:
        covariance: (B, C, C, *S).
        noise: (n, B, C, *S).

    Returns:
        (n, B, C, *S).
    """
    channels = []
    for row in cholesky_rows(covariance):
        total = row[0] * noise[:, :, 0]
        for j, entry in enumerate(row[1:], start=1):
            total = total + entry * noise[:, :, j]
        channels.append(total)
    return torch.stack(channels, dim=2)
