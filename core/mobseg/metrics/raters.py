"""One prediction against the contours of several raters: agreement, calibration, diversity, volume.

Everything is of the union of the foreground labels. The voxels of all raters count alike, so a probability
is calibrated when it is the share of the raters who would include the voxel.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from mobseg.metrics.domain import DomainMetrics
from mobseg.metrics.energy_distance import EnergyDistance, energy_distance
from mobseg.metrics.error_detection import auroc, average_precision
from mobseg.metrics.overlap import dice
from mobseg.metrics.score_histogram import ScoreHistogram

Mask = npt.NDArray[np.bool_]
Floats = npt.NDArray[np.floating]

#: Ends of the central interval of the sampled volumes, which holds 90 % of them.
INTERVAL = (0.05, 0.95)


@dataclass(frozen=True, eq=False)
class RaterMetrics:
    """Figures of one case.

    Attributes:
        dice: mean Dice of the label map and a rater.
        band: proper scores and calibration over the band, every rater's voxels counted.
        disagreement_auroc: of each map for the voxels of the band on which the raters differ, by name.
        disagreement_aupr: the same as average precision.
        samples: what needs samples of the model, ``None`` without any.
    """

    dice: float
    band: DomainMetrics
    disagreement_auroc: dict[str, float]
    disagreement_aupr: dict[str, float]
    samples: SampleMetrics | None


@dataclass(frozen=True)
class SampleMetrics:
    """Samples of the model against the raters.

    Attributes:
        energy: distance to the raters who marked the structure.
        energy_with_empty: the same with an empty mask for every reader who did not.
        covered: share of the raters whose volume lies in the central 90 % interval of the samples.
        interval_width: width of that interval over the mean volume of the raters.
    """

    energy: EnergyDistance
    energy_with_empty: EnergyDistance
    covered: float
    interval_width: float


def compare_with_raters(
    probability: Floats,
    predicted: Mask,
    raters: Sequence[Mask],
    band: Mask,
    scores: dict[str, Floats],
    samples: Sequence[Mask],
    *,
    n_readers: int,
) -> RaterMetrics:
    """Measure one prediction.

    Args:
        probability: (K, J, I) mean probability of foreground.
        predicted: (K, J, I) foreground of the label map.
        raters: masks of the raters who marked the structure, at least one.
        band: (K, J, I) mask of the boundary band.
        scores: uncertainty maps by name, not negative.
        samples: masks drawn from the predictive distribution; may be empty.
        n_readers: how many looked at the case, at least the number of ``raters``.
    """
    pooled = DomainMetrics(["foreground"])
    near = probability[band]
    for rater in raters:
        pooled.update(near[None], predicted[band].astype(np.int64), rater[band].astype(np.int64))
    votes = np.sum(raters, axis=0)[band]
    differ = (votes > 0) & (votes < len(raters))
    histograms = {name: _histogram(score[band], differ) for name, score in scores.items()}
    return RaterMetrics(
        dice=float(np.mean([dice(predicted, rater) for rater in raters])),
        band=pooled,
        disagreement_auroc={name: auroc(one) for name, one in histograms.items()},
        disagreement_aupr={name: average_precision(one) for name, one in histograms.items()},
        samples=compare_samples(samples, raters, n_readers) if samples else None,
    )


def _histogram(score: Floats, event: Mask) -> ScoreHistogram:
    histogram = ScoreHistogram()
    histogram.update(score, event)
    return histogram


def compare_samples(
    samples: Sequence[Mask], raters: Sequence[Mask], n_readers: int
) -> SampleMetrics:
    """Measure samples of a model against the raters, see :func:`compare_with_raters`."""
    empty = [np.zeros_like(raters[0])] * (n_readers - len(raters))
    volumes = np.array([np.count_nonzero(sample) for sample in samples])
    truths = np.array([np.count_nonzero(rater) for rater in raters])
    low, high = np.quantile(volumes, INTERVAL)
    return SampleMetrics(
        energy=energy_distance(samples, raters),
        energy_with_empty=energy_distance(samples, [*raters, *empty]),
        covered=float(np.mean((truths >= low) & (truths <= high))),
        interval_width=float((high - low) / truths.mean()),
    )
