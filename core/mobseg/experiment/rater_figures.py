"""The figures of a comparison with several raters, by flat names."""

from __future__ import annotations

from mobseg.metrics.raters import RaterMetrics


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
        samples = metrics.samples
        figures |= {
            "samples.ged": samples.energy.squared,
            "samples.ged_between": samples.energy.between,
            "samples.ged_samples": samples.energy.within_samples,
            "samples.ged_raters": samples.energy.within_raters,
            "samples.ged_with_empty": samples.energy_with_empty.squared,
            "samples.volume_covered": samples.covered,
            "samples.volume_interval": samples.interval_width,
        }
    return figures
