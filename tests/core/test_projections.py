from __future__ import annotations

import torch

from mobseg.covariance.form import PairForm, pair_projection
from mobseg.projections import (
    centred_coordinates,
    coordinates_for,
    covariance_factor,
    covariance_from_pairs,
    logit_coordinates,
    softmax_factor,
)
from tests.core.covariance.oracles import CLASSES, ORACLES


def _mixture():
    oracle = next(entry for entry in ORACLES if entry.name == "mixture_of_bases")
    return oracle.build(oracle.inputs(torch.Generator().manual_seed(0)))


def test_coordinates_follow_the_kind_of_model() -> None:
    assert coordinates_for(2, regions=False) == "difference"
    assert coordinates_for(3, regions=False) == "centred"
    assert coordinates_for(2, regions=True) == "regions"


def test_pair_projection_has_one_row_for_each_pair() -> None:
    rows = pair_projection(3, torch.zeros(()))
    assert rows.tolist() == [[-1, 1, 0], [-1, 0, 1], [0, -1, 1]]


def test_pair_variances_determine_the_centred_covariance() -> None:
    distribution = _mixture()
    _, pairs = centred_coordinates(distribution, PairForm(CLASSES), fold=0)
    centring = torch.eye(CLASSES, dtype=torch.float64) - 1.0 / CLASSES
    covariance = distribution.voxel_covariance()
    expected = torch.einsum("ac,bcdzyx,de->baezyx", centring, covariance, centring)
    torch.testing.assert_close(covariance_from_pairs(pairs, CLASSES), expected)


def test_centring_and_factorisation_leave_the_softmax_alone() -> None:
    """Samples from the factor have the law of softmax under the full covariance."""
    distribution = _mixture()
    mean, pairs = centred_coordinates(distribution, PairForm(CLASSES), fold=0)
    factor = softmax_factor(covariance_from_pairs(pairs, CLASSES))
    rebuilt = torch.einsum("bckzyx,bdkzyx->bcdzyx", factor, factor)
    projection = pair_projection(CLASSES, mean)
    variance = torch.einsum("qc,bcdzyx,qd->bqzyx", projection, rebuilt, projection)
    torch.testing.assert_close(variance, pairs, rtol=1e-4, atol=1e-5)
    torch.testing.assert_close(mean.softmax(1), distribution.mean.softmax(1))


def test_two_classes_use_the_difference() -> None:
    oracle = next(entry for entry in ORACLES if entry.name == "diagonal")
    inputs = oracle.inputs(torch.Generator().manual_seed(0))
    distribution = oracle.build({name: tensor[:, :2] for name, tensor in inputs.items()})
    mean, variance = logit_coordinates(distribution, "difference")
    torch.testing.assert_close(mean, distribution.mean[:, 1:] - distribution.mean[:, :1])
    torch.testing.assert_close(variance[:, 0], inputs["variance"][:, :2].sum(1))


def test_regions_use_their_own_variances() -> None:
    oracle = next(entry for entry in ORACLES if entry.name == "diagonal")
    inputs = oracle.inputs(torch.Generator().manual_seed(0))
    mean, variance = logit_coordinates(oracle.build(inputs), "regions")
    torch.testing.assert_close(mean, inputs["mean"])
    torch.testing.assert_close(variance, inputs["variance"])


def test_the_factor_of_a_covariance_gives_it_back() -> None:
    generator = torch.Generator().manual_seed(0)
    root = torch.randn(4, 4, 50, generator=generator, dtype=torch.float64)
    covariance = torch.einsum("ikn,jkn->ijn", root, root)
    factor = covariance_factor(covariance)
    rebuilt = torch.einsum("ikn,jkn->ijn", factor, factor)
    torch.testing.assert_close(rebuilt, covariance, rtol=1e-4, atol=1e-4)


def test_a_covariance_that_rounding_made_indefinite_has_a_factor_close_by() -> None:
    covariance = torch.tensor([[1.0, 1.001], [1.001, 1.0]])[..., None].repeat(1, 1, 3)
    covariance[..., 1] = torch.eye(2)
    factor = covariance_factor(covariance)
    rebuilt = torch.einsum("ikn,jkn->ijn", factor, factor)
    torch.testing.assert_close(rebuilt, covariance, rtol=0, atol=0.02)
    torch.testing.assert_close(rebuilt[..., 1], torch.eye(2), rtol=0, atol=1e-5)
