"""Measures one model on a set of cases and keeps every figure of every case."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from mobseg.device import choose_precision, precision_name
from mobseg.experiment.cases import MeasuredCase
from mobseg.experiment.learned_samples import learned_samples
from mobseg.experiment.rater_figures import rater_figures, sample_figures
from mobseg.experiment.region_figures import mean_region_review, region_figures, region_reviews
from mobseg.image_io import read_label_volume, read_scalar_volume
from mobseg.metrics.band import DEFAULT_BAND_MM, boundary_band
from mobseg.metrics.calibration import CalibrationHistogram
from mobseg.metrics.case import CaseMetrics, evaluate_case
from mobseg.metrics.domain import DomainMetrics
from mobseg.metrics.raters import RaterMetrics, compare_samples, compare_with_raters
from mobseg.metrics.region_review import RegionReview
from mobseg.metrics.score_metrics import COMPARED_SCORES, REVIEW_STEPS, compared_score
from mobseg.metrics.summary import finite_or_none, summarise
from mobseg.metrics.temperature import LogitHistogram, tempered
from mobseg.model import LoadedModel
from mobseg.options import SegmentOptions
from mobseg.pipeline import segment_volume
from mobseg.prediction import PredictionMaps
from mobseg.progress import Progress, SilentProgress
from mobseg.regions import DEFAULT_MAX_EXTENT_MM
from mobseg.uncertainty import error_probability
from mobseg.volume import LabelVolume, ScalarVolume

Mask = npt.NDArray[np.bool_]

#: Figures of a case by name, such as ``"variance.aupr_band"``.
Figures = dict[str, float]


@dataclass(frozen=True)
class MeasurementOptions:
    """How a model is measured.

    Attributes:
        device: where it runs.
        mirror: average over mirrored passes.
        precision: of the network, see :class:`mobseg.options.SegmentOptions`; a comparison measures dozens
            of models, so the faster one is the default.
        samples: label maps drawn from each case, for what compares samples with raters.
        readers: how many looked at each case; ``None`` takes those who marked it.
        band_mm: half width of the boundary band.
        temperature: also measure probabilities scaled by it; ``None`` leaves that out.
        region_extent_mm: longest extent of a region that the simulated reviewer looks at.
    """

    device: str = "auto"
    mirror: bool = False
    precision: str = "auto"
    samples: int = 0
    readers: int | None = None
    band_mm: float = DEFAULT_BAND_MM
    temperature: float | None = None
    region_extent_mm: float = DEFAULT_MAX_EXTENT_MM


@dataclass(frozen=True, eq=False)
class _Case:
    """What is kept of one case until all are measured."""

    name: str
    metrics: CaseMetrics
    raters: RaterMetrics | None
    tempered_band: DomainMetrics | None
    regions: dict[str, RegionReview]
    figures: Figures


def measure(
    model: LoadedModel,
    cases: Sequence[MeasuredCase],
    options: MeasurementOptions,
    progress: Progress,
) -> dict[str, Any]:
    """Segment every case, compare it with its references, and collect the figures.

    Returns:
        Plain values for JSON; undefined figures are None. ``cases``: figures by case and name; ``pooled``:
        calibration of all voxels together; ``reliability``: curves of it; ``review``: mean curves;
        ``region_review``: the same by number of regions; ``temperature``: the best one for these cases;
        ``summary``: see :func:`mobseg.metrics.summary.summarise`.

    Raises:
        InvalidInput: a file cannot be used.
        Cancelled: the user cancelled.
    """
    logits = LogitHistogram()
    measured = []
    for index, case in enumerate(cases):
        progress.raise_if_cancelled()
        progress.report(f"Case {index + 1} of {len(cases)}", index / len(cases))
        measured.append(_measure_case(model, case, options, logits))
    summary = summarise([case.metrics for case in measured])
    return finite_or_none(
        {
            "is_stochastic": model.is_stochastic,
            "band_mm": options.band_mm,
            "cases": {case.name: finite_or_none(case.figures) for case in measured},
            "pooled": _pooled(measured),
            "reliability": _reliability(measured),
            "review": _mean_review(measured),
            "region_review": mean_region_review([case.regions for case in measured]),
            "temperature": {"applied": options.temperature, "best": logits.best_temperature()},
            "summary": summary,
        }
    )


def _measure_case(
    model: LoadedModel, case: MeasuredCase, options: MeasurementOptions, logits: LogitHistogram
) -> _Case:
    volume = read_scalar_volume(case.case.image).volume
    # Whatever the model's bundle prefers: all models of a comparison are measured alike.
    precision = precision_name(choose_precision(options.precision, model.device))
    segment = SegmentOptions(
        device=options.device,
        mirror=options.mirror,
        precision=precision,
        samples=options.samples if case.raters else 0,
    )
    segmentation = segment_volume(volume, model, segment, SilentProgress())
    maps, reference = segmentation.maps.dense(), read_label_volume(case.case.reference)
    raters = [read_label_volume(path) for path in case.raters]
    metrics = evaluate_case(maps, reference, band_mm=options.band_mm)
    spacing = maps.geometry.spacing_kji_mm
    band = boundary_band(maps.labels, reference.array, spacing, options.band_mm)
    truths = [rater.array > 0 for rater in raters] or [reference.array > 0]
    foreground = maps.probability_mean.sum(axis=0)
    for truth in truths:
        logits.update(foreground[band], truth[band])
    with_raters = (
        _compare_with_raters(maps, segmentation.samples, raters, band, options) if raters else None
    )
    scaled = _tempered_band(maps, truths, band, options.temperature)
    regions = region_reviews(
        maps, reference, int(np.count_nonzero(band)), max_extent_mm=options.region_extent_mm
    )
    figures = case_figures(metrics, maps) | region_figures(regions)
    if with_raters is not None:
        figures |= rater_figures(with_raters)
        if options.samples:
            figures |= _learned_figures(model, volume, truths, options)
    if scaled is not None:
        figures |= {"nll_band_tempered": scaled.nll, "brier_band_tempered": scaled.brier}
    return _Case(case.case.name, metrics, with_raters, scaled, regions, figures)


def _compare_with_raters(
    maps: PredictionMaps,
    samples: Sequence[npt.NDArray[np.unsignedinteger]],
    raters: Sequence[LabelVolume],
    band: Mask,
    options: MeasurementOptions,
) -> RaterMetrics:
    return compare_with_raters(
        maps.probability_mean.sum(axis=0),
        maps.labels > 0,
        [rater.array > 0 for rater in raters],
        band,
        {name: compared_score(maps, name) for name in COMPARED_SCORES},
        [sample > 0 for sample in samples],
        n_readers=max(options.readers or 0, len(raters)),
    )


def _learned_figures(
    model: LoadedModel, volume: ScalarVolume, raters: Sequence[Mask], options: MeasurementOptions
) -> Figures:
    """Figures of samples with the correlation that the model learned."""
    samples = learned_samples(model, volume, options.samples, seed=0)
    readers = max(options.readers or 0, len(raters))
    metrics = compare_samples(samples, raters, readers) if samples else None
    return sample_figures(metrics, "learned")


def _tempered_band(
    maps: PredictionMaps, truths: Sequence[Mask], band: Mask, temperature: float | None
) -> DomainMetrics | None:
    """Scores of the scaled probability; the label map stays what it is."""
    if temperature is None or len(maps.label_table) > 1:
        return None
    domain = DomainMetrics([label.name for label in maps.label_table])
    scaled = tempered(maps.probability_mean[0][band], temperature)
    predicted = (maps.labels[band] > 0).astype(np.int64)
    for truth in truths:
        domain.update(scaled[None], predicted, truth[band].astype(np.int64))
    return domain


def case_figures(metrics: CaseMetrics, maps: PredictionMaps) -> Figures:
    """The figures of one case, by flat names."""
    dice = list(metrics.dice.values())
    figures = {
        "dice": float(np.mean(dice)),
        "predicted_dice": float(np.mean(list(metrics.predicted_dice.values()))),
        "expected_error_share": _expected_error_share(maps),
        "nll": metrics.everywhere.nll,
        "nll_band": metrics.band.nll,
        "brier_band": metrics.band.brier,
    }
    if len(dice) > 1:
        figures |= {f"dice.{name}": value for name, value in metrics.dice.items()}
    for score, measured in metrics.scores.items():
        figures |= {f"{score}.{name}": value for name, value in measured.to_dict().items()}
    return figures


def _expected_error_share(maps: PredictionMaps) -> float:
    """Expected error volume over the volume of the prediction: a doubt about the whole case."""
    predicted = np.count_nonzero(maps.labels)
    error = float(error_probability(maps).sum(dtype=np.float64))
    return error / predicted if predicted else math.inf


def _pooled(cases: Sequence[_Case]) -> dict[str, Any]:
    """Calibration errors of the voxels of all cases together, by domain."""
    domains = {
        "everywhere": [case.metrics.everywhere for case in cases],
        "band": [case.metrics.band for case in cases],
        "raters_band": [case.raters.band for case in cases if case.raters],
        "tempered_band": [case.tempered_band for case in cases if case.tempered_band],
    }
    return {
        name: CalibrationHistogram.merged(one.top_label for one in found).errors()
        for name, found in domains.items()
        if found
    }


def _reliability(cases: Sequence[_Case]) -> dict[str, Any]:
    """Points of the calibration curves of the foreground probability in the band."""
    curves = {}
    domains = {
        "band": [case.metrics.band for case in cases],
        "raters_band": [case.raters.band for case in cases if case.raters],
    }
    for name, found in domains.items():
        if found:
            histograms = (h for domain in found for h in domain.foreground.values())
            curves[name] = CalibrationHistogram.merged(histograms).curve()
    return curves


def _mean_review(cases: Sequence[_Case]) -> dict[str, Any]:
    """Mean over cases of the review curves of every map, and of the ideal order."""
    curves: dict[str, Any] = {"steps": REVIEW_STEPS.tolist()}
    for name in cases[0].metrics.scores:
        scores = [case.metrics.scores[name] for case in cases]
        curves[name] = {
            "found": np.nanmean([score.found for score in scores], axis=0).tolist(),
            "dice": np.nanmean([score.dice_while for score in scores], axis=0).tolist(),
        }
    shares = [case.metrics.error_share_of_band for case in cases]
    oracle = [np.minimum(REVIEW_STEPS / share, 1) for share in shares if share > 0]
    curves["oracle"] = {"found": np.mean(oracle, axis=0).tolist() if oracle else None}
    return curves
