from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from sklearn.metrics import average_precision_score, brier_score_loss, f1_score, log_loss

from mobseg.errors import GeometryMismatch, InvalidInput
from mobseg.geometry import VolumeGeometry
from mobseg.metrics.band import boundary_band
from mobseg.metrics.calibration import CalibrationHistogram
from mobseg.metrics.case import class_index, evaluate_case
from mobseg.metrics.overlap import predicted_dice
from mobseg.uncertainty import score_map
from mobseg.volume import LabelVolume

from .cases import GEOMETRY, GLAND, LUMP, ONE_LABEL, SHAPE, TABLE, missed_lump, random_two_labels


@pytest.fixture(scope="module")
def two_labels():
    maps, reference = random_two_labels(0)
    # A band of half a voxel, so that it is not the whole of this noisy volume.
    return maps, reference, evaluate_case(maps, reference, band_mm=0.5)


def test_dice_per_label_by_name(two_labels):
    maps, reference, metrics = two_labels
    for index, label in enumerate(TABLE):
        mask = maps.labels == label.value
        assert metrics.dice[label.name] == pytest.approx(
            f1_score((reference.array == label.value).ravel(), mask.ravel())
        )
        assert metrics.predicted_dice[label.name] == pytest.approx(
            predicted_dice(maps.probability_mean[index], mask)
        )


def test_proper_scores_over_the_volume_and_the_band(two_labels):
    maps, reference, metrics = two_labels
    truth = class_index(reference.array, TABLE)
    probability = np.concatenate(
        [1 - maps.probability_mean.sum(axis=0, keepdims=True), maps.probability_mean]
    )
    band = boundary_band(maps.labels, reference.array, GEOMETRY.spacing_kji_mm, 0.5)
    everything = np.ones(SHAPE, dtype=bool)
    for domain, mask in ((metrics.everywhere, everything), (metrics.band, band)):
        p, y = probability[:, mask].T.astype(float), truth[mask]
        p /= p.sum(axis=1, keepdims=True)
        assert domain.nll == pytest.approx(log_loss(y, p, labels=[0, 1, 2]), rel=1e-5)
        assert domain.brier == pytest.approx(
            np.square(p - np.eye(3)[y]).sum(axis=1).mean(), rel=1e-5
        )
        assert domain.to_dict()["error_share"] == pytest.approx((p.argmax(axis=1) != y).mean())


def test_calibration_of_the_top_label_and_of_every_label(two_labels):
    maps, reference, metrics = two_labels
    top, duct = CalibrationHistogram(), CalibrationHistogram()
    probability = maps.probability_mean
    top.update(
        np.maximum(probability.max(axis=0), 1 - probability.sum(axis=0)),
        maps.labels == reference.array,
    )
    duct.update(probability[1], reference.array == 2)
    assert metrics.everywhere.top_label.errors() == pytest.approx(top.errors(), rel=1e-5)
    assert metrics.everywhere.foreground["duct"].errors() == pytest.approx(duct.errors(), rel=1e-9)


def test_every_map_is_compared_with_the_errors(two_labels):
    maps, reference, metrics = two_labels
    errors = (maps.labels != reference.array).ravel()
    p = maps.probability_mean
    expected = {
        "variance": maps.probability_variance.max(axis=0),
        "entropy": maps.predictive_entropy_nats,
        "mutual_information": np.zeros(SHAPE),
        "error_probability": score_map(maps, "error_probability"),
        "bernoulli_variance": (p * (1 - p)).max(axis=0),
    }
    assert set(metrics.scores) == set(expected)
    for name, score in expected.items():
        assert metrics.scores[name].aupr == pytest.approx(
            average_precision_score(errors, score.ravel()), abs=1e-3
        )


def test_slabs_give_the_same_as_the_whole_volume(two_labels, monkeypatch):
    maps, reference, whole = two_labels
    monkeypatch.setattr("mobseg.metrics.case._VOXELS_AT_ONCE", 5 * SHAPE[1] * SHAPE[2])
    in_slabs = evaluate_case(maps, reference, band_mm=0.5)
    assert in_slabs.dice == whole.dice
    for name in ("everywhere", "band"):
        a, b = getattr(in_slabs, name).to_dict(), getattr(whole, name).to_dict()
        assert a["nll"] == pytest.approx(b["nll"], rel=1e-9)
        assert a["brier"] == pytest.approx(b["brier"], rel=1e-9)
        assert a["top_label"] == pytest.approx(b["top_label"], rel=1e-9)


