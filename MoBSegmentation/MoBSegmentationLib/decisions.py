"""What a reviewer decided, and how it is found again when the regions change."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from mobseg.regions import FlaggedRegion

OPEN = "open"


@dataclass(frozen=True)
class Decision:
    """The decision on one region.

    Attributes:
        peak_kji: voxel of the region with the highest score; it stays when the threshold moves.
        voxel_count: size of the region that was looked at.
        status: see :data:`mobseg.regions.STATUSES`.
        comment: of the reviewer.
    """

    peak_kji: tuple[int, int, int]
    voxel_count: int
    status: str
    comment: str


class Decisions:
    """Decisions by the peaks of their regions.

    A region has the decision that was made at its peak. When a lower threshold has made the region larger
    than the one that was looked at, it is open again: the reviewer has not seen all of it. The decision is
    kept, and holds again when the threshold goes back.
    """

    def __init__(self, decisions: Iterable[Decision] = ()) -> None:
        self._by_peak = {decision.peak_kji: decision for decision in decisions}

    def __iter__(self) -> Iterator[Decision]:
        return iter(self._by_peak.values())

    def status(self, region: FlaggedRegion) -> str:
        """Status of a region."""
        decision = self._by_peak.get(region.peak_kji)
        if decision is None or region.voxel_count > decision.voxel_count:
            return OPEN
        return decision.status

    def comment(self, region: FlaggedRegion) -> str:
        """Comment on a region; it also holds for a larger one."""
        decision = self._by_peak.get(region.peak_kji)
        return decision.comment if decision else ""

    def set_status(self, region: FlaggedRegion, status: str) -> None:
        """Decide on a region as it is now.

        Raises:
            mobseg.errors.InvalidInput: there is no such status.
        """
        decided = dataclasses.replace(region, status=status)
        self._by_peak[region.peak_kji] = Decision(
            decided.peak_kji, decided.voxel_count, decided.status, self.comment(region)
        )

    def set_comment(self, region: FlaggedRegion, comment: str) -> None:
        """Comment on a region, which leaves its status alone."""
        decision = self._by_peak.get(region.peak_kji)
        if decision is None:
            decision = Decision(region.peak_kji, region.voxel_count, OPEN, comment)
        self._by_peak[region.peak_kji] = dataclasses.replace(decision, comment=comment)
