from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from mobseg.prediction_folder.rounding import rounded_map, rounded_maps
from tests.support.predictions import make_maps

PROBABILITY = np.random.default_rng(0).uniform(0, 1, 10_000).astype(np.float32)
LOGIT_VARIANCE = (10 ** np.random.default_rng(1).uniform(-8, 4, 10_000)).astype(np.float32)


def test_probabilities_have_an_absolute_error():
    rounded = rounded_map("probability_mean", PROBABILITY)
    assert rounded.dtype == np.float32
    assert 7e-6 < np.abs(rounded - PROBABILITY).max() <= 2**-17


@pytest.mark.parametrize("field", ["logit_variance_model", "probability_variance"])
def test_variances_have_a_relative_error(field):
    rounded = rounded_map(field, LOGIT_VARIANCE)
    assert rounded.dtype == np.float32
    assert 5e-5 < np.abs(rounded / LOGIT_VARIANCE - 1).max() <= 2**-14


@pytest.mark.parametrize("field", ["probability_variance", "logit_variance_disagreement"])
def test_what_is_exact_stays(field):
    exact = np.array([0.0, 0.25, 0.5, 1.0, 3.0], dtype=np.float32)
    np.testing.assert_array_equal(rounded_map(field, exact), exact)


def test_a_tiny_variance_keeps_its_order():
    variance = np.array([1e-12, 1.1e-12, 3e-9, 1e-6], dtype=np.float32)
    rounded = rounded_map("probability_variance", variance)
    assert np.all(np.diff(rounded) > 0)


@pytest.mark.parametrize(
    ("field", "values"),
    [
        ("probability_mean", PROBABILITY),
        ("predictive_entropy_nats", PROBABILITY),
        ("logit_variance_model", LOGIT_VARIANCE),
    ],
)
def test_rounding_twice_changes_nothing(field, values):
    once = rounded_map(field, values)
    np.testing.assert_array_equal(rounded_map(field, once), once)


def test_a_carry_reaches_the_next_power_of_two():
    below_two = np.array([np.nextafter(np.float32(2), np.float32(0))])
    assert rounded_map("logit_variance_model", below_two) == 2.0


def test_a_view_in_another_order_is_rounded_alike():
    values = LOGIT_VARIANCE.reshape(100, 100)
    np.testing.assert_array_equal(
        rounded_map("logit_variance_model", values.T[::-1]),
        rounded_map("logit_variance_model", values).T[::-1],
    )


def test_all_maps_are_rounded_and_the_labels_are_not():
    shape = (2, 3, 4)
    values = np.random.default_rng(2).uniform(0.1, 0.9, shape).astype(np.float32)
    maps = dataclasses.replace(
        make_maps(variance=values, probability=values, labels=np.full(shape, 3)),
        predictive_entropy_nats=values,
        mutual_information_nats=values,
        logit_variance_model=values,
        logit_variance_disagreement=values,
    )
    rounded = rounded_maps(maps)
    for field in dataclasses.fields(maps):
        value = getattr(maps, field.name)
        if isinstance(value, np.ndarray):
            is_same = np.array_equal(getattr(rounded, field.name), value)
            assert is_same == (field.name == "labels")