def test_two_classes_rank_alike_by_every_map_of_the_mean_probability():
    maps, reference = missed_lump()
    rng = np.random.default_rng(3)
    probability = rng.random((1, *SHAPE)).astype(np.float32)
    p = probability[0].astype(float)
    maps = dataclasses.replace(
        maps,
        probability_mean=probability,
        labels=np.where(p > 0.5, 5, 0).astype(np.uint8),
        predictive_entropy_nats=(-p * np.log(p) - (1 - p) * np.log1p(-p)).astype(np.float32),
    )
    metrics = evaluate_case(maps, reference)
    names = ("entropy", "error_probability", "bernoulli_variance")
    assert np.ptp([metrics.scores[name].auroc for name in names]) < 1e-4
    assert np.ptp([metrics.scores[name].aupr for name in names]) < 1e-3
    foreground = (reference.array > 0).ravel()
    assert metrics.everywhere.brier / 2 == pytest.approx(brier_score_loss(foreground, p.ravel()))


def test_the_simulated_reviewer_finds_the_missed_lump_first_by_the_map_that_shows_it():
    metrics = evaluate_case(*missed_lump())
    variance, baseline = metrics.scores["variance"], metrics.scores["bernoulli_variance"]
    n_band = metrics.band.n_voxels
    assert LUMP.sum() < 0.1 * n_band < SHAPE[0] * SHAPE[1] * SHAPE[2]

    assert metrics.dice["gland"] == pytest.approx(2 * GLAND.sum() / (2 * GLAND.sum() + LUMP.sum()))
    assert variance.aupr == variance.aupr_band == variance.auroc == 1.0
    assert variance.review_benefit == pytest.approx(1.0)
    assert variance.share_found == variance.dice_after == 1.0

    assert baseline.auroc == pytest.approx(0.5)
    assert baseline.aupr == pytest.approx(LUMP.mean())
    assert baseline.aupr_band == pytest.approx(LUMP.sum() / n_band)
    assert baseline.review_benefit == pytest.approx(0.0, abs=1e-9)
    assert baseline.share_found == pytest.approx(0.1 * n_band / LUMP.size)
    assert metrics.dice["gland"] < baseline.dice_after < 1.0

    threshold = variance.curve.recommended_threshold()
    assert 0.01 < threshold <= 0.05
    assert variance.curve.lookup(threshold).review_ml == pytest.approx(LUMP.sum() * 2.0 / 1000)


def test_a_prediction_without_errors_leaves_error_detection_undefined():
    maps, _ = missed_lump()
    metrics = evaluate_case(maps, LabelVolume(maps.labels, GEOMETRY))
    assert metrics.dice == {"gland": 1.0}
    assert metrics.everywhere.n_errors == 0
    for score in metrics.scores.values():
        figures = score.to_dict()
        assert figures.pop("dice_after") == 1.0
        assert np.isnan(list(figures.values())).all()


def test_an_empty_case_has_undefined_dice_and_an_empty_band():
    maps, _ = missed_lump()
    nothing = np.zeros(SHAPE, dtype=np.uint8)
    empty = dataclasses.replace(
        maps, labels=nothing, probability_mean=np.zeros((1, *SHAPE), dtype=np.float32)
    )
    metrics = evaluate_case(empty, LabelVolume(nothing, GEOMETRY))
    assert np.isnan(metrics.dice["gland"])
    assert metrics.band.n_voxels == 0
    assert np.isnan(metrics.band.nll)
    assert metrics.everywhere.nll == 0.0
    assert np.isnan(metrics.scores["variance"].share_found)


def test_class_index_follows_the_order_of_the_table():
    assert class_index(np.array([0, 2, 5, 2], dtype=np.uint8), TABLE).tolist() == [0, 2, 1, 2]


@pytest.mark.parametrize("value", [1, 6, 60000])
def test_a_label_that_the_model_does_not_have_is_refused(value):
    maps, reference = missed_lump()
    foreign = reference.array.astype(np.uint16)
    foreign[0, 0, 0] = value
    with pytest.raises(InvalidInput, match=rf"does not have \({value}\)"):
        evaluate_case(maps, LabelVolume(foreign, GEOMETRY))


def test_another_grid_is_refused():
    maps, reference = missed_lump()
    shifted = VolumeGeometry(SHAPE, GEOMETRY.ijk_to_ras_mm + np.eye(4, k=3))
    with pytest.raises(GeometryMismatch, match="another grid"):
        evaluate_case(maps, LabelVolume(reference.array, shifted))


def test_overlapping_labels_are_refused():
    maps, reference = random_two_labels(1)
    overlapping = dataclasses.replace(
        maps, probability_mean=np.full_like(maps.probability_mean, 0.6)
    )
    with pytest.raises(InvalidInput, match="overlap"):
        evaluate_case(overlapping, reference)


def test_the_single_label_needs_no_particular_value():
    assert class_index(np.array([5, 0], dtype=np.uint8), ONE_LABEL).tolist() == [1, 0]
