"""The figures of a comparison with several raters, by flat names."""

from __future__ import annotations

import math

from mobseg.metrics.raters import RaterMetrics, SampleMetrics

#: Names of the figures of samples.
SAMPLE_FIGURES = (
    "ged",
    "ged_between",
    "ged_samples",
    "ged_raters",
    "ged_with_empty",
    "volume_covered",
    "volume_interval",
)


def rater_figures(metrics: RaterMetrics) -> dict[str, float]:
    """Figures by name, all beginning with ``raters.`` or ``samples.``."""
    figures = {
        "raters.dice": metrics.dice,
        "raters.nll_band": metrics.band.nll,
        "raters.brier_band": metrics.band.brier,
    }
    for name, value in metrics.disagreement_auroc.items():
        figures[f"raters.{name}.disagreement_auroc"] = value
    for name, value in metrics.disagreement_aupr.items():
        figures[f"raters.{name}.disagreement_aupr"] = value
    if metrics.samples is not None:
        figures |= sample_figures(metrics.samples, "samples")
    return figures


def sample_figures(metrics: SampleMetrics | None, kind: str) -> dict[str, float]:
    """Figures of samples by name, all beginning with ``kind``; NaN where there are no samples."""
    if metrics is None:
        return dict.fromkeys((f"{kind}.{name}" for name in SAMPLE_FIGURES), math.nan)
    energy = metrics.energy
    values = (
        energy.squared,
        energy.between,
        energy.within_samples,
        energy.within_raters,
        metrics.energy_with_empty.squared,
        metrics.covered,
        metrics.interval_width,
    )
    return {f"{kind}.{name}": value for name, value in zip(SAMPLE_FIGURES, values, strict=True)}
