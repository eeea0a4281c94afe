from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from mobseg.errors import InvalidInput
from mobseg.labels import LabelTable
from mobseg.uncertainty import (
    SCORE_NAMES,
    default_score,
    display_name,
    error_probability,
    foreground_variance,
    score_map,
    unit,
)
from tests.support.predictions import LEFT, RIGHT, make_maps

BOTH = LabelTable((LEFT, RIGHT))


def row(*values):
    return np.array(values, dtype=np.float32).reshape(1, 1, -1)


def test_error_probability_of_two_classes_is_the_smaller_probability():
    probability = row(0.0, 0.2, 0.5, 0.51, 0.9, 1.0)
    maps = make_maps(
        variance=row(*[0] * 6), probability=probability, labels=np.where(probability > 0.5, 3, 0)
    )
    expected = np.minimum(probability, np.float32(1) - probability)
    np.testing.assert_array_equal(error_probability(maps), expected)


def test_error_probability_of_several_labels_is_what_the_assigned_one_leaves():
    # background, left, right, a label that is not the most probable, and overlapping regions
    left, right = row(0.3, 0.6, 0.1, 0.2, 0.8), row(0.1, 0.3, 0.7, 0.5, 0.7)
    maps = make_maps(
        variance=np.zeros((2, 1, 1, 5)),
        probability=np.stack((left, right)),
        labels=row(0, 3, 7, 3, 0),
        table=BOTH,
    )
    np.testing.assert_allclose(error_probability(maps), row(0.4, 0.4, 0.3, 0.8, 1.0), rtol=1e-6)


def test_error_probability_does_not_change_the_prediction():
    maps = make_maps(variance=row(0, 0), probability=row(0.2, 0.9), labels=row(0, 3))
    error_probability(maps)
    np.testing.assert_array_equal(maps.probability_mean[0], row(0.2, 0.9))


def test_variance_of_one_label_is_shown_as_it_is():
    maps = make_maps(variance=row(0.01, 0.2))
    np.testing.assert_array_equal(foreground_variance(maps), row(0.01, 0.2))


def test_variance_of_several_labels_is_the_largest():
    maps = make_maps(variance=np.stack((row(0.01, 0.2), row(0.1, 0.05))), table=BOTH)
    np.testing.assert_array_equal(foreground_variance(maps), row(0.1, 0.2))


def test_every_score_is_its_own_map():
    maps = make_maps(variance=row(0.1), probability=row(0.3))
    maps = dataclasses.replace(
        maps, predictive_entropy_nats=row(0.6), mutual_information_nats=row(0.05)
    )
    found = {name: score_map(maps, name).item() for name in SCORE_NAMES}
    assert found == {
        "variance": pytest.approx(0.1),
        "entropy": pytest.approx(0.6),
        "mutual_information": pytest.approx(0.05),
        "error_probability": pytest.approx(0.3),
    }


@pytest.mark.parametrize("use", [lambda n: display_name(n, True), unit])
def test_an_unknown_map_is_refused_with_the_known_ones(use):
    with pytest.raises(InvalidInput, match=r"'confidence'.*variance, entropy"):
        use("confidence")


def test_a_deterministic_model_has_no_variance_in_its_names():
    assert default_score(is_stochastic=True) == "variance"
    assert default_score(is_stochastic=False) == "entropy"
    assert display_name("variance", is_stochastic=True) == "Variance of the probability"
    for name in ("variance", "mutual_information"):
        assert display_name(name, is_stochastic=False).startswith("Disagreement")


def test_units():
    assert {name: unit(name) for name in SCORE_NAMES} == {
        "variance": "",
        "entropy": "nats",
        "mutual_information": "nats",
        "error_probability": "",
    }
