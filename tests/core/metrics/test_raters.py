"""One prediction against several raters, by hand and against scikit-learn."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.metrics import average_precision_score, log_loss, roc_auc_score

from mobseg.metrics.raters import RaterMetrics, compare_with_raters

SHAPE = (3, 8, 8)


def _case(samples: int = 0, n_readers: int = 3) -> tuple[RaterMetrics, dict[str, np.ndarray]]:
    rng = np.random.default_rng(0)
    probability = rng.random(SHAPE).astype(np.float32)
    raters = [rng.random(SHAPE) < probability for _ in range(3)]
    band = rng.random(SHAPE) < 0.7
    score = rng.random(SHAPE).astype(np.float32)
    drawn = [rng.random(SHAPE) < probability for _ in range(samples)]
    metrics = compare_with_raters(
        probability, probability > 0.5, raters, band, {"score": score}, drawn, n_readers=n_readers
    )
    arrays = {"p": probability, "raters": np.array(raters), "band": band, "score": score}
    return metrics, arrays | {"samples": np.array(drawn)}


def test_dice_is_the_mean_over_raters() -> None:
    metrics, arrays = _case()
    prediction = arrays["p"] > 0.5
    expected = [
        2 * (prediction & rater).sum() / (prediction.sum() + rater.sum())
        for rater in arrays["raters"]
    ]
    assert metrics.dice == pytest.approx(np.mean(expected))


def test_every_rater_counts_in_the_likelihood() -> None:
    metrics, arrays = _case()
    truth = arrays["raters"][:, arrays["band"]]
    p = np.broadcast_to(arrays["p"][arrays["band"]].astype(np.float64), truth.shape)
    assert metrics.band.nll == pytest.approx(log_loss(truth.ravel(), p.ravel()), rel=1e-5)
    assert metrics.band.n_voxels == truth.size


def test_disagreement_is_detected_as_scikit_learn_says() -> None:
    metrics, arrays = _case()
    votes = arrays["raters"].sum(axis=0)[arrays["band"]]
    differ, score = (votes > 0) & (votes < 3), arrays["score"][arrays["band"]]
    assert metrics.disagreement_auroc["score"] == pytest.approx(
        roc_auc_score(differ, score), abs=2e-3
    )
    assert metrics.disagreement_aupr["score"] == pytest.approx(
        average_precision_score(differ, score), abs=2e-3
    )


def test_readers_without_a_contour_count_as_empty_masks_only_where_said() -> None:
    metrics, _ = _case(samples=8, n_readers=4)
    assert metrics.samples is not None
    same, _ = _case(samples=8, n_readers=3)
    assert same.samples is not None
    assert same.samples.energy == same.samples.energy_with_empty == metrics.samples.energy
    # A non-empty sample is at distance 1 from the empty mask of the fourth reader.
    between = (3 * metrics.samples.energy.between + 1) / 4
    assert metrics.samples.energy_with_empty.between == pytest.approx(between)


def test_the_interval_of_volumes_counts_the_raters_inside() -> None:
    shape = (1, 1, 100)
    masks = {n: (np.arange(100) < n).reshape(shape) for n in (10, 20, 30, 40)}
    metrics = compare_with_raters(
        np.full(shape, 0.2, np.float32),
        masks[20],
        [masks[10], masks[30]],
        np.ones(shape, bool),
        {},
        [masks[20], masks[40]],
        n_readers=2,
    )
    assert metrics.samples is not None
    assert metrics.samples.covered == 0.5  # 30 lies in [21, 39], 10 does not
    assert metrics.samples.interval_width == pytest.approx(18 / 20)


def test_without_samples_there_is_nothing_to_say_of_them() -> None:
    assert _case()[0].samples is None
