"""Distributions that project predicted scales onto learned bases: eq. 4 to 7 of the paper.

One class serves Single-Basis (one cell) and Mixture-of-Bases (P x P x P cells): in both, voxel n has
the covariance

    Sigma_n = B_p diag(a_n)^2 B_p^T + diag(d_n),  n in cell p.
"""

from __future__ import annotations

import torch
from torch import Tensor

from mobseg.covariance.base import (
    LogitDistribution,
    squared_projection_of_diagonal,
    standard_normal,
)
from mobseg.covariance.cells import contract_cells, contract_squares, spread_cells
from mobseg.covariance.triangular import correlate


class BasisLogits(LogitDistribution):
    """Logits that are correlated within a voxel and independent between voxels (eq. 5, 6).

    Args:
        mean: (B, C, *S).
        variance: (B, C, *S), d > 0.
        scales: (B, R, *S), a.
        cell_basis: (B, C, R, P_z, P_y, P_x), the basis of each cell; one cell for Single-Basis.
    """

    def __init__(self, mean: Tensor, variance: Tensor, scales: Tensor, cell_basis: Tensor) -> None:
        super().__init__(mean)
        self.diagonal_variance = variance
        self.scales = scales
        self.cell_basis = cell_basis

    def rsample(self, n: int, *, generator: torch.Generator | None = None) -> Tensor:
        """Eq. 13 in law: eta = mu + L z with L L^T = Sigma_n and z in R^C, drawn for each voxel."""
        noise = standard_normal((n, *self.mean.shape), self.mean, generator)
        return self.mean + correlate(self.voxel_covariance(), noise)

    def voxel_covariance(self) -> Tensor:
        """B_p diag(a_n)^2 B_p^T + diag(d_n)."""
        products = torch.einsum("bcrzyx,bdrzyx->bcdrzyx", self.cell_basis, self.cell_basis)
        diagonal = torch.diag_embed(self.diagonal_variance.movedim(1, -1))
        return self._contract_with_scales(products) + diagonal.movedim((-2, -1), (1, 2))

    def projected_variance(self, projection: Tensor) -> Tensor:
        """The row sums of (T B_p)^2 a_n^2, plus (T * T) d_n."""
        projected = torch.einsum("qc,bcrzyx->bqrzyx", projection, self.cell_basis)
        diagonal = squared_projection_of_diagonal(projection, self.diagonal_variance)
        return self._contract_with_scales(projected.square()) + diagonal

    def _contract_with_scales(self, per_cell: Tensor) -> Tensor:
        """sum_r K_pr a_nr^2 for K (B, ..., R, P_z, P_y, P_x) -> (B, ..., *S)."""
        has_one_row = per_cell.shape[1:-4].numel() == 1
        if has_one_row and self.scales.device.type == "cpu" and not self._has_gradient(per_cell):
            total = contract_squares(per_cell.flatten(1, -4), self.scales)
            return total.view(len(total), *per_cell.shape[1:-4], *total.shape[1:])
        squared = self.scales.square()
        if per_cell[0, 0].shape[-3:].numel() == 1:
            return torch.einsum("b...r,brzyx->b...zyx", per_cell[..., 0, 0, 0], squared)
        return contract_cells(per_cell, squared)

    def _has_gradient(self, per_cell: Tensor) -> bool:
        return self.scales.requires_grad or per_cell.requires_grad


class MixtureLogits(BasisLogits):
    """Mixture-of-Bases; keeps what the regularisers of eq. 9 and 10 need.

    Args:
        mean: (B, C, *S).
        variance: (B, C, *S).
        scales: (B, R, *S).
        bases: (M, C, R), B_1..B_M.
        weights: (B, M, P_z, P_y, P_x), W, summing to one over M.
    """

    def __init__(
        self, mean: Tensor, variance: Tensor, scales: Tensor, bases: Tensor, weights: Tensor
    ) -> None:
        cell_basis = torch.einsum("mcr,bmzyx->bcrzyx", bases, weights)
        super().__init__(mean, variance, scales, cell_basis)
        self.bases = bases
        self.weights = weights


class BlockMixtureLogits(MixtureLogits):
    """MoB-Block: one z2 in R^R for all voxels of a cell, a true block low-rank covariance.

    The law of a single voxel is that of :class:`MixtureLogits`; within a cell p, voxels n and m covary
    with B_p diag(a_n) diag(a_m) B_p^T (Stein, Spatial Statistics 2014, argues for independent blocks).
    """

    def rsample(self, n: int, *, generator: torch.Generator | None = None) -> Tensor:
        """eta_n = mu_n + sqrt(d_n) z1_n + B_p (a_n * z2_p)."""
        batch, _, rank, *cells = self.cell_basis.shape
        voxel_noise = standard_normal((n, *self.mean.shape), self.mean, generator)
        cell_noise = standard_normal((n, batch, rank, *cells), self.mean, generator)
        loadings = self.cell_basis * cell_noise[:, :, None]
        spread = spread_cells(loadings, self.mean.shape[2:])
        shared = torch.einsum("nbcrzyx,brzyx->nbczyx", spread, self.scales)
        return self.mean + self.diagonal_variance.sqrt() * voxel_noise + shared
