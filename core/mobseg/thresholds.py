"""Which map flags the regions, and from which value on."""

from __future__ import annotations

from mobseg.bundle.metadata import BundleMetadata
from mobseg.prediction_folder import ThresholdRecord
from mobseg.uncertainty import default_score

#: Used when a model brings no review curve: the value of each map for a foreground probability of 0.1
#: (or 0.9), and for the variance that of a probability that is 0.1 on average and uniform in [0, 0.2].
WITHOUT_CURVE = {
    "variance": 0.0033,
    "entropy": 0.325,
    "mutual_information": 0.02,
    "error_probability": 0.1,
}


def choose_threshold(
    metadata: BundleMetadata | None, requested: float | None, *, is_stochastic: bool
) -> ThresholdRecord:
    """The user's threshold, or the model's, or a default that says that it is one.

    Args:
        metadata: of the model's bundle.
        requested: by the user; ``None`` for automatic.
        is_stochastic: whether the model predicts a variance.
    """
    score = metadata.score_map if metadata else default_score(is_stochastic)
    if requested is not None:
        return ThresholdRecord(score, requested, "Chosen by the user.")
    if metadata and metadata.recommended_threshold is not None:
        return ThresholdRecord(
            score,
            metadata.recommended_threshold,
            "From the model's review curve on validation cases.",
        )
    return ThresholdRecord(
        score,
        WITHOUT_CURVE[score],
        "A general default, because this model was not measured on validation cases.",
    )
