"""The choice of a form, bases of several folds, and what half precision costs."""

from __future__ import annotations

import torch

from mobseg.covariance.basis_form import BasisForm, covariance_form
from mobseg.covariance.form import NoCovariance, PairForm
from tests.core.covariance.test_form import CLASSES, _head, _pairs, _values


def test_the_form_with_the_fewest_numbers_is_used() -> None:
    pairs = CLASSES * (CLASSES - 1) // 2
    expected = {
        "deterministic": (NoCovariance, 0),
        "diagonal": (BasisForm, CLASSES),
        "low_rank": (PairForm, pairs),
        "single_basis": (BasisForm, 5 + CLASSES),
        "mixture_of_bases": (BasisForm, 5 * 6 + CLASSES),
        "mixture_of_blocks": (BasisForm, 5 * 6 + CLASSES),
    }
    for name, (kind, channels) in expected.items():
        form = covariance_form([_head(name)], CLASSES)
        assert (type(form), form.channels) == (kind, channels)
    many = covariance_form([_head("mixture_of_bases", rank=40)], CLASSES)
    assert (type(many), many.channels) == (PairForm, pairs)
    assert type(covariance_form([], CLASSES)) is NoCovariance


@torch.no_grad()
def test_folds_with_different_bases_keep_their_products_apart() -> None:
    """The mean of the values of two folds stands for the mean of their covariances."""
    heads = [_head("mixture_of_bases", seed) for seed in (0, 1)]
    form = covariance_form(heads, CLASSES)
    assert form.channels == 2 * 5 * 6 + CLASSES
    values = sum(_values(form, head, fold) for fold, head in enumerate(heads)) / 2
    expected = sum(_pairs(head) for head in heads) / 2
    torch.testing.assert_close(form.all_pair_variances(values), expected, rtol=1e-4, atol=1e-5)


@torch.no_grad()
def test_half_precision_costs_about_a_thousandth_of_a_variance() -> None:
    """Products of two different bases may be negative, and what is left then has fewer digits."""
    head = _head("mixture_of_bases")
    form = covariance_form([head], CLASSES)
    values = _values(form, head)
    exact, rounded = (form.all_pair_variances(v) for v in (values, values.half().float()))
    error = (rounded - exact).abs() / exact
    assert error.max() < 3e-3
    assert error.mean() < 2e-4
