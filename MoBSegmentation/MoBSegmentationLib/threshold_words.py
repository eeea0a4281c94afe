"""A threshold in words for a reader."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from mobseg.regions import FlaggedRegion


def describe_threshold(
    threshold: float, regions: Sequence[FlaggedRegion], review_curve: Mapping[str, Any] | None
) -> str:
    """How much there is to look at, and what the same threshold caught on the model's validation cases.

    Args:
        threshold: in the unit of the score map.
        regions: what it flags here.
        review_curve: of the model's ``mobseg.json``; ``None`` or a damaged one is said to be missing.
    """
    volume_ml = sum(region.volume_mm3 for region in regions) / 1000
    noun = "region" if len(regions) == 1 else "regions"
    here = f"{len(regions)} {noun}, {volume_ml:.1f} mL to look at"
    return f"{here}; {_on_validation(threshold, review_curve)}."


def _on_validation(threshold: float, review_curve: Mapping[str, Any] | None) -> str:
    from mobseg.errors import BundleError  # noqa: PLC0415
    from mobseg.metrics.review import ReviewCurve  # noqa: PLC0415

    unknown = "how much this catches was not measured for this model"
    if review_curve is None:
        return unknown
    try:
        curve = ReviewCurve.from_dict(review_curve)
    except BundleError:
        return unknown
    share = curve.lookup(threshold).share_caught
    cases = "case" if curve.n_cases == 1 else "cases"
    return (
        f"on {curve.n_cases} validation {cases} this threshold caught {100 * share:.0f} % of the error "
        "volume"
    )
