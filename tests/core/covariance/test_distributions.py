"""One contract for all parameterisations, against a dense oracle: values, gradients and samples."""

from __future__ import annotations

import pytest
import torch

from mobseg.covariance import PARAMETERISATIONS
from mobseg.covariance.basis import BasisLogits
from tests.core.covariance.oracles import CLASSES, ORACLES, SHAPE, Oracle

every_oracle = pytest.mark.parametrize("oracle", ORACLES, ids=lambda oracle: oracle.name)
VOXELS = SHAPE[0] * SHAPE[1] * SHAPE[2]


def _inputs(oracle: Oracle, *, requires_grad: bool = False) -> dict[str, torch.Tensor]:
    inputs = oracle.inputs(torch.Generator().manual_seed(3))
    return {name: tensor.requires_grad_(requires_grad) for name, tensor in inputs.items()}


def _voxel_blocks(dense: torch.Tensor) -> torch.Tensor:
    """(C N, C N) -> (1, C, C, *S)."""
    blocks = torch.einsum("cndn->cdn", dense.view(CLASSES, VOXELS, CLASSES, VOXELS))
    return blocks.reshape(1, CLASSES, CLASSES, *SHAPE)


def test_every_parameterisation_has_an_oracle() -> None:
    assert {oracle.name for oracle in ORACLES} == set(PARAMETERISATIONS)


@every_oracle
def test_voxel_covariance_equals_dense_blocks(oracle: Oracle) -> None:
    inputs = _inputs(oracle)
    expected = _voxel_blocks(oracle.dense(inputs))
    torch.testing.assert_close(oracle.build(inputs).voxel_covariance(), expected)


@every_oracle
@pytest.mark.parametrize("rows", [1, 4])
def test_projected_variance_equals_dense_quadratic_form(oracle: Oracle, rows: int) -> None:
    inputs = _inputs(oracle)
    projection = torch.randn(rows, CLASSES, generator=torch.Generator().manual_seed(1)).double()
    blocks = _voxel_blocks(oracle.dense(inputs))
    expected = torch.einsum("qc,bcdzyx,qd->bqzyx", projection, blocks, projection)
    torch.testing.assert_close(oracle.build(inputs).projected_variance(projection), expected)


@every_oracle
def test_gradients_equal_those_of_the_dense_graph(oracle: Oracle) -> None:
    """A scalar of the covariance has the same gradient in every input, dense or structured."""
    direction = torch.randn(1, CLASSES, CLASSES, *SHAPE, dtype=torch.float64)
    structured = _inputs(oracle, requires_grad=True)
    dense = _inputs(oracle, requires_grad=True)
    first = (oracle.build(structured).voxel_covariance() * direction).sum()
    second = (_voxel_blocks(oracle.dense(dense)) * direction).sum()
    if oracle.name == "deterministic":
        assert not first.requires_grad
        return
    first.backward()
    second.backward()
    for name in set(structured) - {"mean"}:
        assert structured[name].grad.abs().sum() > 0
        torch.testing.assert_close(structured[name].grad, dense[name].grad)


@every_oracle
def test_samples_have_the_dense_mean_and_covariance(oracle: Oracle) -> None:
    """Each entry lies within 5 estimated standard errors of its value."""
    inputs = _inputs(oracle)
    dense = oracle.dense(inputs)
    mean = inputs["mean"].flatten()
    n = 20_000
    samples = oracle.build(inputs).rsample(n, generator=torch.Generator().manual_seed(0))
    centred = samples.reshape(n, -1) - mean

    error_of_mean = (dense.diagonal() / n).sqrt()
    assert (centred.mean(dim=0).abs() <= 5.0 * error_of_mean + 1e-12).all()

    estimate = centred.T @ centred / n
    # Var of the estimate of a Gaussian covariance entry: (S_ii S_jj + S_ij^2) / n
    scale = dense.diagonal()[:, None] * dense.diagonal()[None, :]
    standard_error = ((scale + dense.square()) / n).sqrt()
    assert ((estimate - dense).abs() <= 5.0 * standard_error + 1e-12).all()


@every_oracle
def test_samples_carry_gradients_to_every_input(oracle: Oracle) -> None:
    inputs = _inputs(oracle, requires_grad=True)
    samples = oracle.build(inputs).rsample(2, generator=torch.Generator().manual_seed(0))
    samples.square().sum().backward()
    for name, tensor in inputs.items():
        assert tensor.grad is not None and tensor.grad.abs().sum() > 0, name


@every_oracle
def test_equal_seeds_give_equal_samples(oracle: Oracle) -> None:
    distribution = oracle.build(_inputs(oracle))
    first, second, third = (
        distribution.rsample(2, generator=torch.Generator().manual_seed(seed)) for seed in (7, 7, 8)
    )
    assert torch.equal(first, second)
    assert oracle.name == "deterministic" or not torch.equal(first, third)


def test_low_rank_is_torchs_low_rank_normal() -> None:
    """Rows of the factor are (class, voxel) pairs, in the order of the flattened mean."""
    oracle = next(entry for entry in ORACLES if entry.name == "low_rank")
    inputs = _inputs(oracle)
    reference = torch.distributions.LowRankMultivariateNormal(
        inputs["mean"].flatten(),
        inputs["factor"][0].movedim(1, -1).flatten(0, -2),
        inputs["variance"].flatten(),
    )
    torch.testing.assert_close(oracle.dense(inputs), reference.covariance_matrix)


def test_blocks_and_bases_share_the_law_of_a_voxel() -> None:
    bases, blocks = (
        next(entry for entry in ORACLES if entry.name == name)
        for name in ("mixture_of_bases", "mixture_of_blocks")
    )
    inputs = _inputs(bases)
    torch.testing.assert_close(
        bases.build(inputs).voxel_covariance(), blocks.build(inputs).voxel_covariance()
    )
    assert not torch.allclose(bases.dense(inputs), blocks.dense(inputs))


def test_one_basis_in_every_cell_is_single_basis() -> None:
    single = next(entry for entry in ORACLES if entry.name == "single_basis")
    mixture = next(entry for entry in ORACLES if entry.name == "mixture_of_bases")
    inputs = _inputs(mixture)
    basis = inputs["bases"][:1].expand_as(inputs["bases"])
    as_single = inputs | {"basis": basis[:1, :, :, None, None, None]}
    torch.testing.assert_close(
        mixture.build(inputs | {"bases": basis}).voxel_covariance(),
        single.build(as_single).voxel_covariance(),
    )


def test_full_rank_block_factor_reproduces_any_covariance() -> None:
    """With R = C a basis model can hold any positive definite 2 x 2 block of one voxel."""
    target = torch.tensor([[2.0, -0.7], [-0.7, 1.5]], dtype=torch.float64)
    values, vectors = torch.linalg.eigh(target)
    shape = (1, 1, 1)
    distribution = BasisLogits(
        torch.zeros(1, 2, *shape, dtype=torch.float64),
        torch.zeros(1, 2, *shape, dtype=torch.float64),
        values.sqrt().view(1, 2, *shape),
        vectors.view(1, 2, 2, *shape),
    )
    torch.testing.assert_close(distribution.voxel_covariance()[0, :, :, 0, 0, 0], target)
