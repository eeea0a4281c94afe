"""Every parameterisation with its dense covariance written out from the paper's definition.

Logits are flattened as (class, voxel), so entry (c, n) is row ``c * N + n``.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from mobseg.covariance.base import LogitDistribution
from mobseg.covariance.basis import BasisLogits, BlockMixtureLogits, MixtureLogits
from mobseg.covariance.cells import cell_index
from mobseg.covariance.deterministic import DeterministicLogits
from mobseg.covariance.diagonal import DiagonalLogits
from mobseg.covariance.low_rank import LowRankLogits

SHAPE = (2, 3, 5)  # not a multiple of the cells
CELLS = 2
CLASSES, RANK, BASES = 3, 4, 3
Inputs = dict[str, Tensor]


@dataclass(frozen=True)
class Oracle:
    """A distribution, its inputs and its dense covariance as functions of the same leaves."""

    name: str
    inputs: Callable[[torch.Generator], Inputs]
    build: Callable[[Inputs], LogitDistribution]
    dense: Callable[[Inputs], Tensor]


def _random(generator: torch.Generator, *shape: int) -> Tensor:
    return torch.randn(shape, generator=generator, dtype=torch.float64)


def _mean_and_variance(generator: torch.Generator) -> Inputs:
    return {
        "mean": _random(generator, 1, CLASSES, *SHAPE),
        "variance": _random(generator, 1, CLASSES, *SHAPE).mul(0.3).exp(),
    }


def _diagonal(inputs: Inputs) -> Tensor:
    return torch.diag(inputs["variance"].flatten())


def _low_rank(inputs: Inputs) -> Tensor:
    rows = inputs["factor"][0].movedim(1, -1).reshape(-1, RANK)  # (class, voxel) x rank
    return _diagonal(inputs) + rows @ rows.T


def _cell_of_voxel() -> Tensor:
    index = [cell_index(size, CELLS, torch.device("cpu")) for size in SHAPE]
    z, y, x = torch.meshgrid(*index, indexing="ij")
    return ((z * CELLS + y) * CELLS + x).flatten()


def _loadings(inputs: Inputs) -> Tensor:
    """(C, N, R): row n of class c is B_p diag(a_n)."""
    scales = inputs["scales"][0].flatten(1).T  # N x R
    if "basis" in inputs:
        return inputs["basis"][0, :, None, :, 0, 0, 0] * scales
    weights = inputs["weights"][0].flatten(1)[:, _cell_of_voxel()]  # M x N
    mixed = torch.einsum("mcr,mn->cnr", inputs["bases"], weights)
    return mixed * scales


def _independent_voxels(inputs: Inputs) -> Tensor:
    loadings = _loadings(inputs)
    voxels = loadings.shape[1]
    within = torch.einsum("cnr,dnr->cnd", loadings, loadings)
    dense = torch.einsum("cnd,nm->cndm", within, torch.eye(voxels, dtype=torch.float64))
    return _diagonal(inputs) + dense.reshape(CLASSES * voxels, CLASSES * voxels)


def _shared_in_cells(inputs: Inputs) -> Tensor:
    loadings = _loadings(inputs)
    cell = _cell_of_voxel()
    same = (cell[:, None] == cell[None, :]).to(torch.float64)
    dense = torch.einsum("cnr,dmr,nm->cndm", loadings, loadings, same)
    return _diagonal(inputs) + dense.reshape(CLASSES * len(cell), CLASSES * len(cell))


def _with_scales(generator: torch.Generator) -> Inputs:
    return _mean_and_variance(generator) | {"scales": _random(generator, 1, RANK, *SHAPE)}


def _with_mixture(generator: torch.Generator) -> Inputs:
    return _with_scales(generator) | {
        "bases": _random(generator, BASES, CLASSES, RANK),
        "weights": _random(generator, 1, BASES, CELLS, CELLS, CELLS).softmax(dim=1),
    }


ORACLES = (
    Oracle(
        "deterministic",
        lambda g: {"mean": _random(g, 1, CLASSES, *SHAPE)},
        lambda i: DeterministicLogits(i["mean"]),
        lambda i: torch.zeros(i["mean"].numel(), i["mean"].numel(), dtype=torch.float64),
    ),
    Oracle(
        "diagonal",
        _mean_and_variance,
        lambda i: DiagonalLogits(i["mean"], i["variance"]),
        _diagonal,
    ),
    Oracle(
        "low_rank",
        lambda g: _mean_and_variance(g) | {"factor": _random(g, 1, CLASSES, RANK, *SHAPE)},
        lambda i: LowRankLogits(i["mean"], i["variance"], i["factor"]),
        _low_rank,
    ),
    Oracle(
        "single_basis",
        lambda g: _with_scales(g) | {"basis": _random(g, 1, CLASSES, RANK, 1, 1, 1)},
        lambda i: BasisLogits(i["mean"], i["variance"], i["scales"], i["basis"]),
        _independent_voxels,
    ),
    Oracle(
        "mixture_of_bases",
        _with_mixture,
        lambda i: MixtureLogits(i["mean"], i["variance"], i["scales"], i["bases"], i["weights"]),
        _independent_voxels,
    ),
    Oracle(
        "mixture_of_blocks",
        _with_mixture,
        lambda i: BlockMixtureLogits(
            i["mean"], i["variance"], i["scales"], i["bases"], i["weights"]
        ),
        _shared_in_cells,
    ),
)
