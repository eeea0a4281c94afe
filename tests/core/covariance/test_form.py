"""Numbers that stand for a covariance, against the covariance itself."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn

from mobseg.covariance import HeadSettings, build_head
from mobseg.covariance.base import StochasticHead
from mobseg.covariance.basis_form import covariance_form
from mobseg.covariance.form import (
    CovarianceForm,
    best_class,
    pair_projection,
)
from mobseg.covariance.settings import PARAMETERISATIONS

CLASSES, FEATURES, SHAPE = 20, 6, (5, 4, 6)


def _head(parameterisation: str, seed: int = 0, **sizes: int) -> StochasticHead:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        settings = HeadSettings(parameterisation, **{"rank": 5, "cells": 2, **sizes})
        mean = nn.Conv3d(FEATURES, CLASSES, 1)
        head = build_head(settings, mean, nn.Conv3d, FEATURES, CLASSES)
        for parameter in head.parameters():
            nn.init.normal_(parameter, std=0.5)
    return head


def _features(seed: int = 0) -> Tensor:
    return torch.randn(1, FEATURES, *SHAPE, generator=torch.Generator().manual_seed(seed))


@torch.no_grad()
def _values(form: CovarianceForm, head: StochasticHead, fold: int = 0) -> Tensor:
    factors = form.factors(head.distribution(_features()), fold)
    values = torch.full((form.channels, *SHAPE), torch.nan)
    for channels in form.blocks:
        form.expand([factor[0] for factor in factors], channels, values[channels])
    return values.flatten(1)


def _pairs(head: StochasticHead) -> Tensor:
    distribution = head.distribution(_features())
    projection = pair_projection(CLASSES, distribution.mean)
    return distribution.projected_variance(projection)[0].flatten(1)


@pytest.mark.parametrize("parameterisation", PARAMETERISATIONS)
@torch.no_grad()
def test_values_give_the_variances_of_all_differences(parameterisation: str) -> None:
    head = _head(parameterisation)
    form = covariance_form([head], CLASSES)
    values, expected = _values(form, head), _pairs(head)
    assert values.shape[0] == form.channels
    first, second = torch.triu_indices(CLASSES, CLASSES, offset=1)
    voxels = values.shape[1]
    torch.testing.assert_close(form.all_pair_variances(values), expected, rtol=1e-4, atol=1e-5)
    for pair in (0, 7, len(first) - 1):
        a, b = first[pair].expand(1, voxels), second[pair].expand(1, voxels)
        for one, other in ((a, b), (b, a)):
            variance = form.pair_variances(values, one, other)[0]
            torch.testing.assert_close(variance, expected[pair], rtol=1e-4, atol=1e-5)
    many = [pairs[:40, None].expand(-1, voxels) for pairs in (first, second)]
    torch.testing.assert_close(
        form.pair_variances(values, *many), expected[:40], rtol=1e-4, atol=1e-5
    )
    torch.testing.assert_close(
        form.mean_pair_variance(values), expected.mean(0), rtol=1e-4, atol=1e-5
    )


@pytest.mark.parametrize("parameterisation", PARAMETERISATIONS)
@torch.no_grad()
def test_bounds_are_bounds_and_not_far_away(parameterisation: str) -> None:
    head = _head(parameterisation)
    form = covariance_form([head], CLASSES)
    values, expected = _values(form, head), _pairs(head)
    gamma = torch.zeros(CLASSES, CLASSES, values.shape[1])
    first, second = torch.triu_indices(CLASSES, CLASSES, offset=1)
    gamma[first, second] = gamma[second, first] = expected
    best = torch.arange(values.shape[1]) % CLASSES
    bound = form.variance_bound(values, best)
    exact = gamma.gather(1, best[None, None].expand(CLASSES, -1, -1))[:, 0]
    assert (bound >= exact * (1 - 1e-5)).all()
    assert bound.gather(0, best[None]).max() == 0
    largest = form.largest_pair_variance(values)
    assert (largest >= expected.amax(0) * (1 - 1e-5)).all()
    assert bound.mean() <= 3 * exact.mean() + 1e-6
    assert largest.mean() <= 5 * expected.amax(0).mean() + 1e-6


def test_the_best_class_is_the_first_of_the_largest() -> None:
    generator = torch.Generator().manual_seed(0)
    logits = torch.randint(-3, 3, (CLASSES, *SHAPE), generator=generator).float()
    ties = (logits == logits.amax(0)).sum(0)
    assert (ties > 1).any()
    expected = (logits == logits.amax(0)).float().argmax(0)
    assert torch.equal(best_class(logits), expected)
    assert torch.equal(best_class(logits[:1]), torch.zeros(SHAPE, dtype=torch.int64))
