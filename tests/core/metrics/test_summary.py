from __future__ import annotations

import json
import math

import numpy as np
import pytest

from mobseg.errors import InvalidInput
from mobseg.metrics import ReviewCurve, evaluate_case, finite_or_none, summarise
from mobseg.metrics.calibration import CalibrationHistogram
from mobseg.volume import LabelVolume

from .cases import GEOMETRY, missed_lump, random_two_labels


@pytest.fixture(scope="module")
def inputs():
    return [random_two_labels(seed) for seed in (0, 1, 2)]


@pytest.fixture(scope="module")
def cases(inputs):
    return [evaluate_case(maps, reference) for maps, reference in inputs]


def test_mean_sample_deviation_and_n_of_every_figure(cases):
    per_case = summarise(cases)["per_case"]
    dice = [case.dice["duct"] for case in cases]
    assert per_case["dice"]["duct"] == pytest.approx(
        {"mean": np.mean(dice), "sd": np.std(dice, ddof=1), "n": 3}
    )
    aupr = [case.scores["variance"].aupr_band for case in cases]
    assert per_case["scores"]["variance"]["aupr_band"]["mean"] == pytest.approx(np.mean(aupr))
    ece = [case.band.top_label.expected_error() for case in cases]
    assert per_case["band"]["top_label"]["ece"]["mean"] == pytest.approx(np.mean(ece))


def test_pooled_calibration_is_that_of_all_voxels_together(inputs, cases):
    together = CalibrationHistogram()
    for maps, reference in inputs:
        together.update(maps.probability_mean[0], reference.array == 5)
    pooled = summarise(cases)["pooled"]["everywhere"]["foreground"]["gland"]
    assert pooled == pytest.approx(together.errors(), rel=1e-9)


def test_review_curves_are_pooled_and_can_be_read_back(cases):
    stored = summarise(cases)["review_curves"]["variance"]
    curve = ReviewCurve.from_dict(stored)
    own = [case.scores["variance"].curve for case in cases]
    assert curve.n_cases == 3
    assert curve.error_mm3 == pytest.approx(sum(part.error_mm3 for part in own))
    assert curve.caught_mm3 == pytest.approx(sum(part.caught_mm3 for part in own))


def test_undefined_figures_do_not_count(cases):
    maps, reference = missed_lump()
    perfect = evaluate_case(maps, LabelVolume(maps.labels, GEOMETRY))
    summary = summarise([evaluate_case(maps, reference), perfect])
    auroc = summary["per_case"]["scores"]["variance"]["auroc"]
    assert (auroc["mean"], auroc["n"]) == (1.0, 1)
    assert auroc["sd"] is None


def test_the_summary_can_be_written_as_strict_json(cases):
    text = json.dumps(summarise(cases[:1]), allow_nan=False)
    assert json.loads(text)["per_case"]["dice"]["gland"]["sd"] is None


def test_finite_or_none_keeps_everything_else():
    tree = {"a": {"b": math.nan, "c": 1.5}, "d": "x", "e": 2, "f": [0.5]}
    assert finite_or_none(tree) == {"a": {"b": None, "c": 1.5}, "d": "x", "e": 2, "f": [0.5]}


def test_cases_of_different_models_and_no_cases_are_refused(cases):
    with pytest.raises(InvalidInput, match="different labels"):
        summarise([cases[0], evaluate_case(*missed_lump())])
    with pytest.raises(InvalidInput, match="at least one"):
        summarise([])
