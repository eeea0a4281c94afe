"""Variances that are fitted to the validation cases: which there are, and how they are called."""

from __future__ import annotations

from dataclasses import dataclass

from mobseg.experiment.config import ExperimentConfig


@dataclass(frozen=True)
class FittedVariance:
    """One way to fit the variance of a fine-tuned model, which keeps its label map.

    Attributes:
        arms: names of the arms whose seeds are measured with it as well.
        suffix: of the fitted model's name.
        title: in tables.
        options: of ``mobseg rescale``.
    """

    arms: tuple[str, ...]
    suffix: str
    title: str
    options: tuple[str, ...]


def fitted_variances(config: ExperimentConfig) -> tuple[FittedVariance, ...]:
    """All ways, in the order of the tables."""
    constant, by_distance = ("--constant",), ("--form", "place")
    return (
        FittedVariance(config.rescaled, "rescaled", "variance rescaled", ()),
        FittedVariance(config.constant_variance, "constant", "constant variance", constant),
        FittedVariance(config.by_distance, "by-distance", "variance by distance", by_distance),
        FittedVariance(
            config.constant_by_distance,
            "constant-by-distance",
            "constant variance by distance",
            (*constant, *by_distance),
        ),
    )
