"""One place to look at."""

from __future__ import annotations

from dataclasses import dataclass

from mobseg.errors import InvalidInput

#: How a region lies with respect to the segmentation; defined in :mod:`mobseg.regions.reasons`.
REASONS = ("boundary", "isolated", "missed candidate", "interior")

#: What a reviewer decided about a region.
STATUSES = ("open", "accepted", "edited", "rejected")

#: First and one-past-last index along k, j and i.
Window = tuple[tuple[int, int], tuple[int, int], tuple[int, int]]


@dataclass(frozen=True)
class FlaggedRegion:
    """Neighbouring voxels whose score reaches the threshold.

    Attributes:
        id: rank, starting at 1 for the largest expected error.
        label_value: foreground label with the largest summed mean probability in the region. For a missed
            candidate this is what the structure may be, not what it was labelled.
        label_name: its name.
        window_kji: smallest box that holds the region, as half-open index ranges along k, j and i.
        peak_kji: voxel with the highest score.
        peak_ras_mm: centre of that voxel, RAS.
        volume_mm3: volume of the region's voxels.
        voxel_count: number of voxels.
        peak_score: highest score, in the unit of the map that was flagged.
        mean_score: mean score.
        expected_error_mm3: sum of the error probability over the region times the voxel volume: how much
            of the region is labelled wrongly if the model's probabilities are right. It is an expectation
            under the model, not a measured error.
        reason: one of :data:`REASONS`.
        status: the reviewer's decision, one of :data:`STATUSES`.

    Raises:
        InvalidInput: the reason or the status is unknown.
    """

    id: int
    label_value: int
    label_name: str
    window_kji: Window
    peak_kji: tuple[int, int, int]
    peak_ras_mm: tuple[float, float, float]
    volume_mm3: float
    voxel_count: int
    peak_score: float
    mean_score: float
    expected_error_mm3: float
    reason: str
    status: str = "open"

    def __post_init__(self) -> None:
        if self.reason not in REASONS:
            raise InvalidInput(f"A region's reason must be one of {REASONS}, got {self.reason!r}.")
        if self.status not in STATUSES:
            raise InvalidInput(f"A region's status must be one of {STATUSES}, got {self.status!r}.")
