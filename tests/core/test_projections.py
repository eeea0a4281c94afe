from __future__ import annotations

import torch

from mobseg.projections import (
    coordinates_for,
    covariance_from_pairs,
    logit_coordinates,
    pair_projection,
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
    _, pairs = logit_coordinates(distribution, "centred")
    centring = torch.eye(CLASSES, dtype=torch.float64) - 1.0 / CLASSES
    covariance = distribution.voxel_covariance()
    expected = torch.einsum("ac,bcdzyx,de->baezyx", centring, covariance, centring)
    torch.testing.assert_close(covariance_from_pairs(pairs, CLASSES), expected)


def test_centring_and_factorisation_leave_the_softmax_alone() -> None:
    """Samples from the factor have the law of softmax under the full covariance."""
    distribution = _mixture()
    mean, pairs = logit_coordinates(distribution, "centred")
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
